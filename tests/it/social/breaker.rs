//! When a provider is left alone, and what a server does while one is down. Security case S128.

use super::traces::{DISCOVERY, Traces, is_noted, left, refusals, visit};
use super::with_idp;
use crate::support::both;
use crate::support::upstream::{Answer, CLIENT_ID, Evil, Lie, Oidc};

both! {
    async fn a_provider_rests_after_five_failures_of_its_own(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        for (round, status) in [500, 502, 503, 504].into_iter().enumerate() {
            let before = idp.count("/token");
            idp.misbehaves("/token", Answer::html(status, "Try again."));
            for visits in 1..=7 {
                is_noted(&visit(&server, &app, "idp", &idp).await, "idp", "unavailable");
                assert_eq!(idp.count("/token") - before, visits.min(5), "{status} {visits}");
            }
            idp.behaves();
            server.advance(29);
            is_noted(&visit(&server, &app, "idp", &idp).await, "idp", "unavailable");
            assert_eq!(idp.count("/token") - before, 5, "{status}");
            // One call tries, and it is well again.
            server.advance(1);
            visit(&server, &app, "idp", &idp).await.heard().code();
            visit(&server, &app, "idp", &idp).await.heard().code();
            assert_eq!(idp.count("/token") - before, 7, "{status}");
            server.advance(61);
            let evidence = server.evidence().await;
            let unavailable = refusals(&evidence).await.into_iter();
            assert!(unavailable.clone().all(|detail| detail == "idp: unavailable"));
            assert!(unavailable.count() > round);
            let traces = Traces::of(&evidence).await;
            assert_eq!((traces.accounts, traces.identities), (1, 1));
        }
    }

    async fn a_trial_that_fails_begins_another_rest(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        idp.misbehaves("/token", Answer::html(500, "Try again."));
        for (rest, calls) in [(0, 5), (30, 6), (29, 6), (1, 7)] {
            server.advance(rest);
            for _ in 0..6 {
                is_noted(&visit(&server, &app, "idp", &idp).await, "idp", "unavailable");
            }
            assert_eq!(idp.count("/token"), calls, "after {rest} s more");
        }
    }

    /// Else anybody with a bad code or a bad token could shut a provider out.
    async fn refusals_never_make_a_provider_rest(database) {
        let evil = Evil::start().await;
        let (server, app) = with_idp(&database, evil.base(), "").await;
        evil.follows(server.now());
        let bad = serde_json::json!({ "error": "invalid_grant" });
        let mut calls = 0;
        for answer in [
            Answer::json(400, &bad),
            Answer::json(401, &serde_json::json!({ "error": "invalid_client" })),
            Answer::html(404, "Nobody."),
            Answer::html(429, "Slowly."),
            Answer::html(200, "Welcome."),
        ] {
            evil.misbehaves("/token", answer);
            for _ in 0..6 {
                calls += 1;
                visit(&server, &app, "idp", &evil).await;
                assert_eq!(evil.count("/token"), calls);
            }
        }
        evil.behaves();
        for lie in [Lie::SignatureBroken, Lie::AudOfAnother, Lie::TokenRedirect, Lie::TokenHuge] {
            evil.tells(lie);
            for _ in 0..6 {
                calls += 1;
                is_noted(&visit(&server, &app, "idp", &evil).await, "idp", "failed");
                assert_eq!(evil.count("/token"), calls, "{lie:?}");
            }
        }
        // A refusal between failures is an answer too.
        evil.tells(None);
        for _ in 0..3 {
            evil.misbehaves("/token", Answer::html(500, "Try again."));
            for _ in 0..4 {
                calls += 1;
                visit(&server, &app, "idp", &evil).await;
                assert_eq!(evil.count("/token"), calls);
            }
            evil.misbehaves("/token", Answer::json(400, &bad));
            calls += 1;
            is_noted(&visit(&server, &app, "idp", &evil).await, "idp", "failed");
        }
        assert_eq!(Traces::of(&server.evidence().await).await, Traces::NONE);
        evil.behaves();
        visit(&server, &app, "idp", &evil).await.heard().code();
    }

    async fn a_provider_that_is_down_does_not_keep_a_server_from_starting(database) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", socket.local_addr().expect("an address"));
        drop(socket);
        let (server, app) = with_idp(&database, &issuer, "").await;
        server.alice().await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.cannot_leave(&page, "idp").await;
        browser.sign_in(&page).await.heard().code();
    }

    async fn a_provider_that_comes_up_is_used_and_one_that_goes_down_is_remembered(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let down = Answer::html(503, "Maintenance.");
        idp.misbehaves(DISCOVERY, down.clone());
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.cannot_leave(&page, "idp").await;
        assert_eq!(idp.count(DISCOVERY), 1);
        idp.behaves();
        visit(&server, &app, "idp", &idp).await.heard().code();
        visit(&server, &app, "idp", &idp).await.heard().code();
        assert_eq!((idp.count(DISCOVERY), idp.count("/jwks")), (2, 1), "both are kept");
        // For a day what it said of itself will do.
        idp.misbehaves(DISCOVERY, down.clone());
        idp.misbehaves("/jwks", down.clone());
        server.advance(23 * 3600);
        visit(&server, &app, "idp", &idp).await.heard().code();
        assert!(idp.count(DISCOVERY) > 2 && idp.count("/jwks") > 1);
        server.advance(3600);
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.cannot_leave(&page, "idp").await;
        idp.behaves();
        server.advance(30);
        let (_, location) = left(&server, &app, "idp").await;
        assert!(location.contains(CLIENT_ID));
    }
}
