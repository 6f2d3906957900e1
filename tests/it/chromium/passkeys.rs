//! Passkeys in a real Chromium, with authenticators that Chromium simulates.

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences};
use crate::support::{AuthorizationResponse, Database, LOCALHOST, PASSWORD, Server, decode_claims};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_made_and_signs_in_by_button_from_the_list_and_again() {
    let Some(chromium) = Chromium::start().await else { return };
    for language in [ENGLISH, KOREAN] {
        let server = Server::start_with(&Database::Sqlite, &[("issuer", LOCALHOST)]).await;
        let deployment = Deployment::of(server).await;
        let window = chromium.window(language).await;
        let security = deployment.server.url("/account/security");
        window.plugs_in_authenticator().await;
        window.goto(&security).await;
        window.signs_in("alice", PASSWORD).await;
        // One press of a button; the name is that of the authenticator's kind, or another one.
        window.goto(&security).await;
        window.follows("passkey-add").await;
        window.types("passkey-name-1", "Laptop").await;
        window.follows("passkey-rename-1").await;
        let name = window.sees("passkey-name-1").await.prop("value").await.expect("a value");
        assert_eq!(name.as_deref(), Some("Laptop"));
        // By the button, at the request of an app.
        window.waits_for_a_finger(true).await;
        window.forgets_everybody().await;
        window.goto(&deployment.request(&[])).await;
        window.sees("passkey-signin").await;
        window.waits_for_a_finger(false).await;
        window.follows("passkey-signin").await;
        window.follows("consent-allow").await;
        let callback = format!("{}?code=", deployment.place.callback());
        let url = window.arrives_at(&callback).await;
        let tokens = deployment.exchange(&AuthorizationResponse::at(&url).code()).await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert_eq!(claims["acr"], "phr", "{claims}");
        // Again, because the app asks for it: with the passkeys of this person.
        deployment.server.advance(60);
        window.waits_for_a_finger(true).await;
        window.goto(&deployment.request(&[("prompt", "login")])).await;
        window.sees("passkey-signin").await;
        window.waits_for_a_finger(false).await;
        window.follows("passkey-signin").await;
        window.arrives_at(&callback).await;
        // From the list below the field: Chromium takes the only passkey of the authenticator.
        window.forgets_everybody().await;
        window.goto(&deployment.request(&[])).await;
        window.arrives_at(&callback).await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_there_is_no_button_for_passkeys() {
    let Some(chromium) = Chromium::start().await else { return };
    let server = Server::start_with(&Database::Sqlite, &[("issuer", LOCALHOST)]).await;
    let deployment = Deployment::of(server).await;
    let window = chromium.window(Preferences { scripts: false, ..ENGLISH }).await;
    window.goto(&deployment.server.url("/account/security")).await;
    assert!(!window.sees("passkey-signin").await.is_displayed().await.expect("an answer"));
    window.signs_in("alice", PASSWORD).await;
    window.goto(&deployment.server.url("/account/security")).await;
    assert!(!window.sees("passkey-add").await.is_displayed().await.expect("an answer"));
    window.closes().await;
}
