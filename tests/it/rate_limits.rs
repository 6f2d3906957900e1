//! The limits of requests: what is counted for whom, and how it is refused. Here the database
//! counts; `redis.rs` has the same with Redis.

use mapae::store::rate_limits;

use crate::password::PROXY;
use crate::support::{App, Database, PASSWORD, Reply, Server, both, form};

#[track_caller]
fn too_many(reply: &Reply, of: &str, seconds: &str) {
    reply.refused(429, "temporarily_unavailable");
    assert_eq!(reply.header("retry-after"), seconds, "{}", reply.text);
    assert!(reply.text("error_description").ends_with(of), "{}", reply.text);
}

#[track_caller]
fn not_limited(reply: &Reply) {
    assert_ne!(reply.status, 429, "{}", reply.text);
}

async fn rows(server: &Server) -> i64 {
    server.evidence().await.count("SELECT count(*) AS n FROM rate_limit").await
}

const ENDPOINTS: [&str; 5] = ["/token", "/par", "/introspect", "/revoke", "/authorize-challenge"];

both! {
    async fn nothing_is_limited_or_written_by_default(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        for path in ENDPOINTS {
            not_limited(&app.post(path, &[("token", "x")]).await);
        }
        assert_eq!(rows(&server).await, 0);
    }

    async fn an_address_sends_its_burst_and_then_one_in_each_interval(database) {
        let settings = [PROXY, ("rate_limit.address", "5/5m")];
        let server = Server::start_with(&database, &settings).await;
        let app = server.client("app", |_| {}).await;
        let here = app.behind_proxy("192.0.2.1");
        // All endpoints are counted together, whether the request is good or not.
        for path in ENDPOINTS {
            not_limited(&here.post(path, &[("token", "x")]).await);
        }
        for path in ENDPOINTS {
            too_many(&here.post(path, &[("token", "x")]).await, ": address", "60");
        }
        // Not even a request that names no client is let through, nor one that is no form.
        let raw = here.http.post(server.url("/token")).body("?");
        too_many(&Reply::of(raw.send().await.unwrap()).await, ": address", "60");
        // Nobody else is concerned, and pages are not.
        not_limited(&app.behind_proxy("192.0.2.2").post("/token", &[]).await);
        let page = here.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
        assert_eq!(page.status(), 200);
        server.advance(59);
        too_many(&here.post("/revoke", &[]).await, ": address", "1");
        server.advance(1);
        not_limited(&here.post("/token", &[]).await);
        too_many(&here.post("/token", &[]).await, ": address", "60");
        // After the whole time the burst is back, and no more than that.
        server.advance(3600);
        for path in ENDPOINTS {
            not_limited(&here.post(path, &[("token", "x")]).await);
        }
        too_many(&here.post("/token", &[]).await, ": address", "60");
    }

    async fn s162_a_client_uses_up_its_own_limit_and_nobody_else_does(database) {
        let server = Server::start_with(&database, &[("rate_limit.client", "3/3m")]).await;
        let app = server.client("app", |_| {}).await;
        let other = server.client("other", |_| {}).await;
        // Whoever does not have the secret does not use up the limit.
        let stranger = App { secret: Some("wrong".to_owned()), ..app.clone() };
        for _ in 0..5 {
            stranger.post("/token", &[]).await.refused(401, "invalid_client");
        }
        let grant = [("grant_type", "client_credentials")];
        app.token(&grant).await.ok();
        assert!(!app.is_active("x").await);
        app.revoke("x").await.ok();
        too_many(&app.token(&grant).await, ": client", "60");
        too_many(&app.post("/introspect", &[("token", "x")]).await, ": client", "60");
        too_many(&app.revoke("x").await, ": client", "60");
        other.token(&grant).await.ok();
        server.advance(60);
        app.token(&grant).await.ok();
    }

    async fn an_account_has_a_limit_at_each_client_and_can_always_be_signed_out(database) {
        let server = Server::start_with(&database, &[("rate_limit.account", "4/4m")]).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.client("app", |_| {}).await;
        let other = server.client("other", |_| {}).await;
        let (access, token) = app.password("openid").await.pair();
        let (_, bobs) = app.password_as("bob", PASSWORD, "openid").await.pair();
        let (_, elsewhere) = other.password("openid").await.pair();
        // Two refreshes, two introspections.
        let (_, token) = app.refresh(&token).await.pair();
        let (_, token) = app.refresh(&token).await.pair();
        assert!(app.is_active(&access).await && app.is_active(&token).await);
        too_many(&app.refresh(&token).await, ": account", "60");
        too_many(&app.post("/introspect", &[("token", &access)]).await, ": account", "60");
        // Another client speaks of the same account by its own limit, another account has its own,
        // and what is nobody's token, or another client's, counts for nobody.
        let (_, elsewhere) = other.refresh(&elsewhere).await.pair();
        app.refresh(&bobs).await.ok();
        for _ in 0..4 {
            assert!(!other.is_active("x").await);
            other.refresh(&token).await.refused(400, "invalid_grant");
        }
        other.refresh(&elsewhere).await.ok();
        // What was refused is still good afterwards, and a token can always be revoked.
        server.advance(60);
        let (_, token) = app.refresh(&token).await.pair();
        too_many(&app.refresh(&token).await, ": account", "60");
        app.revoke(&token).await.ok();
        server.advance(240);
        app.refresh(&token).await.refused(400, "invalid_grant");
    }

    async fn buckets_that_are_empty_are_deleted(database) {
        let server = Server::start_with(&database, &[("rate_limit.client", "2/2m")]).await;
        let app = server.client("app", |_| {}).await;
        app.token(&[("grant_type", "client_credentials")]).await.ok();
        assert_eq!(rows(&server).await, 1);
        for (seconds, left) in [(59, 1), (2, 0)] {
            server.advance(seconds);
            let tx = server.inner.services().store.begin(server.now().now()).await.unwrap();
            rate_limits::forget(&tx, tx.now(), 500).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(rows(&server).await, left);
        }
    }

    async fn requests_that_arrive_together_are_counted_exactly(database) {
        let server = Server::start_with(&database, &[("rate_limit.client", "20/1h")]).await;
        let app = server.client("app", |_| {}).await;
        let all = (0..60).map(|_| app.token(&[("grant_type", "client_credentials")]));
        let replies = futures_util::future::join_all(all).await;
        let allowed = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(allowed, 20);
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            too_many(reply, ": client", "180");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_addresses_of_one_ipv6_network_are_one_address() {
    let settings = [PROXY, ("rate_limit.address", "2/1h")];
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    let app = server.client("app", |_| {}).await;
    for address in ["2001:db8::1", "2001:db8::2"] {
        not_limited(&app.behind_proxy(address).post("/token", &[]).await);
    }
    too_many(&app.behind_proxy("2001:db8::3").post("/token", &[]).await, ": address", "1800");
    not_limited(&app.behind_proxy("2001:db8:0:1::1").post("/token", &[]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_typed_has_a_limit_whether_somebody_has_it_or_not() {
    let settings = [PROXY, ("rate_limit.account", "2/2m")];
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    server.alice().await;
    let app = server.public_client("app").await;
    for name in ["alice", "nobody"] {
        for _ in 0..2 {
            not_limited(&app.password_as(name, PASSWORD, "read").await);
        }
        let spelled = name.to_uppercase();
        too_many(&app.password_as(&spelled, PASSWORD, "read").await, ": account", "60");
    }
    // A stranger elsewhere uses up nothing of what the owner may try.
    let home = app.behind_proxy("203.0.113.9");
    home.password("read").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s162_whoever_names_a_public_client_keeps_nobody_elsewhere_out() {
    let settings = [PROXY, ("rate_limit.client", "2/1h")];
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    server.alice().await;
    let app = server.public_client("app").await;
    for _ in 0..2 {
        not_limited(&app.refresh("x").await);
    }
    too_many(&app.refresh("x").await, ": client", "1800");
    app.behind_proxy("203.0.113.9").password("read").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_still_good_after_its_account_had_too_many_requests() {
    let server = Server::start_with(&Database::Sqlite, &[("rate_limit.account", "1/10s")]).await;
    server.alice().await;
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    let mut browser = server.browser();
    let (one, two) = (browser.code(&app).await, browser.code(&app).await);
    app.exchange(&one).await.ok();
    too_many(&app.exchange(&two).await, ": account", "10");
    server.advance(10);
    app.exchange(&two).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_an_allowed_origin_reads_when_to_try_again() {
    const SPA: &str = "https://spa.example.com";
    let server = Server::start_with(&Database::Sqlite, &[("rate_limit.address", "1/1h")]).await;
    let app = server.public_client("app").await;
    server.change("app", |client| client.metadata.allowed_origins = vec![SPA.to_owned()]).await;
    let ask = async || {
        let request = app.http.post(server.url("/token")).header("origin", SPA);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = form(&[("client_id", "app"), ("grant_type", "refresh_token")]);
        Reply::of(request.body(body).send().await.unwrap()).await
    };
    not_limited(&ask().await);
    let refused = ask().await;
    too_many(&refused, ": address", "3600");
    assert_eq!(refused.header("access-control-allow-origin"), SPA);
    assert!(refused.header("access-control-expose-headers").contains("Retry-After"));
}
