//! The password grant, RFC 6749 §4.3, and its throttle.

use futures_util::future::join_all;

use crate::support::{App, PASSWORD, Reply, Server, both, form};
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::users::Who;
use mapae::domain::grant_type::GrantType;

/// A sign-in through a proxy that says where it comes from.
pub(crate) async fn from(app: &App, address: &str, username: &str, password: &str) -> Reply {
    let fields = [("grant_type", "password"), ("username", username), ("password", password)];
    let request = app.http.post(format!("{}/token", app.base));
    // RFC 6749 §2.3.1: a public client names itself in the body.
    let named = [fields.as_slice(), &[("client_id", app.id.as_str())]].concat();
    let request = match &app.secret {
        Some(secret) => request.basic_auth(&app.id, Some(secret)).body(form(&fields)),
        None => request.body(form(&named)),
    };
    let request = request.header("x-forwarded-for", address);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.send().await.unwrap()).await
}

pub(crate) const PROXY: (&str, &str) = ("trusted_proxies", "127.0.0.1");

#[track_caller]
pub(crate) fn throttled(reply: &Reply) {
    reply.refused(429, "temporarily_unavailable");
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=3601).contains(&seconds), "{seconds}");
}

/// Cheap hashes: nobody waits so long for their turn that they are turned away.
const CHEAP: [(&str, &str); 2] = [("hashing.memory_kib", "7168"), ("hashing.passes", "1")];

both! {
    async fn s028_unknown_wrong_disabled_and_without_password_are_one_answer(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("federated", None).await;
        server.user("gone", Some(PASSWORD)).await;
        let store = &server.inner.services().store;
        mapae::admin::users::disable(&May::operator(), store, server.now(), Target::named("gone")).await.unwrap();
        let app = server.client("app", |_| {}).await;
        let mut answers = Vec::new();
        for (username, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD),
            ("federated", "x"), ("a b", PASSWORD), ("nul\0", PASSWORD), ("alice", "wr\0ng")] {
            let reply = app.password_as(username, password, "read").await;
            reply.refused(400, "invalid_grant");
            answers.push(reply.text);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        app.password("read").await.ok();
    }

    async fn s027_only_for_clients_that_are_registered_for_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.grant_types = vec![GrantType::ClientCredentials]).await;
        app.password("read").await.refused(400, "unauthorized_client");
    }

    async fn s153_variants_of_a_name_are_one_name(database) {
        let server = Server::start(&database).await;
        let sub = server.user("홍길동", Some("비밀번호 마패")).await;
        let app = server.client("app", |_| {}).await;
        let jamo = |text: &str| unicode_normalization::UnicodeNormalization::nfd(text).collect::<String>();
        let reply = app.password_as(&jamo("홍길동"), &jamo("비밀번호 마패"), "read").await.ok();
        assert_eq!(crate::support::decode_claims(&reply.text("access_token"))["sub"], sub.as_str());
        let sub = server.alice().await;
        for name in ["ALICE", "ａｌｉｃｅ"] {
            let reply = app.password_as(name, PASSWORD, "read").await.ok();
            assert_eq!(crate::support::decode_claims(&reply.text("access_token"))["sub"], sub.as_str());
        }
    }

    async fn the_throttle_of_one_account_from_one_address(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        server.alice().await;
        let app = server.public_client("app").await;
        for name in ["alice", "nobody"] {
            for _ in 0..10 {
                from(&app, "192.0.2.1", name, "wrong").await.refused(400, "invalid_grant");
            }
            throttled(&from(&app, "192.0.2.1", name, "wrong").await);
            throttled(&from(&app, "192.0.2.1", name, PASSWORD).await);
        }
        from(&app, "192.0.2.2", "ALICE", PASSWORD).await.ok();
        // One failure is forgotten after half a minute, and another one fits in.
        server.advance(30);
        from(&app, "192.0.2.1", "alice", "wrong").await.refused(400, "invalid_grant");
        throttled(&from(&app, "192.0.2.1", "alice", PASSWORD).await);
        server.advance(30);
        from(&app, "192.0.2.1", "alice", PASSWORD).await.ok();
    }

    async fn the_throttle_of_one_address_counts_an_ipv6_64_as_one(database) {
        let settings = [PROXY, ("throttle.address.failures", "3")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = server.public_client("app").await;
        for last in 1..=3 {
            let address = format!("2001:db8::{last}");
            from(&app, &address, &format!("n{last}"), "wrong").await.refused(400, "invalid_grant");
        }
        throttled(&from(&app, "2001:db8::ffff", "alice", PASSWORD).await);
        from(&app, "2001:db8:0:1::1", "alice", PASSWORD).await.ok();
    }

    async fn lock_out_is_no_weapon(database) {
        let settings = [PROXY, ("throttle.account.failures", "5")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = server.public_client("app").await;
        from(&app, "198.51.100.7", "alice", PASSWORD).await.ok();
        for last in 1..=5 {
            from(&app, &format!("192.0.2.{last}"), "alice", "wrong").await.refused(400, "invalid_grant");
        }
        throttled(&from(&app, "192.0.2.6", "alice", PASSWORD).await);
        from(&app, "198.51.100.7", "alice", PASSWORD).await.ok();
        server.advance(3601);
        from(&app, "192.0.2.6", "alice", PASSWORD).await.ok();
    }

    async fn s073_parallel_failures_cannot_outrun_the_throttle(database) {
        let server = Server::start_with(&database, &CHEAP).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let replies = join_all((0..40).map(|_| app.password_as("alice", "wrong", "read"))).await;
        let checked = replies.iter().filter(|reply| reply.status == 400).count();
        assert!(checked <= 10, "{checked}");
        replies.iter().filter(|reply| reply.status != 400).for_each(throttled);
    }

    async fn success_does_not_count_not_even_in_parallel(database) {
        let server = Server::start_with(&database, &CHEAP).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        for reply in join_all((0..24).map(|_| app.password("read"))).await {
            reply.ok();
        }
        for _ in 0..10 {
            app.password_as("alice", "wrong", "read").await.refused(400, "invalid_grant");
        }
        throttled(&app.password("read").await);
    }

    async fn hashes_are_renewed_when_the_cost_changes(database) {
        let server = Server::start_with(&database, &[("hashing.passes", "1")]).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let store = &server.inner.services().store;
        let hash = async || {
            let user = mapae::admin::users::find(&May::operator(), &**store, Who::Name("alice")).await.unwrap();
            user.password_hash.unwrap()
        };
        let tx = store.begin(server.now().now()).await.unwrap();
        let user = mapae::admin::users::find(&May::operator(), &tx, Who::Name("alice")).await.unwrap();
        let cheap = mapae::accounts::password_hash::Cost { memory: 64, passes: 1 };
        let hasher = mapae::accounts::hashing::Hasher::new(cheap, 1).unwrap();
        let old = hasher.hash(PASSWORD.as_bytes().to_vec().into()).await.unwrap();
        mapae::store::users::replace_hash(&tx, &user.id, &user.password_hash.unwrap(), &old).await.unwrap();
        tx.commit().await.unwrap();
        app.password("read").await.ok();
        assert!(hash().await.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "{}", hash().await);
        app.password("read").await.ok();
    }
}
