//! The policies, the grace and the lifetimes of refresh tokens.

use mapae::domain::client::RefreshPolicy;
use mapae::domain::grant_type::GrantType;

use crate::support::{Server, both};

const DAY: i64 = 86_400;

fn grace(seconds: i64) -> RefreshPolicy {
    RefreshPolicy::Rotate { grace: Some(chrono::Duration::seconds(seconds)) }
}

both! {
    async fn strict_has_no_grace(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("strict", |client| client.metadata.refresh = RefreshPolicy::Strict).await;
        let (_, first) = app.password("read").await.pair();
        let (access, second) = app.refresh(&first).await.pair();
        assert_ne!(first, second);
        app.refresh(&first).await.refused(400, "invalid_grant");
        app.refresh(&second).await.refused(400, "invalid_grant");
        assert!(!app.is_active(&access).await);
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
    }

    async fn without_a_grace_a_repeat_replaces_at_once(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("zero", |client| client.metadata.refresh = grace(0)).await;
        let (_, first) = app.password("read").await.pair();
        let (_, second) = app.refresh(&first).await.pair();
        let (_, other) = app.refresh(&first).await.pair();
        assert_ne!(other, second);
        app.refresh(&second).await.refused(400, "invalid_grant");
        app.refresh(&other).await.refused(400, "invalid_grant");
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
    }

    async fn a_client_has_its_own_grace_and_the_others_have_the_setting(database) {
        let server = Server::start_with(&database, &[("token.refresh_grace", "40s")]).await;
        server.alice().await;
        for (id, policy, seconds) in [
            ("own", grace(120), 120),
            ("short", grace(3), 3),
            ("default", RefreshPolicy::Rotate { grace: None }, 40),
        ] {
            let app = server.client(id, |client| client.metadata.refresh = policy).await;
            let (_, first) = app.password("read").await.pair();
            let (_, second) = app.refresh(&first).await.pair();
            // The grace is that of the last time that it was handed out.
            for _ in 0..3 {
                server.advance(seconds);
                assert_eq!(app.refresh(&first).await.pair().1, second, "{id}");
            }
            server.advance(seconds + 1);
            let (_, other) = app.refresh(&first).await.pair();
            assert_ne!(other, second, "{id}");
            app.refresh(&other).await.ok();
        }
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn a_repeat_from_another_address_is_an_audit_event(database) {
        let settings = [("trusted_proxies", "127.0.0.0/8")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let from = |address: &str| app.behind_proxy(address);
        let (_, first) = from("192.0.2.1").password("read").await.pair();
        let (_, second) = from("192.0.2.7").refresh(&first).await.pair();
        assert_eq!(from("192.0.2.7").refresh(&first).await.pair().1, second);
        let evidence = server.evidence().await;
        assert!(evidence.events_of("refresh.repeated_elsewhere").await.is_empty());
        assert_eq!(from("198.51.100.1").refresh(&first).await.pair().1, second);
        let events = evidence.events_of("refresh.repeated_elsewhere").await;
        let [event] = &events[..] else { panic!("one event, not {events:?}") };
        assert_eq!(event.address.as_deref(), Some("198.51.100.1"));
        assert!(event.family.is_some() && event.client.is_some() && event.user.is_some());
        // The address is written down at once: another repeat from there is nothing new, and one from
        // the address before is.
        for address in ["198.51.100.1", "192.0.2.7"] {
            assert_eq!(from(address).refresh(&first).await.pair().1, second);
        }
        let events = evidence.events_of("refresh.repeated_elsewhere").await;
        let mut addresses: Vec<_> = events.iter().map(|event| event.address.as_deref()).collect();
        addresses.sort_unstable();
        assert_eq!(addresses, [Some("192.0.2.7"), Some("198.51.100.1")]);
        app.refresh(&second).await.ok();
    }

    async fn static_is_never_spent(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.refresh = RefreshPolicy::Static).await;
        let (_, token) = app.password("openid").await.pair();
        for seconds in [0, 0, 11, 3600] {
            server.advance(seconds);
            let (next, same) = app.refresh(&token).await.pair();
            assert_eq!(same, token);
            assert!(app.is_active(&next).await && app.is_active(&token).await);
        }
        app.revoke(&token).await.ok();
        app.refresh(&token).await.refused(400, "invalid_grant");
    }

    async fn what_was_spent_before_the_policy_became_static_stays_spent(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, first) = app.password("read").await.pair();
        let (_, second) = app.refresh(&first).await.pair();
        server.change("app", |client| client.metadata.refresh = RefreshPolicy::Static).await;
        let (_, same) = app.refresh(&second).await.pair();
        assert_eq!(same, second);
        app.refresh(&first).await.refused(400, "invalid_grant");
        app.refresh(&second).await.refused(400, "invalid_grant");
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
    }

    async fn s092_a_token_that_rests_too_long_ends_without_alarm(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        for (id, policy) in [
            ("rotate", RefreshPolicy::Rotate { grace: None }),
            ("strict", RefreshPolicy::Strict),
            ("static", RefreshPolicy::Static),
        ] {
            let app = server.client(id, |client| client.metadata.refresh = policy).await;
            let (_, token) = app.password("read").await.pair();
            server.advance(30 * DAY - 1);
            let (_, token) = app.refresh(&token).await.pair();
            assert!(app.is_active(&token).await);
            server.advance(30 * DAY);
            assert!(!app.is_active(&token).await, "{id}");
            app.refresh(&token).await.refused(400, "invalid_grant");
        }
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn s092_no_use_moves_the_absolute_end(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        for (id, policy) in [
            ("rotate", RefreshPolicy::Rotate { grace: None }),
            ("strict", RefreshPolicy::Strict),
            ("static", RefreshPolicy::Static),
        ] {
            let app = server.client(id, |client| client.metadata.refresh = policy).await;
            let (_, mut token) = app.password("read").await.pair();
            for _ in 0..3 {
                server.advance(29 * DAY);
                token = app.refresh(&token).await.pair().1;
            }
            server.advance(3 * DAY - 60);
            let reply = app.refresh(&token).await.ok();
            assert_eq!(reply.json()["expires_in"], 60, "no access token outlives its family");
            let (access, token) = reply.pair();
            server.advance(60);
            app.refresh(&token).await.refused(400, "invalid_grant");
            assert!(!app.is_active(&access).await && !app.is_active(&token).await, "{id}");
        }
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn lifetimes_are_settings(database) {
        let settings = [
            ("token.refresh_idle_lifetime", "60s"),
            ("token.refresh_absolute_lifetime", "90s"),
            ("token.access_lifetime", "20s"),
        ];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let reply = app.password("read").await.ok();
        assert_eq!(reply.json()["expires_in"], 20);
        let (access, first) = reply.pair();
        server.advance(59);
        assert!(!app.is_active(&access).await);
        let (_, second) = app.refresh(&first).await.pair();
        server.advance(30);
        app.refresh(&second).await.ok();
        server.advance(1);
        app.refresh(&second).await.refused(400, "invalid_grant");
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn a_client_without_the_grant_gets_no_refresh_token(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.grant_types = vec![GrantType::Password]).await;
        let reply = app.password("openid offline_access").await.ok();
        assert!(reply.json().get("refresh_token").is_none());
        app.refresh("mapae_rt_x").await.refused(400, "unauthorized_client");
    }
}
