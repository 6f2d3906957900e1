//! Notices by mail: a new device, and a change of a sign-in method.

use crate::my_account::{first_party, is_signed_in, send, signed_in};
use crate::recovery::{EMAIL, NEW, forget, has, mails_to, next, person, press, submit, with_mail};
use crate::second_factors::renewal;
use crate::support::{Authenticator, LOCALHOST, PASSWORD, Server, both, eventually};

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

    /// Also where the first one is in a known browser, or nothing was mailed then.
    async fn only_the_first_sign_in_of_an_account_is_not_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let link = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &link).await;
        submit(&mut browser, &page, "/recover/password", &[("new-password", NEW)]).await;
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, "alice", NEW).await.has("account-sign-out"));
        next(&mails, EMAIL, &[], "on a new device").await;
        // A server that mails nothing records it, too.
        let silent = Server::start(&database).await;
        silent.alice().await;
        let app = first_party(&silent).await;
        signed_in(&silent, &app).await;
        let rows = silent.evidence().await.count("SELECT count(*) AS n FROM first_sign_in").await;
        assert_eq!(rows, 1);
    }

    async fn passkeys_that_are_added_and_removed_are_told(database) {
        let (server, mails) = with_mail(&database, &[("issuer", LOCALHOST)]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        let login = browser.open("/account/security").await;
        let page = browser.sign_in(&login).await;
        let answer = Authenticator::at(server.issuer()).create(&page.passkey_options("create"));
        let challenge = page.hidden("challenge");
        let fields = [("challenge", challenge.as_str()), ("credential", answer.as_str())];
        let added = send(&mut browser, &page, "/account/passkeys/add", &fields).await;
        let page = browser.follow(added).await;
        let told = next(&mails, EMAIL, &[], "A passkey was added").await;
        assert!(told.text.contains("127.0.0.1") && told.text.contains("If this was not you"), "{}", told.text);
        let passkey = page.value_of("passkey-remove-1");
        send(&mut browser, &page, "/account/passkeys/remove", &[("passkey", &passkey)]).await;
        next(&mails, EMAIL, &[], "A passkey was removed").await;
        has(&mails, EMAIL, 2).await;
    }

    async fn codes_that_are_set_up_renewed_and_removed_are_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        browser.enroll(&server).await;
        next(&mails, EMAIL, &[], "authenticator app were turned on").await;
        let page = browser.open("/account/security").await;
        let new = renewal(&page);
        send(&mut browser, &page, "/account/security/recovery-codes", &[("new", &new)]).await;
        next(&mails, EMAIL, &[], "New recovery codes were made").await;
        send(&mut browser, &page, "/account/security/one-time-codes/remove", &[]).await;
        next(&mails, EMAIL, &[], "authenticator app were turned off").await;
        has(&mails, EMAIL, 3).await;
    }

    /// In the language of the request, since the profile names none.
    async fn the_last_three_recovery_codes_are_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser().saying("accept-language", "ko");
        let authenticator = browser.enroll(&server).await;
        has(&mails, EMAIL, 1).await;
        for (used, code) in authenticator.recovery_codes.iter().enumerate().take(8) {
            let login = browser.open("/account").await;
            let account = if login.has("login-submit") { browser.sign_in(&login).await } else { login };
            let out = send(&mut browser, &account, "/account/sign-out", &[]).await;
            browser.follow(out).await;
            let login = browser.open("/account").await;
            let asked = browser.sign_in(&login).await;
            let fields = [("with", "recovery-code"), ("recovery-code", code.as_str())];
            let account = browser.second_factor(&asked, &fields).await;
            assert!(account.has("account-sign-out"), "{}", account.reply.text);
            let told = (used + 1_usize).saturating_sub(6);
            has(&mails, EMAIL, 1 + told).await;
        }
        for left in ["3개", "2개"] {
            next(&mails, EMAIL, &[], &format!("복구 코드가 {left} 남았어요")).await;
        }
    }

    /// What an operator does is told in other words than what somebody did in a browser.
    async fn what_an_operator_changes_is_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let cli = server.cli().await;
        cli.json(&["user", "set-password", "--username", "alice", "--password-stdin"], Some(NEW)).await;
        // The verb has another clock.
        server.advance(3600);
        let told = next(&mails, EMAIL, &[], "got a new password").await;
        assert!(told.text.contains("people who run this service") && !told.text.contains("If this was not you"), "{}", told.text);
        let update = ["user", "update", "--username", "alice", "--email"];
        // The same address in another spelling is no other one.
        cli.json(&[&update[..], &["Alice@Example.com", "--email-verified"]].concat(), None).await;
        cli.json(&[&update[..], &["alice@example.org", "--email-verified"]].concat(), None).await;
        server.advance(3600);
        let told = next(&mails, "Alice@Example.com", &[told], "").await;
        assert!(told.text.contains("alice@example.org") && told.text.contains("people who run this service"), "{}", told.text);
        has(&mails, EMAIL, 2).await;
        assert!(mails_to(&mails, "alice@example.org").is_empty());
        let evidence = server.evidence().await;
        let waiting = async || evidence.count("SELECT count(*) AS n FROM outbox").await;
        eventually("the outbox is empty", async || waiting().await == 0).await;
        // A name says nothing to anybody.
        cli.json(&["user", "update", "--username", "alice", "--name", "Alice"], None).await;
        assert_eq!(waiting().await, 0);
    }

    async fn reset_mfa_removes_codes_and_recovery_codes_and_nothing_else(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let sub = person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        browser.enroll(&server).await;
        let (access, refresh) = app.exchange(&browser.code(&app).await).await.pair();
        let evidence = server.evidence().await;
        evidence.put_passkey(&sub, "old", server.now().now().timestamp_millis()).await;
        let cli = server.cli().await;
        let reset = ["user", "reset-mfa", "--username", "alice"];
        assert_eq!(cli.json(&reset, None).await["removed"], true);
        assert_eq!(cli.json(&reset, None).await["removed"], false, "there is none");
        let nobody = cli.run(&["user", "reset-mfa", "--username", "nobody"], None).await;
        assert_eq!(nobody.code, 1, "{nobody:?}");
        for (table, rows) in [("totp", 0), ("recovery_code", 0), ("passkey", 1), ("session", 0)] {
            assert_eq!(evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await, rows, "{table}");
        }
        // What was opened with the codes has ended. The passkey stays, and the password is enough.
        assert!(!app.is_active(&access).await && !is_signed_in(&browser, &app).await);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in(&login).await.has("account-sign-out"));
        let events = evidence.events_of("factor.reset").await;
        assert!(events.len() == 1 && events[0].user.as_deref() == Some(&sub), "{events:?}");
        server.advance(3600);
        let told = next(&mails, EMAIL, &[], "recovery codes no longer work").await;
        assert!(told.text.contains("people who run this service"), "{}", told.text);
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
