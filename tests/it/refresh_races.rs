//! Refresh tokens under parallel use: one valid leaf, no false alarm, and a family that has ended
//! stays ended.

use std::collections::HashSet;

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users;
use mapae::admin::users::Target;
use mapae::domain::client::RefreshPolicy;

use crate::support::{App, Reply, Server, USERNAME, both, decode_claims, postgres_or_skip};

const USES: usize = 64;

/// Uses a token many times at once, spread over these servers.
async fn at_once(apps: &[&App], token: &str, uses: usize) -> Vec<Reply> {
    join_all((0..uses).map(|number| apps[number % apps.len()].refresh(token))).await
}

/// The one refresh token in these answers, all of them good.
#[track_caller]
fn the_successor(replies: &[Reply]) -> String {
    let replies = replies.iter().map(|reply| reply.clone().ok());
    let tokens: HashSet<String> = replies.map(|reply| reply.text("refresh_token")).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    tokens.into_iter().next().unwrap()
}

fn sid(access_token: &str) -> String {
    decode_claims(access_token)["sid"].as_str().expect("a sid").to_owned()
}

async fn no_alarm_and_one_leaf(server: &Server, app: &App, leaf: &str) {
    let evidence = server.evidence().await;
    assert!(evidence.events_of("refresh.reused").await.is_empty());
    assert_eq!(evidence.count("SELECT count(*) AS n FROM family").await, 1);
    assert!(app.is_active(leaf).await);
}

/// Strict under parallel use: at most one 200, and the family is dead.
async fn at_most_one_and_then_none(server: &Server, apps: &[&App]) {
    let (access, token) = apps[0].password("read").await.pair();
    let replies = at_once(apps, &token, USES).await;
    let (good, bad): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert!(good.len() <= 1, "{} of them", good.len());
    for reply in bad {
        reply.refused(400, "invalid_grant");
    }
    for reply in good {
        let (access, token) = reply.pair();
        assert!(!apps[0].is_active(&access).await);
        apps[0].refresh(&token).await.refused(400, "invalid_grant");
    }
    assert!(!apps[0].is_active(&access).await);
    assert!(!server.evidence().await.events_of("refresh.reused").await.is_empty());
}

both! {
    async fn s084_rotate_64_parallel_uses_bring_one_successor(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, token) = app.password("read").await.pair();
        let replies = at_once(&[&app], &token, USES).await;
        let successor = the_successor(&replies);
        let jtis: HashSet<String> = replies
            .iter()
            .map(|reply| decode_claims(&reply.text("access_token"))["jti"].to_string())
            .collect();
        assert_eq!(jtis.len(), USES);
        for reply in &replies {
            assert!(app.is_active(&reply.text("access_token")).await);
        }
        no_alarm_and_one_leaf(&server, &app, &successor).await;
        assert!(!app.is_active(&token).await);
        app.refresh(&successor).await.ok();
    }

    async fn s084_strict_64_parallel_uses_end_the_family(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.refresh = RefreshPolicy::Strict).await;
        at_most_one_and_then_none(&server, &[&app]).await;
    }

    async fn s084_static_64_parallel_uses_bring_the_same_token(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.refresh = RefreshPolicy::Static).await;
        let (_, token) = app.password("read").await.pair();
        assert_eq!(the_successor(&at_once(&[&app], &token, USES).await), token);
        no_alarm_and_one_leaf(&server, &app, &token).await;
    }

    async fn many_families_and_generations_at_once_keep_to_themselves(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (reused, first) = app.password("read").await.pair();
        let (_, second) = app.refresh(&first).await.pair();
        app.refresh(&second).await.ok();
        server.advance(31);
        let mut families = Vec::new();
        for _ in 0..4 {
            families.push(app.password("read").await.pair());
        }
        let apps = [&app];
        for generation in 0..4 {
            let uses = families.iter().map(|(_, token)| at_once(&apps, token, 12));
            // In their midst somebody uses a token that was spent long ago.
            let (answers, thief) = tokio::join!(join_all(uses), app.refresh(&first));
            thief.refused(400, "invalid_grant");
            for ((_, token), replies) in families.iter_mut().zip(&answers) {
                let next = the_successor(replies);
                assert_ne!(next, *token, "generation {generation}");
                *token = next;
            }
        }
        let evidence = server.evidence().await;
        for (access, token) in &families {
            assert!(app.is_active(access).await && app.is_active(token).await);
        }
        let alarms = evidence.events_of("refresh.reused").await;
        assert_eq!(alarms.len(), 1);
        assert_eq!(alarms[0].family.as_deref(), Some(sid(&reused).as_str()));
    }

    async fn r04_a_refresh_that_races_a_revocation_leaves_nothing_active(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        for _ in 0..20 {
            let (access, token) = app.password("read").await.pair();
            let (reply, again, revoked) =
                tokio::join!(app.refresh(&token), app.refresh(&token), app.revoke(&token));
            assert_eq!(revoked.status, 200);
            nothing_is_active(&app, &access, &token, &[reply, again]).await;
        }
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn r04_a_refresh_that_races_an_operator_leaves_nothing_active(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (store, clock) = (&*server.inner.services().store, server.now());
        for round in 0..20 {
            let (access, token) = app.password("read").await.pair();
            let ending = async {
                if round % 2 == 0 {
                    users::logout(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("logged out")
                } else {
                    let ended = users::disable(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("disabled");
                    users::enable(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("enabled");
                    ended
                }
            };
            let (reply, again, ended) =
                tokio::join!(app.refresh(&token), app.refresh(&token), ending);
            assert_eq!(ended, 1);
            nothing_is_active(&app, &access, &token, &[reply, again]).await;
        }
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }
}

async fn nothing_is_active(app: &App, access: &str, token: &str, replies: &[Reply]) {
    assert!(!app.is_active(access).await);
    app.refresh(token).await.refused(400, "invalid_grant");
    for reply in replies {
        if reply.status != 200 {
            reply.refused(400, "invalid_grant");
            continue;
        }
        let (access, token) = reply.clone().pair();
        assert!(!app.is_active(&access).await && !app.is_active(&token).await);
        app.refresh(&token).await.refused(400, "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_two_servers_bring_one_successor() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    let (_, mut token) = here.password("read").await.pair();
    for _ in 0..6 {
        let next = the_successor(&at_once(&[&here, &there], &token, USES).await);
        assert_ne!(next, token);
        token = next;
    }
    no_alarm_and_one_leaf(&server, &there, &token).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_two_servers_and_strict_end_the_family() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |client| client.metadata.refresh = RefreshPolicy::Strict).await;
    let there = here.at(&format!("http://{}", replica.address()));
    for _ in 0..4 {
        at_most_one_and_then_none(&server, &[&here, &there]).await;
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_a_refresh_here_and_a_revocation_there_leave_nothing_active() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let replica = server.another().await;
    server.alice().await;
    let here = server.client("app", |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    for _ in 0..20 {
        let (access, token) = here.password("read").await.pair();
        let (reply, again, revoked) =
            tokio::join!(here.refresh(&token), there.refresh(&token), there.revoke(&token));
        assert_eq!(revoked.status, 200);
        nothing_is_active(&here, &access, &token, &[reply, again]).await;
    }
    assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    replica.stop().await;
}
