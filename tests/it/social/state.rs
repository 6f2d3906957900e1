//! The `state` of the callback: who comes back, and to which interaction. Security case S118.

use futures_util::future::join_all;

use super::row_counts::{
    RowCounts, approved_at_provider, refusals, shows_notice, sign_in_at_provider,
};
use super::with_idp;
use crate::support::both;
use crate::support::upstream::Oidc;

both! {
    /// OpenID Connect Core §3.1.2.7, RFC 9700 §4.7.
    async fn s118_an_answer_without_its_state_is_none(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let state = callback.get("state").to_owned();
        let other = approved_at_provider(&server, &app, "idp", &idp).await.1;
        let (shorter, longer) = (&state[..state.len() - 1], format!("{state}A"));
        let turned = format!("{shorter}{}", if state.ends_with('A') { "B" } else { "A" });
        for (made, expected) in [
            (callback.clone().without("state"), "unknown_interaction"),
            (callback.clone().with("state", ""), "unknown_interaction"),
            (callback.clone().with("state", "a-state"), "unknown_interaction"),
            (callback.clone().with("state", shorter), "unknown_interaction"),
            (callback.clone().with("state", &longer), "unknown_interaction"),
            (callback.clone().with("state", &turned), "unknown_interaction"),
            (callback.clone().with("state", &"s".repeat(5000)), "unknown_interaction"),
            // That of somebody else, with the code of either.
            (callback.clone().with("state", other.get("state")), "wrong_browser"),
            (other.clone(), "wrong_browser"),
        ] {
            browser.get(&made.url()).await.is_error(expected);
        }
        // One of two is as good as none.
        let twice = format!("{}&state={state}", callback.url());
        browser.get(&twice).await.is_error("unknown_interaction");
        // In another browser, or in one without cookies, it is nobody's.
        for mut other in [server.browser(), approved_at_provider(&server, &app, "idp", &idp).await.0] {
            other.get(&callback.url()).await.is_error("wrong_browser");
        }
        assert_eq!(idp.count("/token"), 0, "nobody's code was redeemed");
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        // Nothing of that took it from the one to whom it belongs.
        browser.complete_upstream_login(&callback).await.authorization_response().code();
        assert_eq!(idp.count("/token"), 1);
    }

    async fn s118_a_state_is_good_once_and_not_for_long(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        // Eleven minutes are too long, ten are.
        for (seconds, late) in [(660, true), (600, true), (599, false)] {
            let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
            server.advance(seconds);
            let page = browser.complete_upstream_login(&callback).await;
            if late {
                page.is_error("unknown_interaction");
                assert_eq!(idp.count("/token"), 0, "{seconds}");
                assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE, "{seconds}");
            } else {
                page.authorization_response().code();
                // Again, and again later: in the same browser too.
                let before = RowCounts::of(&evidence).await;
                browser.get(&callback.url()).await.is_error("unknown_interaction");
                server.advance(30);
                browser.get(&callback.url()).await.is_error("unknown_interaction");
                assert_eq!(idp.count("/token"), 1);
                assert_eq!(RowCounts::of(&evidence).await, before);
            }
        }
        // An answer that failed is over too.
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let failed = callback.clone().with("code", "another");
        shows_notice(&browser.complete_upstream_login(&failed).await, "idp", "failed");
        browser.get(&callback.url()).await.is_error("unknown_interaction");
    }

    /// RFC 9700 §4.5: a code belongs to the visit that it was issued in.
    async fn s118_the_code_of_another_visit_is_refused(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        // One that was never used: the verifier of PKCE is another one.
        let stolen = approved_at_provider(&server, &app, "idp", &idp).await.1;
        let (mut thief, own) = approved_at_provider(&server, &app, "idp", &idp).await;
        let injected = own.with("code", stolen.get("code"));
        shows_notice(&thief.complete_upstream_login(&injected).await, "idp", "failed");
        assert_eq!(idp.count("/token"), 1);
        assert_eq!(refusals(&evidence).await, ["idp: code_refused"]);
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        // One that was used.
        server.advance(61);
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        browser.complete_upstream_login(&callback).await.authorization_response().code();
        let before = RowCounts::of(&evidence).await;
        let (mut thief, own) = approved_at_provider(&server, &app, "idp", &idp).await;
        let replayed = own.with("code", callback.get("code"));
        shows_notice(&thief.complete_upstream_login(&replayed).await, "idp", "failed");
        assert_eq!(refusals(&evidence).await, ["idp: code_refused", "idp: code_refused"]);
        assert_eq!(RowCounts::of(&evidence).await, before);
        // None at all.
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        let asked = idp.count("/token");
        shows_notice(&browser.complete_upstream_login(&callback.without("code")).await, "idp", "failed");
        assert_eq!(idp.count("/token"), asked);
        assert_eq!(RowCounts::of(&evidence).await, before);
    }

    async fn s118_of_one_answer_in_parallel_one_counts(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        for round in 1..=3 {
            idp.change(|person| person.id = round.to_string());
            idp.change(|person| person.email = None);
            let (browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
            let url = callback.url();
            let back = (0..8).map(|_| {
                let (mut browser, url) = (browser.clone(), url.clone());
                async move { browser.get(&url).await }
            });
            let (came, lost): (Vec<_>, Vec<_>) =
                join_all(back).await.into_iter().partition(|page| page.location().is_some());
            assert_eq!(came.len(), 1, "{lost:?}");
            came[0].authorization_response().code();
            for page in lost {
                assert!(["unknown_interaction", "wrong_browser"].contains(&page.error_code()));
                assert_eq!(page.reply.status, 400, "{page:?}");
            }
            assert_eq!(idp.count("/token"), round);
            let row_counts = RowCounts::of(&evidence).await;
            let each = i64::try_from(round).unwrap();
            assert_eq!((row_counts.accounts, row_counts.identities), (each, each));
            assert_eq!((row_counts.sessions, row_counts.codes), (each, each));
        }
    }

    async fn s118_one_person_who_arrives_twice_at_once_has_one_account(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        for round in 1..=4 {
            idp.change(|person| {
                person.id = round.to_string();
                person.email = Some(format!("mina{round}@example.com"));
            });
            let mut away = Vec::new();
            for _ in 0..6 {
                away.push(approved_at_provider(&server, &app, "idp", &idp).await);
            }
            let back = away.iter_mut().map(|(browser, callback)| browser.complete_upstream_login(callback));
            for page in join_all(back).await {
                page.authorization_response().code();
            }
            let row_counts = RowCounts::of(&evidence).await;
            assert_eq!((row_counts.accounts, row_counts.identities), (round, round));
        }
        assert_eq!(refusals(&evidence).await, Vec::<String>::new());
    }

    /// Whoever comes second may find another cookie in the jar; never a fault.
    async fn s118_two_tabs_of_one_browser_at_once_are_one_person(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        let (mut first, one) = approved_at_provider(&server, &app, "idp", &idp).await;
        let page = first.open(&app.authorization_url(&[])).await;
        let left = first.start_upstream_login(&page, "idp").await;
        let two = idp.approve(left.location().expect("sent away"));
        let mut second = first.clone();
        let (one, two) = tokio::join!(first.complete_upstream_login(&one), second.complete_upstream_login(&two));
        let heard = [&one, &two].into_iter().filter(|page| page.location().is_some());
        assert!(heard.inspect(|page| drop(page.authorization_response().code())).count() >= 1);
        for page in [one, two] {
            assert!(!page.reply.status.is_server_error(), "{page:?}");
        }
        let row_counts = RowCounts::of(&evidence).await;
        assert_eq!((row_counts.accounts, row_counts.identities), (1, 1));
        sign_in_at_provider(&server, &app, "idp", &idp).await.authorization_response().code();
    }
}
