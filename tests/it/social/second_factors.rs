//! A second factor after a provider: on the page, at the token endpoint, and when the provider is
//! disconnected meanwhile. Security case S077.

use serde_json::json;

use super::fixtures::{TOKEN_EXCHANGE, by, exchange, exchanger, known, person};
use super::with_idp;
use crate::my_account::send;
use crate::support::upstream::{CLIENT_ID, Oidc};
use crate::support::{CHALLENGE, Holder, PASSWORD, both, decode_claims};

both! {
    async fn s077_a_second_factor_is_asked_for_after_a_provider(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut home = server.browser();
        person(&app, &by(&mut home, &app, "idp", &idp).await).await;
        let authenticator = home.enroll(&server).await;
        let mut browser = server.browser();
        let asked = by(&mut browser, &app, "idp", &idp).await;
        assert!(asked.has("totp-submit"), "{}", asked.reply.text);
        let rows = server.evidence().await.count("SELECT count(*) AS n FROM session").await;
        assert_eq!(rows, 1, "the one at home");
        let code = authenticator.code(&server, 0);
        let page = browser.second_factor(&asked, &[("code", &code)]).await;
        let (claims, _) = person(&app, &page).await;
        assert_eq!(claims["acr"], "2");
        assert_eq!(claims["amr"], json!(["fed", "idp", "otp", "mfa"]));
    }

    async fn s077_a_token_of_a_provider_gives_no_tokens_while_a_factor_is_due(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut home = server.browser();
        person(&app, &by(&mut home, &app, "idp", &idp).await).await;
        let native = exchanger(&server).await;
        exchange(&native, "idp", &idp, |_| ()).await.ok();
        let authenticator = home.enroll(&server).await;
        let refused = exchange(&native, "idp", &idp, |_| ()).await;
        refused.refused(400, "insufficient_authorization");
        assert!(refused.json().get("auth_session").is_none(), "{}", refused.text);
        // A client with the right goes on at the challenge endpoint.
        server.change("native", |client| client.metadata.first_party_challenge = true).await;
        let refused = exchange(&native, "idp", &idp, |_| ()).await;
        refused.refused(400, "insufficient_authorization");
        assert_eq!(refused.json()["otp_required"], true);
        let (session, otp) = (refused.text("auth_session"), authenticator.code(&server, 0));
        let fields = [
            ("auth_session", session.as_str()), ("otp", &otp),
            ("code_challenge", CHALLENGE), ("code_challenge_method", "S256"),
        ];
        let code = native.post("/authorize-challenge", &fields).await.ok().text("authorization_code");
        let tokens = native.exchange_with(&code, &[("redirect_uri", "")]).await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert_eq!((&claims["acr"], &claims["idp"]), (&json!("2"), &json!("idp")));
        assert_eq!(claims["amr"], json!(["fed", "idp", "otp", "mfa"]));
    }

    async fn the_key_of_an_exchange_is_needed_for_the_factor_that_is_due(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut home = server.browser();
        person(&app, &by(&mut home, &app, "idp", &idp).await).await;
        let native = exchanger(&server).await;
        server.change("native", |client| client.metadata.first_party_challenge = true).await;
        let authenticator = home.enroll(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let token = idp.id_token_with(CLIENT_ID, None, |_| ());
        let fields = [
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("subject_token", &token),
            ("subject_issuer", "idp"),
            ("scope", "openid"),
        ];
        let refused = holder.token(&native, &fields).await;
        refused.refused(400, "insufficient_authorization");
        let (session, otp) = (refused.text("auth_session"), authenticator.code(&server, 0));
        let fields = [
            ("auth_session", session.as_str()), ("otp", &otp),
            ("code_challenge", CHALLENGE), ("code_challenge_method", "S256"),
        ];
        native.post("/authorize-challenge", &fields).await.refused(400, "invalid_dpop_proof");
        thief.challenge(&native, &fields).await.refused(400, "invalid_session");
        let code = holder.challenge(&native, &fields).await.ok().text("authorization_code");
        native.exchange_with(&code, &[("redirect_uri", "")]).await.refused(400, "invalid_dpop_proof");
    }

    async fn a_sign_in_that_waits_for_a_factor_ends_when_its_provider_is_disconnected(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        idp.change(|person| person.email = Some("there@example.com".to_owned()));
        known(&server, "mina", "mina@example.com", true).await;
        let mut home = server.browser();
        let login = home.open("/account/security").await;
        let account = home.sign_in_as(&login, "mina", PASSWORD).await;
        let left = send(&mut home, &account, "/account/providers/link", &[("provider", "idp")]).await;
        let callback = idp.approve(left.location().expect("sent away"));
        home.complete_upstream_login(&callback).await;
        let authenticator = home.enroll(&server).await;
        // The provider vouches for an intruder, too.
        let mut intruder = server.browser();
        let asked = by(&mut intruder, &app, "idp", &idp).await;
        assert!(asked.has("totp-submit"), "{}", asked.reply.text);
        let account = home.open("/account/security").await;
        let name = account.value_of("unlink-1");
        send(&mut home, &account, "/account/providers/unlink", &[("identity", &name)]).await;
        let code = authenticator.code(&server, 0);
        let page = intruder.send_factor(&asked, &[("code", &code)]).await;
        assert!(page.reply.status.is_client_error(), "{page:?}");
        let rows = server.evidence().await.count("SELECT count(*) AS n FROM session").await;
        assert_eq!(rows, 1, "the one at home");
    }
}
