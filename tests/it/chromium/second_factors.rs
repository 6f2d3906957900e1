//! Second factors, in a real Chromium.

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences};
use crate::support::factors::Authenticator;
use crate::support::{AuthorizationResponse, Database, PASSWORD, Server, decode_claims};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_set_an_authenticator_app_up_and_sign_in_with_it() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in [ENGLISH, Preferences { scripts: false, ..KOREAN }] {
        let settings = [("mfa.remember", "true")];
        let deployment =
            Deployment::of(Server::start_with(&Database::Sqlite, &settings).await).await;
        let server = &deployment.server;
        let here = chromium.window(preferences).await;
        here.goto(&server.url("/account/security")).await;
        here.signs_in("alice", PASSWORD).await;
        here.follows("totp-add").await;
        let secret = here.sees("totp-secret").await.text().await.expect("a key");
        let authenticator = Authenticator { secret, recovery_codes: Vec::new() };
        here.types("totp-code", "000000").await;
        here.follows("totp-confirm").await;
        here.sees("totp-problem").await;
        here.types("totp-code", &authenticator.code(server, 0)).await;
        here.follows("totp-confirm").await;
        let shown = here.sees("recovery-show").await.text().await.expect("codes");
        let codes: Vec<&str> = shown.split_whitespace().collect();
        assert_eq!(codes.len(), 10, "{shown}");
        here.follows("codes-saved").await;
        server.advance(60);
        // Elsewhere the password is followed by a code, or by a recovery code.
        for recovery in [None, Some(codes[0])] {
            let elsewhere = chromium.window(preferences).await;
            elsewhere.goto(&deployment.request(&[])).await;
            elsewhere.signs_in("alice", PASSWORD).await;
            match recovery {
                None => {
                    elsewhere.types("totp-code", &authenticator.code(server, 0)).await;
                    elsewhere.clicks("factor-remember").await;
                    elsewhere.follows("totp-submit").await;
                }
                Some(code) => {
                    elsewhere.clicks("recovery-link").await;
                    elsewhere.types("recovery-code", code).await;
                    elsewhere.follows("recovery-submit").await;
                }
            }
            if elsewhere.has("consent-allow").await {
                elsewhere.follows("consent-allow").await;
            }
            let url = elsewhere.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
            let code = AuthorizationResponse::at(&url).code();
            let tokens = deployment.exchange(&code).await.ok();
            assert_eq!(decode_claims(&tokens.text("id_token"))["acr"], "2");
            elsewhere.kept_every_policy().await;
            elsewhere.closes().await;
        }
        here.kept_every_policy().await;
        here.closes().await;
    }
}
