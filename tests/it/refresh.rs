//! Refresh tokens: RFC 6749 §6, RFC 9700 §4.14.

use chrono::Duration;
use futures_util::future::join_all;
use mapae::domain::client::{AuthMethod, Client, ClientKind, RefreshPolicy};
use serde_json::Value;

use crate::support::{App, Server, both, decode_claims};

async fn started(server: &Server, change: impl FnOnce(&mut Client)) -> (App, Value) {
    server.alice().await;
    let app = server.client("app", change).await;
    let tokens = app.password("openid read write").await.ok().json();
    (app, tokens)
}

fn text(tokens: &Value, member: &str) -> String {
    tokens[member].as_str().unwrap_or_else(|| panic!("{member} in {tokens}")).to_owned()
}

fn refresh_token(tokens: &Value) -> String {
    text(tokens, "refresh_token")
}

both! {
    async fn a_repeat_in_the_grace_brings_the_same_successor(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let first = refresh_token(&tokens);
        let one = app.refresh(&first).await.ok().json();
        server.advance(10);
        let two = app.refresh(&first).await.ok().json();
        assert_ne!(refresh_token(&one), first);
        assert_eq!(refresh_token(&one), refresh_token(&two));
        assert_ne!(one["access_token"], two["access_token"]);
        assert!(app.is_active(&refresh_token(&one)).await);
        assert!(!app.is_active(&first).await);
    }

    async fn rfc9700_4_14_2_reuse_after_the_grace_ends_the_family(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let next = app.refresh(&refresh_token(&tokens)).await.ok().json();
        server.advance(11);
        app.refresh(&refresh_token(&tokens)).await.refused(400, "invalid_grant");
        app.refresh(&refresh_token(&next)).await.refused(400, "invalid_grant");
        assert!(!app.is_active(&text(&next, "access_token")).await);
        app.userinfo(&text(&next, "access_token")).await.refused(401, "invalid_token");
    }

    async fn s085_reuse_once_the_successor_is_spent_ends_the_family(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let second = app.refresh(&refresh_token(&tokens)).await.ok().json();
        let third = app.refresh(&refresh_token(&second)).await.ok().json();
        app.refresh(&refresh_token(&tokens)).await.refused(400, "invalid_grant");
        app.refresh(&refresh_token(&third)).await.refused(400, "invalid_grant");
    }

    async fn policies_strict_and_static_and_an_own_grace(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let strict = server.client("strict", |client| client.refresh = RefreshPolicy::Strict).await;
        let fixed = server.client("static", |client| client.refresh = RefreshPolicy::Static).await;
        let minute = RefreshPolicy::Rotate { grace: Some(Duration::seconds(60)) };
        let patient = server.client("patient", |client| client.refresh = minute).await;

        let token = strict.password("read").await.ok().text("refresh_token");
        let next = strict.refresh(&token).await.ok().text("refresh_token");
        strict.refresh(&token).await.refused(400, "invalid_grant");
        strict.refresh(&next).await.refused(400, "invalid_grant");

        let token = fixed.password("read").await.ok().text("refresh_token");
        for _ in 0..3 {
            server.advance(20 * 86_400);
            assert_eq!(fixed.refresh(&token).await.ok().text("refresh_token"), token);
        }
        server.advance(31 * 86_400);
        fixed.refresh(&token).await.refused(400, "invalid_grant");

        let token = patient.password("read").await.ok().text("refresh_token");
        patient.refresh(&token).await.ok();
        server.advance(59);
        patient.refresh(&token).await.ok();
    }

    async fn s092_idle_and_absolute_lifetimes(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let mut token = refresh_token(&tokens);
        for _ in 0..4 {
            server.advance(22 * 86_400);
            token = app.refresh(&token).await.ok().text("refresh_token");
        }
        server.advance(2 * 86_400 + 1);
        app.refresh(&token).await.refused(400, "invalid_grant");

        let idle = app.password("read").await.ok().text("refresh_token");
        server.advance(30 * 86_400);
        app.refresh(&idle).await.refused(400, "invalid_grant");
    }

    async fn rfc6749_6_a_narrower_scope_is_for_that_access_token_only(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let narrow = app.refresh_with(&refresh_token(&tokens), &[("scope", "read")]).await.ok().json();
        assert_eq!(narrow["scope"], "read");
        assert!(narrow.get("id_token").is_none());
        app.refresh_with(&refresh_token(&narrow), &[("scope", "read profile")])
            .await
            .refused(400, "invalid_scope");
        let wide = app.refresh(&refresh_token(&narrow)).await.ok().json();
        assert_eq!(wide["scope"], "openid read write");
        assert_eq!(decode_claims(&text(&wide, "id_token"))["auth_time"],
            decode_claims(&text(&tokens, "id_token"))["auth_time"]);
    }

    async fn the_old_access_token_proves_the_family(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |client| client.require_access_token_proof = true).await;
        let other = app.password("read").await.ok().json();
        let stranger = server.client("stranger", |_| {}).await;
        let foreign = stranger.password("read").await.ok().json();
        let token = refresh_token(&tokens);
        let forged = format!("{}x", text(&tokens, "access_token"));
        for proof in [&text(&other, "access_token"), &text(&foreign, "access_token"), &forged, "x"] {
            app.refresh_with(&token, &[("access_token", proof)]).await.refused(400, "invalid_grant");
        }
        app.refresh(&token).await.refused(400, "invalid_grant");
        server.advance(86_400);
        let proof = text(&tokens, "access_token");
        app.refresh_with(&token, &[("access_token", &proof)]).await.ok();
    }

    async fn s087_another_clients_try_never_harms_the_family(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let thief = server.client("thief", |_| {}).await;
        let public = server.public_client("public").await;
        let token = refresh_token(&tokens);
        thief.refresh(&token).await.refused(400, "invalid_grant");
        public.refresh(&token).await.refused(400, "invalid_grant");
        let next = app.refresh(&token).await.ok().text("refresh_token");
        server.advance(60);
        thief.refresh(&token).await.refused(400, "invalid_grant");
        app.refresh(&next).await.ok();
    }

    async fn s088_a_confidential_clients_token_needs_client_authentication(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let nameless = App { secret: None, ..app.clone() };
        nameless.refresh(&refresh_token(&tokens)).await.refused(401, "invalid_client");
        app.refresh(&refresh_token(&tokens)).await.ok();
    }

    async fn s084_64_parallel_uses_leave_one_live_leaf_and_no_alarm(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let mut token = refresh_token(&tokens);
        for _ in 0..3 {
            let replies = join_all((0..64).map(|_| app.refresh(&token))).await;
            let mut leaves: Vec<_> =
                replies.into_iter().map(|reply| reply.ok().text("refresh_token")).collect();
            leaves.sort_unstable();
            leaves.dedup();
            assert_eq!(leaves.len(), 1);
            token = leaves.remove(0);
        }
        assert!(app.is_active(&token).await);
    }

    async fn s084_strict_64_parallel_uses_give_at_most_one_and_the_family_dies(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |client| {
            client.kind = ClientKind::Public;
            client.auth_method = AuthMethod::None;
            client.grants = vec!["password".to_owned(), "refresh_token".to_owned()];
            client.refresh = RefreshPolicy::Strict;
        })
        .await;
        let token = refresh_token(&tokens);
        let replies = join_all((0..64).map(|_| app.refresh(&token))).await;
        let winners: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert!(winners.len() <= 1, "{}", winners.len());
        for winner in winners {
            app.refresh(&winner.text("refresh_token")).await.refused(400, "invalid_grant");
            app.userinfo(&winner.text("access_token")).await.refused(401, "invalid_token");
        }
    }

    async fn s089_what_ended_stays_ended(database) {
        let server = Server::start(&database).await;
        let (app, tokens) = started(&server, |_| {}).await;
        let issuer = server.inner.issuer();
        mapae::accounts::users::logout(&issuer.store, server.now(), "alice").await.unwrap();
        app.refresh(&refresh_token(&tokens)).await.refused(400, "invalid_grant");
        assert!(!app.is_active(&text(&tokens, "access_token")).await);

        let tokens = app.password("openid").await.ok().json();
        mapae::accounts::users::disable(&issuer.store, server.now(), "alice").await.unwrap();
        app.refresh(&refresh_token(&tokens)).await.refused(400, "invalid_grant");
        app.userinfo(&text(&tokens, "access_token")).await.refused(401, "invalid_token");
        app.password("openid").await.refused(400, "invalid_grant");
        mapae::accounts::users::enable(&issuer.store, server.now(), "alice").await.unwrap();
        app.refresh(&refresh_token(&tokens)).await.refused(400, "invalid_grant");
        app.password("openid").await.ok();
    }

    async fn r04_a_refresh_racing_a_revocation_leaves_nothing_alive(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        for _ in 0..10 {
            let token = app.password("read").await.ok().text("refresh_token");
            let (refreshed, revoked) = tokio::join!(app.refresh(&token), app.revoke(&token));
            assert_eq!(revoked.status, 200);
            if refreshed.status == 200 {
                assert!(!app.is_active(&refreshed.text("access_token")).await);
                app.refresh(&refreshed.text("refresh_token")).await.refused(400, "invalid_grant");
            }
        }
    }
}

/// Two processes that share a database are two servers with nothing else in common.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s084_64_parallel_uses_over_two_replicas_leave_one_live_leaf() {
    let Some(database) = crate::support::postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    let (app, tokens) = started(&server, |_| {}).await;
    let replica = server.another().await;
    let there = App { base: format!("http://{}", replica.address()), ..app.clone() };
    let mut token = refresh_token(&tokens);
    for _ in 0..5 {
        let uses =
            (0..64).map(
                |number| if number % 2 == 0 { app.refresh(&token) } else { there.refresh(&token) },
            );
        let replies = join_all(uses).await;
        let mut leaves: Vec<_> =
            replies.into_iter().map(|reply| reply.ok().text("refresh_token")).collect();
        leaves.sort_unstable();
        leaves.dedup();
        assert_eq!(leaves.len(), 1);
        token = leaves.remove(0);
    }
    assert!(app.is_active(&token).await && there.is_active(&token).await);
    app.revoke(&token).await.ok();
    assert!(!there.is_active(&token).await);
    replica.stop().await;
}
