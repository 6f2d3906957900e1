//! Passkeys in a real Chromium, with authenticators that Chromium simulates.

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences, Window};
use crate::recovery::{EMAIL, forget, next, person, with_mail};
use crate::support::{
    AuthorizationResponse, Database, LOCALHOST, PASSWORD, Server, decode_claims, eventually,
};

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

/// The strength in the id token for the code with which the window comes back to the app.
async fn strength(deployment: &Deployment, window: &Window) -> String {
    let here = window.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
    let tokens = deployment.exchange(&AuthorizationResponse::at(&here).code()).await.ok();
    decode_claims(&tokens.text("id_token"))["acr"].as_str().expect("a strength").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_up_with_a_passkey_through_an_app() {
    let Some(chromium) = Chromium::start().await else { return };
    let settings = [("issuer", LOCALHOST), ("signup.mode", "open")];
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    let deployment = Deployment::of(server).await;
    let window = chromium.window(KOREAN).await;
    window.plugs_in_authenticator().await;
    window.waits_for_a_finger(true).await;
    window.goto(&deployment.request(&[])).await;
    window.follows("signup-link").await;
    window.types("signup-email", "hana@example.com").await;
    window.types("signup-name", "서하나").await;
    window.waits_for_a_finger(false).await;
    // Who cannot prove to the authenticator who they are, and what another site would ask for: the
    // browser refuses, and the page says so.
    let failed = "#signup-passkey ~ [data-says=failed]";
    window.knows_its_person(false).await;
    window.clicks("signup-passkey").await;
    eventually("the page says so", async || window.reads(failed, "패스키를 만들지 못했어요").await)
        .await;
    window.knows_its_person(true).await;
    let other = "const it = document.querySelector('[data-passkey]'); const is = it.dataset.options; \
        it.dataset.options = is.replace('\"id\":\"localhost\"', '\"id\":\"example.com\"');\
        document.querySelector('[data-says=failed]').hidden = true; window.is = is;";
    window.driver.execute(other, vec![]).await.expect("done");
    window.clicks("signup-passkey").await;
    eventually("the page says so", async || window.reads(failed, "패스키를 만들지 못했어요").await)
        .await;
    let back = "document.querySelector('[data-passkey]').dataset.options = window.is;";
    window.driver.execute(back, vec![]).await.expect("done");
    // Something else is wrong: the form comes back with what was typed.
    window.follows("signup-passkey").await;
    window.sees("signup-username-problem").await;
    let name = window.sees("signup-name").await.prop("value").await.expect("a value");
    assert_eq!(name.as_deref(), Some("서하나"));
    window.types("signup-username", "hana").await;
    window.follows("signup-passkey").await;
    window.follows("consent-allow").await;
    assert_eq!(strength(&deployment, &window).await, "phr");
    window.kept_every_policy().await;
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_made_in_a_recovery_and_proves_more_and_again() {
    let Some(chromium) = Chromium::start().await else { return };
    let (server, mails) = with_mail(&Database::Sqlite, &[("issuer", LOCALHOST)]).await;
    person(&server, "hana", EMAIL, true).await;
    let deployment = Deployment::of(server).await;
    let server = &deployment.server;
    let window = chromium.window(ENGLISH).await;
    window.plugs_in_authenticator().await;
    forget(&mut server.browser(), "hana").await;
    window.goto(&next(&mails, EMAIL, &[], "/recover").await.link()).await;
    window.follows("mail-confirm").await;
    window.follows("passkey-add").await;
    window.sees("account-sign-out").await;
    // "Is it you?" before a change.
    server.advance(6 * 60);
    window.goto(&server.url("/account/security")).await;
    window.follows("passkey-add").await;
    window.follows("passkey-signin").await;
    window.sees("passkey-name-1").await;
    window.kept_every_policy().await;
    window.closes().await;
    // More than the password, because the app asks for it.
    let window = chromium.window(ENGLISH).await;
    window.plugs_in_authenticator().await;
    window.goto(&server.url("/account/security")).await;
    window.signs_in("alice", PASSWORD).await;
    window.goto(&server.url("/account/security")).await;
    window.follows("passkey-add").await;
    window.waits_for_a_finger(true).await;
    window.forgets_everybody().await;
    window.goto(&deployment.request(&[])).await;
    window.signs_in("alice", PASSWORD).await;
    window.follows("consent-allow").await;
    assert_eq!(strength(&deployment, &window).await, "1");
    window.goto(&deployment.request(&[("acr_values", "phr")])).await;
    window.sees("passkey-signin").await;
    window.waits_for_a_finger(false).await;
    window.follows("passkey-signin").await;
    assert_eq!(strength(&deployment, &window).await, "phr");
    window.kept_every_policy().await;
    window.closes().await;
}
