//! Idempotent rotation and reuse: RFC 6749 §6, RFC 9700 §4.14.2.

use crate::support::{PASSWORD, Server, USERNAME, both, decode_claims, form};
use mapae::admin::authority::May;
use mapae::admin::users;
use mapae::admin::users::Target;
use mapae::domain::grant_type::GrantType;

/// The family of an access token.
fn sid(access_token: &str) -> String {
    decode_claims(access_token)["sid"].as_str().expect("a sid").to_owned()
}

both! {
    async fn s094_a_repeat_within_the_grace_brings_the_same_successor(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, first) = app.password("openid read").await.pair();
        let (one, successor) = app.refresh(&first).await.pair();
        assert_ne!(successor, first);
        server.advance(30);
        let (two, again) = app.refresh(&first).await.pair();
        assert_eq!(again, successor);
        assert_ne!(decode_claims(&one)["jti"], decode_claims(&two)["jti"]);
        for token in [&access, &one, &two] {
            assert!(app.is_active(token).await);
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM family").await, 1);
        assert!(evidence.events_of("refresh.reused").await.is_empty());
        assert!(!app.is_active(&first).await, "a spent token is not active");
        assert!(app.is_active(&successor).await);
        app.refresh(&successor).await.ok();
    }

    async fn a_repeat_after_the_grace_replaces_the_successor_that_nobody_used(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, first) = app.password("openid").await.pair();
        let (_, lost) = app.refresh(&first).await.pair();
        server.advance(31);
        // A phone in a lift, an app that was suspended for a night: the answer never came.
        let (_, second) = app.refresh(&first).await.pair();
        assert_ne!(second, lost);
        assert!(app.is_active(&second).await && !app.is_active(&lost).await);
        let (_, again) = app.refresh(&first).await.pair();
        assert_eq!(again, second, "handed out just now");
        let (other, third) = app.refresh(&second).await.pair();
        assert!(app.is_active(&access).await && app.is_active(&third).await);
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
        // Whoever holds what was lost is not the one who went on, also now that its rival is spent.
        app.refresh(&lost).await.refused(400, "invalid_grant");
        for token in [&access, &other, &third] {
            assert!(!app.is_active(token).await);
        }
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
    }

    async fn a_straggler_of_two_generations_ago_is_refused_without_alarm(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, first) = app.password("read").await.pair();
        let (_, second) = app.refresh(&first).await.pair();
        assert_eq!(app.refresh(&first).await.pair().1, second);
        let (_, third) = app.refresh(&second).await.pair();
        app.refresh(&first).await.refused(400, "invalid_grant");
        assert!(app.is_active(&third).await);
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
        server.advance(31);
        app.refresh(&first).await.refused(400, "invalid_grant");
        assert!(!app.is_active(&third).await);
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
    }

    async fn s086_any_older_token_of_the_family_is_known_however_old(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, first) = app.password("read").await.pair();
        let mut leaf = first.clone();
        for _ in 0..20 {
            server.advance(86_400);
            leaf = app.refresh(&leaf).await.pair().1;
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM family").await, 1, "one row a family");
        app.refresh(&first).await.refused(400, "invalid_grant");
        app.refresh(&leaf).await.refused(400, "invalid_grant");
        assert_eq!(evidence.events_of("refresh.reused").await.len(), 1);
    }

    async fn rfc9700_4_14_2_reuse_of_what_was_spent_before_ends_the_family(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (elsewhere, _) = app.password("openid").await.pair();
        let (access, first) = app.password("openid").await.pair();
        let (_, spent) = app.refresh(&first).await.pair();
        let (one, successor) = app.refresh(&spent).await.pair();
        server.advance(31);
        app.refresh(&first).await.refused(400, "invalid_grant");
        for token in [&access, &one] {
            assert_eq!(app.introspect(token).await, serde_json::json!({ "active": false }));
            let reply = app.userinfo(token).await;
            assert_eq!(reply.status, 401);
            assert!(reply.header("www-authenticate").contains("invalid_token"));
        }
        for token in [&first, &successor] {
            assert!(!app.is_active(token).await);
            app.refresh(token).await.refused(400, "invalid_grant");
        }
        assert!(app.is_active(&elsewhere).await, "another sign-in is another family");
        let reused = server.evidence().await.events_of("refresh.reused").await;
        let [event] = &reused[..] else { panic!("one alarm, not {reused:?}") };
        assert_eq!(event.user.as_deref(), Some(sub.as_str()));
        assert_eq!(event.client.as_deref(), Some("app"));
        assert_eq!(event.family.as_deref(), Some(sid(&access).as_str()));
        assert_eq!(event.address.as_deref(), Some("127.0.0.1"));
        assert!(event.request.is_some());
    }

    async fn s085_reuse_once_the_successor_was_used_ends_the_family(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.public_client("spa").await;
        let judge = server.client("judge", |client| {
            client.metadata.resource_servers = vec!["https://api".to_owned()];
        }).await;
        server.change("spa", |client| client.metadata.audiences = vec!["https://api".to_owned()]).await;
        let (_, first) = app.password("read").await.pair();
        let (_, second) = app.refresh(&first).await.pair();
        let (access, third) = app.refresh(&second).await.pair();
        assert!(judge.is_active(&access).await);
        server.advance(31);
        app.refresh(&first).await.refused(400, "invalid_grant");
        app.refresh(&third).await.refused(400, "invalid_grant");
        assert!(!judge.is_active(&access).await);
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
    }

    async fn s086_reuse_is_known_after_a_restart_and_so_is_its_end(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, first) = app.password("read").await.pair();
        let (_, second) = app.refresh(&first).await.pair();
        let (_, kept) = app.password("read").await.pair();
        let (_, kept_next) = app.refresh(&kept).await.pair();
        let server = server.restart().await;
        let app = app.at(&server.url(""));
        let (_, again) = app.refresh(&kept).await.pair();
        assert_eq!(again, kept_next, "a lost answer is healed after a restart too");
        let (access, second) = app.refresh(&second).await.pair();
        server.advance(31);
        app.refresh(&first).await.refused(400, "invalid_grant");
        let server = server.restart().await;
        let app = app.at(&server.url(""));
        assert!(!app.is_active(&access).await);
        app.refresh(&second).await.refused(400, "invalid_grant");
        app.refresh(&kept_next).await.ok();
    }

    async fn s087_another_clients_try_never_harms_the_family(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let thieves = [server.client("thief", |_| {}).await, server.public_client("spa").await];
        let (_, first) = app.password("read").await.pair();
        let (access, second) = app.refresh(&first).await.pair();
        server.advance(60);
        let (_, third) = app.refresh(&second).await.pair();
        server.advance(60);
        for thief in &thieves {
            for token in [&first, &second, &third] {
                thief.refresh(token).await.refused(400, "invalid_grant");
            }
        }
        assert!(app.is_active(&access).await);
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
        app.refresh(&third).await.ok();
    }

    async fn s088_a_refresh_needs_the_authentication_of_its_client(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, token) = app.password("read").await.pair();
        let nameless = crate::support::App { secret: None, ..app.clone() };
        nameless.refresh(&token).await.refused(401, "invalid_client");
        let liar = crate::support::App { secret: Some("wrong".to_owned()), ..app.clone() };
        liar.refresh(&token).await.refused(401, "invalid_client");
        let spa = server.public_client("spa").await;
        let (_, public) = spa.password("read").await.pair();
        let body = form(&[("grant_type", "refresh_token"), ("refresh_token", &public)]);
        let request = server.http.post(server.url("/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = request.body(body).send().await.unwrap();
        assert_eq!(reply.status(), 401, "a public client names itself");
        spa.refresh(&public).await.ok();
        app.refresh(&token).await.ok();
    }

    async fn rfc6749_5_2_what_is_no_refresh_token_of_ours_is_invalid_grant(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, token) = app.password("read").await.pair();
        let padded = format!("{token} ");
        let upper = token.to_uppercase();
        let cut = &token[..token.len() - 1];
        let bare = token.trim_start_matches("mapae_rt_");
        for wrong in ["x", "mapae_rt_", &padded, &upper, cut, bare, &access, "마패", "' OR 1=1"] {
            app.refresh(wrong).await.refused(400, "invalid_grant");
        }
        app.token(&[("grant_type", "refresh_token")]).await.refused(400, "invalid_request");
        app.refresh("").await.refused(400, "invalid_request");
        let twice = [("refresh_token", token.as_str())];
        app.refresh_with(&token, &twice).await.refused(400, "invalid_request");
        app.refresh(&token).await.ok();
    }

    async fn s091_a_client_that_lost_the_grant_refreshes_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, token) = app.password("read").await.pair();
        server.change("app", |client| client.metadata.grant_types = vec![GrantType::Password]).await;
        app.refresh(&token).await.refused(400, "unauthorized_client");
        let reply = app.password("read").await.ok();
        assert!(reply.json().get("refresh_token").is_none(), "no grant, no refresh token");
        server.change("app", |client| client.metadata.grant_types.push(GrantType::RefreshToken)).await;
        app.refresh(&token).await.ok();
    }

    async fn s089_what_an_operator_ends_stays_ended(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let issuer = server.inner.services();
        let (store, clock) = (&*issuer.store, server.now());
        for ending in ["logout", "password", "disable", "delete"] {
            let (access, first) = app.password("openid").await.pair();
            let (_, second) = app.refresh(&first).await.pair();
            match ending {
                "logout" => drop(users::logout(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("ended")),
                "password" => {
                    let password = PASSWORD.to_owned().into();
                    let hasher = &issuer.hasher;
                    let may = May::operator();
                    let set = users::set_password(&may, store, clock, None, hasher, Target::named(USERNAME), &password);
                    assert_eq!(set.await.expect("set"), 1);
                }
                "disable" => {
                    assert_eq!(users::disable(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("ended"), 1);
                    app.refresh(&second).await.refused(400, "invalid_grant");
                    app.password("openid").await.refused(400, "invalid_grant");
                    users::enable(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("enabled");
                }
                _ => users::delete(&May::operator(), store, clock, Target::named(USERNAME)).await.expect("deleted"),
            }
            for token in [&first, &second] {
                app.refresh(token).await.refused(400, "invalid_grant");
                assert!(!app.is_active(token).await, "{ending}");
            }
            assert!(!app.is_active(&access).await, "{ending}");
            assert_eq!(app.userinfo(&access).await.status, 401, "{ending}");
        }
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn s011_a_disabled_client_refreshes_nothing_and_its_tokens_end(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let judge = server.client("judge", |client| {
            client.metadata.resource_servers = vec!["https://api".to_owned()];
        }).await;
        server.change("app", |client| client.metadata.audiences = vec!["https://api".to_owned()]).await;
        let (access, token) = app.password("openid").await.pair();
        let issuer = server.inner.services();
        let enable = async |enabled| {
            let (store, now) = (&*issuer.store, server.now());
            mapae::admin::clients::set_enabled(&May::operator(), store, now, mapae::admin::clients::Target::of("app"), enabled).await.expect("set");
            server.forget_clients();
        };
        enable(false).await;
        app.refresh(&token).await.refused(401, "invalid_client");
        assert!(!judge.is_active(&access).await);
        assert_eq!(app.userinfo(&access).await.status, 401);
        // It may come back; what it had does not.
        enable(true).await;
        assert!(!judge.is_active(&access).await);
        app.refresh(&token).await.refused(400, "invalid_grant");
        let (access, _) = app.password("openid").await.pair();
        assert!(judge.is_active(&access).await);
    }
}
