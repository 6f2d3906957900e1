//! Two servers on one Postgres learn of what happens at the other.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::clients::Target;
use mapae::domain::client::TokenAlg;

use crate::support::{
    App, Binary, Browser, Cli, ClientArguments, Evidence, PASSWORD, Server, USERNAME,
    decode_header, eventually, form, postgres_or_skip,
};

async fn kids(app: &App) -> BTreeSet<String> {
    let jwks = app.http.get(format!("{}/.well-known/jwks.json", app.base)).send().await.unwrap();
    let jwks: serde_json::Value = jwks.json().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_client_is_known_to_the_other_replica() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    // A client that is not in memory is looked up, so a new one is known at once.
    let (access, token) = there.password("openid").await.pair();
    assert!(here.is_active(&access).await && here.userinfo(&access).await.status == 200);
    let (_, token) = here.refresh(&token).await.pair();
    let issuer = server.inner.services();
    mapae::admin::clients::set_enabled(
        &May::operator(),
        &issuer.store,
        server.now(),
        Target::of("app"),
        false,
    )
    .await
    .unwrap();
    eventually("the other replica turns the client away", async || {
        there.refresh("x").await.status == 401
    })
    .await;
    mapae::admin::clients::set_enabled(
        &May::operator(),
        &issuer.store,
        server.now(),
        Target::of("app"),
        true,
    )
    .await
    .unwrap();
    // Another secret is good at once: what does not match is looked up.
    let secret = mapae::admin::clients::rotate_secret(
        &May::operator(),
        &issuer.store,
        server.now(),
        Target::of("app"),
        None,
    )
    .await
    .unwrap();
    let renewed = App { secret: Some(secret.expose().to_owned()), ..there.clone() };
    // What the client was given has ended when it was turned away.
    renewed.refresh(&token).await.refused(400, "invalid_grant");
    eventually("the old secret is good for nothing", async || {
        there.refresh("x").await.status == 401
    })
    .await;
    mapae::admin::clients::delete(&May::operator(), &issuer.store, server.now(), Target::of("app"))
        .await
        .unwrap();
    eventually("the client is gone", async || renewed.refresh("x").await.status == 401).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_is_never_served_stale_by_the_other_replica() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    for _ in 0..10 {
        let (access, token) = here.password("openid").await.pair();
        let (own, _) = here.refresh(&token).await.pair();
        assert!(there.is_active(&access).await && there.is_active(&own).await);
        here.revoke(&own).await.ok();
        assert!(!there.is_active(&own).await && there.is_active(&access).await);
        here.revoke(&token).await.ok();
        assert!(!there.is_active(&access).await);
        assert_eq!(there.userinfo(&access).await.status, 401);
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r10_a_rotation_is_known_to_the_other_replica_before_the_key_signs() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    let (access, _) = here.password("openid").await.pair();
    let before = kids(&here).await;
    assert_eq!(before, kids(&there).await);
    server.inner.services().keyring.rotate(TokenAlg::ALL, true).await.unwrap();
    let published = kids(&here).await;
    assert_eq!(published.len(), 4);
    eventually("the other replica publishes it", async || kids(&there).await == published).await;
    assert!(before.contains(decode_header(&access)["kid"].as_str().unwrap()));
    server.advance(2);
    let mut signed = BTreeSet::new();
    for app in [&here, &there] {
        let (token, _) = app.password("openid").await.pair();
        let kid = decode_header(&token)["kid"].as_str().unwrap().to_owned();
        assert!(!before.contains(&kid));
        assert!(here.is_active(&token).await && there.is_active(&token).await);
        signed.insert(kid);
    }
    assert_eq!(signed.len(), 1, "one key signs everywhere");
    assert!(here.is_active(&access).await && there.is_active(&access).await);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_first_key_of_an_algorithm_is_good_at_the_other_replica_at_once() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let other = server.client("other", |_| {}).await;
    let other = other.at(&format!("http://{}", replica.address()));
    for (name, alg) in [("ed", TokenAlg::EdDsa), ("ps", TokenAlg::Ps256)] {
        let here = server.client(name, |client| client.metadata.token_alg = alg).await;
        let there = here.at(&other.base);
        let (access, _) = here.password("openid").await.pair();
        assert_eq!(there.userinfo(&access).await.status, 200, "{alg:?}");
        assert!(there.is_active(&access).await);
        // Whoever makes up the names of keys does not have them read each time.
        server.advance(1);
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_that_rotate_at_once_agree_on_one_key() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    let (one, two) = (&server.inner.services().keyring, &replica.services().keyring);
    // By age, both at the same moment.
    server.advance(89 * 86_400);
    let (a, b) = tokio::join!(one.maintain(), two.maintain());
    a.and(b).expect("maintained");
    // And by hand.
    let alg = &[TokenAlg::Es256];
    let (a, b) = tokio::join!(one.rotate(alg, false), two.rotate(alg, false));
    assert_eq!(a.unwrap().len() + b.unwrap().len(), 1, "one of them made it");
    eventually("both show the same keys", async || {
        let (here, there) = (kids(&here).await, kids(&there).await);
        here == there && here.len() == 3
    })
    .await;
    server.advance(86_400);
    let (a, b) = tokio::join!(one.maintain(), two.maintain());
    a.and(b).expect("maintained");
    let mut signed = BTreeSet::new();
    for app in [&here, &there, &here, &there] {
        let (token, _) = app.password("openid").await.pair();
        signed.insert(decode_header(&token)["kid"].as_str().unwrap().to_owned());
    }
    assert_eq!(signed.len(), 1);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s084_two_processes_bring_one_successor() {
    let Some(database) = postgres_or_skip() else { return };
    let first = Binary::start(&database).await;
    let second = Cli::replica_of(&first).await.serve().await;
    let arguments = ClientArguments::confidential(&["password", "refresh_token"]);
    let here = first.register("app", &arguments.with("--scope", "read")).await;
    let there = here.at(&format!("http://{}", second.cli.get("MAPAE_LISTEN")));
    first.user(USERNAME, PASSWORD).await;
    let mut token = here.password("read").await.ok().text("refresh_token");
    for _ in 0..3 {
        let uses = (0..64).map(|number| if number % 2 == 0 { &here } else { &there });
        let replies = join_all(uses.map(|app| app.refresh(&token))).await;
        let successors: BTreeSet<_> =
            replies.into_iter().map(|reply| reply.ok().text("refresh_token")).collect();
        assert_eq!(successors.len(), 1);
        token.clone_from(successors.first().unwrap());
    }
    here.revoke(&token).await.ok();
    there.refresh(&token).await.refused(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s015_two_replicas_never_redeem_one_code_twice() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.web_app("app", |client| client.metadata.first_party = true).await;
    let there = here.at(&format!("http://{}", replica.address()));
    let mut browser = server.browser();
    for _ in 0..10 {
        let code = browser.code(&here).await;
        let attempts = (0..32).map(|n| if n % 2 == 0 { &here } else { &there });
        let replies = join_all(attempts.map(|app| app.exchange(&code))).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            replies.into_iter().partition(|reply| reply.status == 200);
        assert!(won.len() <= 1, "{} successes", won.len());
        for reply in &lost {
            reply.refused(400, "invalid_grant");
        }
        // The losers are replays, so what the winner got is dead at both.
        for reply in won {
            let (access, refresh) = reply.pair();
            assert!(!here.is_active(&access).await && !there.is_active(&access).await);
            there.refresh(&refresh).await.refused(400, "invalid_grant");
        }
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_known_at_every_replica_and_gone_from_every_replica() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.web_app("app", |client| client.metadata.first_party = true).await;
    let there = here.at(&format!("http://{}", replica.address()));
    let mut browser = server.browser();
    browser.code(&here).await;
    let mut elsewhere = Browser::new(&there.base, &there.http);
    elsewhere.cookies = browser.cookies.clone();
    let silent = [("prompt", "none")];
    let code =
        elsewhere.get(&there.authorization_url(&silent)).await.authorization_response().code();
    let hint = there.exchange(&code).await.ok().text("id_token");
    let logout = format!("/logout?{}", form(&[("id_token_hint", &hint)]));
    assert_eq!(browser.get(&logout).await.reply.status, 200);
    let after = elsewhere.get(&there.authorization_url(&silent)).await;
    after.error_response("login_required");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_updates_of_a_client_at_once_lose_nothing_of_each_other() {
    let Some(database) = postgres_or_skip() else { return };
    let cli = Cli::installed(&database).await;
    let create = ["client", "create", "--id", "app", "--name", "Old", "--kind", "public"];
    cli.json(&create, None).await;
    let update = ["client", "update", "--id", "app", "--policy-uri", "https://app.example.com/p"];
    let other = "UPDATE client SET metadata = replace(metadata, 'Old', 'New') WHERE id = 'app'";
    let changed = changed_behind(&cli, &update, other).await;
    assert_eq!(changed["policy_uri"], "https://app.example.com/p");
    assert_eq!(changed["client_name"], "New");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_updates_of_a_person_at_once_lose_nothing_of_each_other() {
    let Some(database) = postgres_or_skip() else { return };
    let cli = Cli::installed(&database).await;
    cli.json(&["user", "create", "--username", "alice", "--name", "Old"], None).await;
    let other = r#"UPDATE account SET profile = '{"nickname":"Al"}' WHERE username = 'alice'"#;
    let update = ["user", "update", "--username", "alice", "--name", "Alice"];
    let changed = changed_behind(&cli, &update, other).await;
    assert_eq!(changed["claims"]["name"], "Alice");
    assert_eq!(changed["claims"]["nickname"], "Al");
}

/// Lets a verb wait for the row of another change, which is committed after the verb looked at it.
async fn changed_behind(cli: &Cli, verb: &[&str], other: &str) -> serde_json::Value {
    let (one, looking) = (
        Evidence::at(cli.get("MAPAE_DATABASE_URL")).await,
        Evidence::at(cli.get("MAPAE_DATABASE_URL")).await,
    );
    one.run(&format!("BEGIN; {other}")).await;
    let changing = cli.json(verb, None);
    let meanwhile = async {
        let waiting = "SELECT count(*) AS n FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("it waits", async || looking.count(waiting).await > 0).await;
        one.run("COMMIT").await;
    };
    tokio::join!(changing, meanwhile).0
}
