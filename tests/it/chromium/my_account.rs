//! My account, in a real Chromium.

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences};
use crate::support::{AuthorizationResponse, PASSWORD, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_look_after_their_account_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in [ENGLISH, Preferences { scripts: false, ..KOREAN }] {
        let deployment = Deployment::start().await;
        let (here, elsewhere) =
            (chromium.window(preferences).await, chromium.window(preferences).await);
        let account = deployment.server.url("/account");
        let mut codes = Vec::new();
        for window in [&here, &elsewhere] {
            window.goto(&deployment.request(&[])).await;
            window.signs_in("alice", PASSWORD).await;
            if codes.is_empty() {
                window.follows("consent-allow").await;
            }
            let url = window.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
            codes.push(deployment.exchange(&AuthorizationResponse::at(&url).code()).await.ok());
        }
        // Another password: the other device is signed out, this one stays.
        here.goto(&account).await;
        here.follows("to-security").await;
        here.types("current-password", "wrong").await;
        here.types("new-password", "a much better one 7!").await;
        here.follows("password-submit").await;
        here.sees("current-password-problem").await;
        here.types("current-password", PASSWORD).await;
        here.types("new-password", "password").await;
        here.follows("password-submit").await;
        here.sees("new-password-problem").await;
        here.types("current-password", PASSWORD).await;
        here.types("new-password", "a much better one 7!").await;
        here.follows("password-submit").await;
        here.arrives_at(&format!("{account}/security?session=")).await;
        elsewhere.goto(&format!("{account}/devices")).await;
        elsewhere.signs_in("alice", "a much better one 7!").await;
        elsewhere.sees("device-end-1").await;
        deployment.app.refresh(&codes[1].text("refresh_token")).await.refused(400, "invalid_grant");
        // The app loses its access.
        here.follows("to-apps").await;
        let newer = deployment.app.refresh(&codes[0].text("refresh_token")).await.ok();
        here.follows("app-remove-1").await;
        here.arrives_at(&format!("{account}/apps?session=")).await;
        assert!(!here.has("app-remove-1").await);
        deployment.app.refresh(&newer.text("refresh_token")).await.refused(400, "invalid_grant");
        // Signed out everywhere.
        here.follows("to-devices").await;
        here.follows("devices-end-all").await;
        eventually("it is done", async || !here.has("devices-end-all").await).await;
        elsewhere.goto(&account).await;
        elsewhere.sees("login-submit").await;
        for window in [here, elsewhere] {
            window.kept_every_policy().await;
            window.closes().await;
        }
    }
}

/// The pages in a row, the profile, and an account that is deleted and kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_change_their_profile_and_delete_and_keep_their_account() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in [KOREAN, Preferences { scripts: false, ..ENGLISH }] {
        let deployment = Deployment::start().await;
        let window = chromium.window(preferences).await;
        let account = deployment.server.url("/account");
        window.goto(&account).await;
        window.signs_in("alice", PASSWORD).await;
        window.types("nickname", "Ally").await;
        window.types("picture", "http://a.example/me.png").await;
        window.follows("profile-submit").await;
        window.sees("picture-problem").await;
        assert_eq!(window.focus().await, "picture");
        window.types("picture", "https://a.example/me.png").await;
        window.follows("profile-submit").await;
        window.arrives_at(&format!("{account}?session=")).await;
        window.follows("to-activity").await;
        window.sees("activity").await;
        window.follows("to-data").await;
        window.sees("data-export").await;
        window.follows("account-delete").await;
        window.follows("account-delete-back").await;
        window.follows("account-delete").await;
        window.follows("account-delete-confirm").await;
        window.follows("deletion-planned-home").await;
        window.signs_in("alice", PASSWORD).await;
        window.follows("deletion-undo").await;
        window.arrives_at(&format!("{account}?session=")).await;
        window.sees("profile-submit").await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}
