//! Sign-up through an app, in a real browser.

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences};
use crate::support::{AuthorizationResponse, Database, Mailbox, Server};

const TERMS: &str = "[[terms]]\nid = \"tos\"\nversion = \"1\"\nrequired = true\n\
    title = { en = \"Terms of use\", ko = \"이용약관\" }\n\
    url = { en = \"https://example.com/terms\", ko = \"https://example.com/ko/terms\" }\n";

/// From the app to an account and back, by the code of the mail or by its link.
async fn whole_sign_up(chromium: &Chromium, preferences: Preferences, by_link: bool) {
    let mailbox = Mailbox::new();
    let url = mailbox.url();
    let settings = [("mail.url", url.as_str()), ("signup.mode", "open")];
    let server = Server::start_of(&Database::Sqlite, &settings, TERMS).await;
    let deployment = Deployment::of(server).await;
    let window = chromium.window(preferences).await;
    window.goto(&deployment.request(&[("scope", "openid email")])).await;
    window.follows("signup-link").await;
    window.types("signup-email", "hana@example.com").await;
    window.follows("signup-submit").await;
    window.sees("code").await;
    assert_eq!(window.language().await, preferences.language);
    let letter = mailbox.first_to("hana@example.com").await;
    if by_link {
        window.goto(&letter.link()).await;
        window.follows("mail-confirm").await;
    } else {
        window.types("code", &letter.code().replace('-', "").to_lowercase()).await;
        window.follows("code-submit").await;
    }
    window.types("signup-name", "서하나").await;
    window.types("signup-password", "password1234").await;
    window.clicks("terms-accept").await;
    window.follows("signup-submit").await;
    window.sees("signup-password-problem").await;
    let name = window.sees("signup-name").await.prop("value").await.unwrap();
    assert_eq!(name.as_deref(), Some("서하나"), "what was typed stays");
    window.types("signup-password", "seven green kettles 41").await;
    window.follows("signup-submit").await;
    window.follows("consent-allow").await;
    let here = window.arrives_at(&format!("{}?code=", deployment.place.callback())).await;
    let tokens = deployment.exchange(&AuthorizationResponse::at(&here).code()).await.ok();
    let info = deployment.app.userinfo(&tokens.text("access_token")).await.ok().json();
    assert_eq!(
        (info["email"].as_str(), info["email_verified"].as_bool()),
        (Some("hana@example.com"), Some(true))
    );
    window.kept_every_policy().await;
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_up_through_an_app_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    Box::pin(whole_sign_up(&chromium, KOREAN, false)).await;
    let without = Preferences { scripts: false, ..ENGLISH };
    Box::pin(whole_sign_up(&chromium, without, true)).await;
}
