//! Notices by mail: a new device, and a change of a sign-in method.

use crate::my_account::{first_party, send, signed_in};
use crate::recovery::{EMAIL, NEW, forget, has, mails_to, next, person, press, submit, with_mail};
use crate::support::{PASSWORD, both};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/126.0.0.0 Safari/537.36";

both! {
    async fn a_sign_in_on_a_new_device_is_told_but_not_the_first_one(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        // The first sign-in, and the same browser again.
        let (mut browser, ..) = signed_in(&server, &app).await;
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        browser.sign_in(&login).await.authorization_response().code();
        let mut other = server.browser().saying("user-agent", CHROME);
        other.code(&app).await;
        let told = next(&mails, EMAIL, &[], "").await;
        for said in ["Chrome", "Windows", "127.0.0.1"] {
            assert!(told.text.contains(said), "{said} in {}", told.text);
        }
        // That one is known from now on.
        other.forget();
        other.code(&app).await;
        has(&mails, EMAIL, 1).await;
    }

    async fn a_recovery_is_told_once_and_not_as_a_new_device(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        signed_in(&server, &app).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let link = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &link).await;
        submit(&mut browser, &page, "/recover/password", &[("new-password", NEW)]).await;
        next(&mails, EMAIL, &[link], "").await;
        // Another sign-in elsewhere is told after everything else.
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, "alice", NEW).await.has("account-sign-out"));
        has(&mails, EMAIL, 3).await;
    }

    /// §8.6: also where a second factor is asked for after the new password.
    async fn a_recovery_with_a_second_factor_is_not_told_as_a_new_device(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let link = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &link).await;
        let asked = submit(&mut browser, &page, "/recover/password", &[("new-password", NEW)]).await;
        let code = authenticator.code(&server, 0);
        assert!(browser.second_factor(&asked, &[("code", &code)]).await.has("account-sign-out"));
        // A sign-in elsewhere is told, and is the only one.
        server.advance(60);
        let mut other = server.browser().saying("user-agent", CHROME);
        let login = other.open("/account").await;
        let asked = other.sign_in_as(&login, "alice", NEW).await;
        let code = authenticator.code(&server, 0);
        assert!(other.second_factor(&asked, &[("code", &code)]).await.has("account-sign-out"));
        let told = next(&mails, EMAIL, &[], "Chrome").await;
        let devices = mails_to(&mails, EMAIL).into_iter().filter(|mail| mail.subject == told.subject);
        assert_eq!(devices.count(), 1);
    }

    async fn a_changed_password_is_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let account = browser.open("/account/security").await;
        let fields = [("current-password", PASSWORD), ("new-password", NEW)];
        assert_eq!(send(&mut browser, &account, "/account/password", &fields).await.reply.status, 303);
        has(&mails, EMAIL, 1).await;
        // An address that is not verified gets nothing.
        person(&server, "bob", "bob@example.com", false).await;
        let mut bobs = server.browser();
        let login = bobs.open("/account").await;
        bobs.sign_in_as(&login, "bob", PASSWORD).await;
        let account = bobs.open("/account/security").await;
        assert_eq!(send(&mut bobs, &account, "/account/password", &fields).await.reply.status, 303);
        assert!(mails_to(&mails, "bob@example.com").is_empty());
    }
}
