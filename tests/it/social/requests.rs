//! What a provider is asked, and what it has to return: RFC 7636, RFC 9700 §2.1.1, OpenID Connect
//! Core §3.1.2.1.

use std::collections::BTreeSet;

use super::row_counts::{approved_at_provider, left};
use super::with_idp;
use crate::support::both;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Fields, Oidc};

/// The parameters of the address that somebody is sent to.
fn query(location: &str) -> Fields {
    Fields::parse(location.split_once('?').expect("a query").1)
}

both! {
    async fn rfc7636_4_3_core_3_1_2_1_every_visit_has_a_state_a_nonce_and_a_challenge(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut seen = BTreeSet::new();
        for _ in 0..3 {
            let (_, location) = left(&server, &app, "idp").await;
            assert!(location.starts_with(&idp.url("/authorize?")), "{location}");
            let asked = query(&location);
            let back = server.url("/login/callback/idp");
            for (name, value) in [
                ("response_type", "code"),
                ("client_id", CLIENT_ID),
                ("redirect_uri", &back),
                ("code_challenge_method", "S256"),
                ("scope", "openid profile email"),
            ] {
                assert_eq!(asked.get(name), value, "{name}");
            }
            for name in ["state", "nonce", "code_challenge"] {
                assert!(asked.get(name).len() >= 43, "{name} in {location}");
                assert!(seen.insert(asked.get(name).to_owned()), "{name} is fresh");
            }
            let mut names = asked.names();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), asked.names().len(), "each once in {location}");
            assert!(!location.contains(CLIENT_SECRET) && !location.contains("code_verifier"));
            // What the app said is not for the provider.
            for name in ["prompt", "login_hint", "max_age", "acr_values", "claims"] {
                assert!(!asked.has(name), "{name} in {location}");
            }
            for theirs in [crate::support::STATE, "a-nonce", crate::support::CHALLENGE] {
                assert!(!location.contains(theirs));
            }
        }
    }

    async fn rfc7636_4_5_rfc6749_2_3_1_a_code_is_redeemed_with_verifier_and_secret(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        browser.complete_upstream_login(&callback).await.authorization_response().code();
        let redeemed = idp.asked_at("/token");
        let [asked] = redeemed.as_slice() else { panic!("one request: {redeemed:?}") };
        assert_eq!(asked.method.as_str(), "POST");
        assert_eq!(asked.form.get("grant_type"), "authorization_code");
        assert_eq!(asked.form.get("code"), callback.get("code"));
        assert_eq!(asked.form.get("redirect_uri"), server.url("/login/callback/idp"));
        assert!((43..=128).contains(&asked.form.get("code_verifier").len()));
        assert_eq!(asked.query, Fields::default());
        assert_eq!(asked.basic(), Some((CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())));
        assert!(!asked.form.has("client_secret"), "one way of authentication");
        assert!(!asked.header("cookie").contains("mapae") && asked.header("referer").is_empty());
    }

    async fn core_3_1_2_1_hints_and_languages_are_passed_on(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        for (wished, language) in [("ko", "ko"), ("en", "en"), ("xx", "en"), ("", "en")] {
            let request = [("login_hint", "mina@example.com"), ("ui_locales", wished)];
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&request)).await;
            assert_eq!(page.language(), language, "{wished}");
            let pressed = browser.start_upstream_login(&page, "idp").await;
            // The same where the app sends them past our page.
            let hinted = [&request[..], &[("idp_hint", "idp")]].concat();
            let sent = server.browser().open(&app.authorization_url(&hinted)).await;
            for page in [pressed, sent] {
                let asked = query(page.location().expect("sent away"));
                assert_eq!(asked.get("login_hint"), "mina@example.com");
                assert_eq!(asked.get("ui_locales"), language, "{wished}");
                assert!(!asked.has("prompt"));
            }
        }
    }

    /// Whoever is to prove again who they are does so at the provider too.
    async fn core_3_1_2_1_prompt_login_is_passed_on_where_somebody_proves_again(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let (mut browser, callback) = approved_at_provider(&server, &app, "idp", &idp).await;
        browser.complete_upstream_login(&callback).await.authorization_response().code();
        server.advance(60);
        for again in [("prompt", "login"), ("max_age", "30")] {
            let page = browser.open(&app.authorization_url(&[again])).await;
            let page = browser.start_upstream_login(&page, "idp").await;
            let location = page.location().expect("sent away").to_owned();
            assert_eq!(query(&location).get("prompt"), "login", "{again:?}");
            let code = browser.complete_upstream_login(&idp.approve(&location)).await.authorization_response().code();
            let token = app.exchange(&code).await.ok().text("id_token");
            let claims = crate::support::decode_claims(&token);
            assert_eq!(claims["auth_time"], server.now().now().timestamp(), "{again:?}");
            server.advance(60);
        }
    }

    async fn core_3_1_2_1_whoever_is_signed_in_at_the_provider_alone_is_asked_there(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        for (again, asked) in [
            (("prompt", "login"), "login"),
            (("max_age", "0"), "login"),
            (("max_age", "3600"), "login"),
            (("prompt", "consent"), ""),
        ] {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[again])).await;
            let left = browser.start_upstream_login(&page, "idp").await;
            let location = left.location().expect("sent away").to_owned();
            assert_eq!(query(&location).get("prompt"), asked, "{again:?}");
            // An app that sends people past our page gets no less.
            let hinted = app.authorization_url(&[again, ("idp_hint", "idp")]);
            let left = server.browser().open(&hinted).await;
            let location = left.location().expect("sent away").to_owned();
            assert_eq!(query(&location).get("prompt"), asked, "{again:?}");
        }
    }
}
