//! The circuit breaker of a provider, and what a server does while a provider is down. Security
//! case S128.

use super::row_counts::{
    DISCOVERY, RowCounts, left, refusals, shows_notice, sign_in_at_provider,
    sign_in_at_provider_from,
};
use super::{with_idp, with_idp_and_proxy};
use crate::support::both;
use crate::support::upstream::{Answer, CLIENT_ID, Defect, FaultyProvider, Oidc};

both! {
    async fn a_provider_whose_failures_are_met_at_several_places_rests_for_these(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp_and_proxy(&database, idp.base()).await;
        idp.follows(server.now());
        let place = |number: usize| format!("192.0.2.{number}");
        for (round, status) in [500, 502, 503, 504].into_iter().enumerate() {
            let before = idp.count("/token");
            let calls = || idp.count("/token") - before;
            idp.answers_with("/token", Answer::html(status, "Try again."));
            for number in 1..=5 {
                let page = sign_in_at_provider_from(&server, &app, &idp, &place(number)).await;
                shows_notice(&page, "idp", "unavailable");
            }
            assert_eq!(calls(), 5, "{status}");
            // Who met a failure waits; whoever did not tries, and waits then.
            for (number, expected) in [(1, 5), (5, 5), (6, 6), (6, 6), (3, 6), (7, 7), (7, 7)] {
                let page = sign_in_at_provider_from(&server, &app, &idp, &place(number)).await;
                shows_notice(&page, "idp", "unavailable");
                assert_eq!(calls(), expected, "{status} {number}");
            }
            idp.answers_normally();
            server.advance(29);
            let page = sign_in_at_provider_from(&server, &app, &idp, &place(1)).await;
            shows_notice(&page, "idp", "unavailable");
            assert_eq!(calls(), 7, "{status}");
            // The first one who is answered ends it for everybody.
            let who_ends_it = if round % 2 == 0 { 8 } else { 1 };
            server.advance(i64::from(round % 2 != 0));
            for number in [who_ends_it, 1, 2, 3] {
                sign_in_at_provider_from(&server, &app, &idp, &place(number)).await.authorization_response().code();
            }
            assert_eq!(calls(), 11, "{status}");
            server.advance(61);
            let evidence = server.evidence().await;
            let unavailable = refusals(&evidence).await.into_iter();
            assert!(unavailable.clone().all(|detail| detail == "idp: unavailable"));
            assert!(unavailable.count() > round);
            let row_counts = RowCounts::of(&evidence).await;
            assert_eq!((row_counts.accounts, row_counts.identities), (1, 1));
        }
    }

    async fn a_trial_that_fails_begins_another_rest(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp_and_proxy(&database, idp.base()).await;
        idp.follows(server.now());
        idp.answers_with("/token", Answer::html(500, "Try again."));
        for (rest, calls) in [(0, 6), (30, 7), (29, 7), (1, 8)] {
            server.advance(rest);
            for number in 1..=6 {
                let address = format!("192.0.2.{number}");
                let page = sign_in_at_provider_from(&server, &app, &idp, &address).await;
                shows_notice(&page, "idp", "unavailable");
            }
            assert_eq!(idp.count("/token"), calls, "after {rest} s more");
        }
    }

    /// A provider may answer with a failure of its own to a code that it finds odd: anybody can send
    /// as many of these as they like.
    async fn a_stranger_alone_makes_no_provider_rest(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp_and_proxy(&database, idp.base()).await;
        idp.follows(server.now());
        idp.misbehaves_to("odd", "/token", Answer::html(500, "Try again."));
        for number in 0..20 {
            let address = format!("198.51.100.{}", number % 2);
            let mut browser = server.browser().saying("x-forwarded-for", &address);
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, "idp").await;
            let callback = idp.approve(left.location().expect("sent away")).with("code", "odd");
            shows_notice(&browser.complete_upstream_login(&callback).await, "idp", "unavailable");
        }
        assert_eq!(idp.count("/token"), 20);
        for address in ["192.0.2.1", "198.51.100.0"] {
            sign_in_at_provider_from(&server, &app, &idp, address).await.authorization_response().code();
        }
        // By many strangers it is made to rest for them, and for nobody else.
        for number in 0..20 {
            let address = format!("203.0.113.{number}");
            let mut browser = server.browser().saying("x-forwarded-for", &address);
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, "idp").await;
            let callback = idp.approve(left.location().expect("sent away")).with("code", "odd");
            shows_notice(&browser.complete_upstream_login(&callback).await, "idp", "unavailable");
        }
        sign_in_at_provider_from(&server, &app, &idp, "192.0.2.2").await.authorization_response().code();
        sign_in_at_provider_from(&server, &app, &idp, "203.0.113.1").await.authorization_response().code();
    }

    /// Else anybody with a bad code or a bad token could shut a provider out.
    async fn refusals_never_make_a_provider_rest(database) {
        let faulty = FaultyProvider::start().await;
        let (server, app) = with_idp(&database, faulty.base(), "").await;
        faulty.follows(server.now());
        let bad = serde_json::json!({ "error": "invalid_grant" });
        let mut calls = 0;
        for answer in [
            Answer::json(400, &bad),
            Answer::json(401, &serde_json::json!({ "error": "invalid_client" })),
            Answer::html(404, "Nobody."),
            Answer::html(429, "Slowly."),
            Answer::html(200, "Welcome."),
        ] {
            faulty.answers_with("/token", answer);
            for _ in 0..6 {
                calls += 1;
                sign_in_at_provider(&server, &app, "idp", &faulty).await;
                assert_eq!(faulty.count("/token"), calls);
            }
        }
        faulty.answers_normally();
        for defect in [Defect::SignatureBroken, Defect::AudOfAnother, Defect::TokenRedirect, Defect::TokenHuge] {
            faulty.has_defect(defect);
            for _ in 0..6 {
                calls += 1;
                shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
                assert_eq!(faulty.count("/token"), calls, "{defect:?}");
            }
        }
        // A refusal between failures is an answer too.
        faulty.has_defect(None);
        for _ in 0..3 {
            faulty.answers_with("/token", Answer::html(500, "Try again."));
            for _ in 0..4 {
                calls += 1;
                sign_in_at_provider(&server, &app, "idp", &faulty).await;
                assert_eq!(faulty.count("/token"), calls);
            }
            faulty.answers_with("/token", Answer::json(400, &bad));
            calls += 1;
            shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "failed");
        }
        assert_eq!(RowCounts::of(&server.evidence().await).await, RowCounts::NONE);
        faulty.answers_normally();
        sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
    }

    async fn a_provider_that_is_down_does_not_keep_a_server_from_starting(database) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", socket.local_addr().expect("an address"));
        drop(socket);
        let (server, app) = with_idp(&database, &issuer, "").await;
        server.alice().await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.cannot_start_upstream_login(&page, "idp").await;
        browser.sign_in(&page).await.authorization_response().code();
    }

    async fn a_provider_that_comes_up_is_used_and_one_that_goes_down_is_remembered(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let down = Answer::html(503, "Maintenance.");
        idp.answers_with(DISCOVERY, down.clone());
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.cannot_start_upstream_login(&page, "idp").await;
        assert_eq!(idp.count(DISCOVERY), 1);
        idp.answers_normally();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!((idp.count(DISCOVERY), idp.count("/jwks")), (2, 1), "both are kept");
        // For a day what it said of itself will do.
        idp.answers_with(DISCOVERY, down.clone());
        idp.answers_with("/jwks", down.clone());
        server.advance(23 * 3600);
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
        assert!(idp.count(DISCOVERY) > 2 && idp.count("/jwks") > 1);
        server.advance(3600);
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        browser.cannot_start_upstream_login(&page, "idp").await;
        idp.answers_normally();
        server.advance(30);
        let (_, location) = left(&server, &app, "idp").await;
        assert!(location.contains(CLIENT_ID));
    }
}
