//! A forgotten password, a new address and a code by mail, in a real Chromium.

use super::driver::{Chromium, ENGLISH, KOREAN, Preferences};
use crate::recovery::{EMAIL, NEW, mails_to, next, person, with_mail};
use crate::support::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_back_by_mail_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in [ENGLISH, Preferences { scripts: false, ..KOREAN }] {
        let (server, mails) = with_mail(&Database::Sqlite, &[("signin.mail_code", "true")]).await;
        person(&server, "alice", EMAIL, true).await;
        let window = chromium.window(preferences).await;
        window.goto(&server.url("/account")).await;
        window.follows("forgot-link").await;
        window.types("forgot-identifier", "alice").await;
        window.follows("forgot-submit").await;
        window.sees("forgot-back").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        window.goto(&mail.link()).await;
        window.follows("mail-confirm").await;
        window.types("new-password", "password").await;
        window.follows("new-password-submit").await;
        window.sees("new-password-problem").await;
        window.types("new-password", NEW).await;
        window.follows("new-password-submit").await;
        window.sees("account-sign-out").await;
        // Another address, by its code.
        window.goto(&server.url("/account/security")).await;
        window.types("email-new", "alice@example.org").await;
        window.follows("email-submit").await;
        window.sees("code").await;
        let code = next(&mails, "alice@example.org", &[], "/confirm-address").await.code();
        window.types("code", &code.to_lowercase()).await;
        window.follows("code-submit").await;
        window.sees("account-sign-out").await;
        window.kept_every_policy().await;
        window.closes().await;
        // A code signs in in another browser.
        let known = mails_to(&mails, "alice@example.org");
        let window = chromium.window(preferences).await;
        window.goto(&server.url("/account")).await;
        window.types("username", "alice").await;
        window.follows("login-mail-code").await;
        window.sees("code").await;
        let code = next(&mails, "alice@example.org", &known, "").await.code();
        window.types("code", &code).await;
        window.follows("code-submit").await;
        window.sees("account-sign-out").await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}
