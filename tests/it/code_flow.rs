//! The authorization code flow: RFC 6749 §4.1 with PKCE, OpenID Connect Core §3.1.

use crate::support::{CALLBACK, STATE, Server, both, decode_claims};

both! {
    async fn core_3_1_a_person_signs_in_allows_and_the_app_gets_tokens(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();

        let login = browser.open(&app.authorization_url(&[])).await;
        assert!(login.has("username") && login.has("password") && login.has("login-submit"));
        let consent = browser.sign_in(&login).await;
        assert!(consent.has("consent-allow"), "{consent:?}");
        let answer = browser.consent(&consent, "allow").await;
        assert_eq!(answer.reply.status, 303);
        assert!(answer.location().unwrap().starts_with(&format!("{CALLBACK}?")));
        let heard = answer.authorization_response();
        assert_eq!(heard.names(), ["code", "iss", "state"]);
        assert_eq!((heard.get("state"), heard.get("iss")), (STATE, server.issuer()));

        let tokens = app.exchange(&heard.code()).await.ok();
        let id_token = decode_claims(&tokens.text("id_token"));
        assert_eq!((id_token["sub"].as_str(), id_token["nonce"].as_str()), (Some(sub.as_str()), Some("a-nonce")));
        assert_eq!(id_token["acr"], "1");
        let info = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!(info, serde_json::json!({ "sub": sub }));
        let (_, _) = app.refresh(&tokens.text("refresh_token")).await.pair();

        // Signed in and allowed: the next request needs no page.
        let again = browser.get(&app.authorization_url(&[("state", "2")])).await;
        assert_eq!(again.authorization_response().get("state"), "2");
        let silent = browser.get(&app.authorization_url(&[("prompt", "none")])).await;
        app.exchange(&silent.authorization_response().code()).await.ok();
    }
}
