//! Signing in with a code that is mailed. Security cases S076, S083.

use futures_util::future::join_all;

use crate::my_account::{self, first_party};
use crate::recovery::{EMAIL, mails_to, next, person, submit, with_mail};
use crate::support::{Browser, LOCALHOST, Page, both, decode_claims};

const ON: &[(&str, &str)] = &[("signin.mail_code", "true")];

async fn ask(browser: &mut Browser, login: &Page, name: &str) -> Page {
    submit(browser, login, "/login/code/send", &[("username", name), ("keep", "1")]).await
}

async fn enter(browser: &mut Browser, page: &Page, code: &str) -> Page {
    submit(browser, page, "/login/code", &[("code", code)]).await
}

both! {
    async fn a_mailed_code_signs_in_where_the_operator_says_so(database) {
        let (server, mails) = with_mail(&database, ON).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        assert!(ask(&mut browser, &login, "").await.has("username-problem"));
        let page = ask(&mut browser, &login, "alice").await;
        assert!(page.has("code") && page.has("code-submit"), "{}", page.reply.text);
        let code = next(&mails, EMAIL, &[], "").await.code();
        assert!(enter(&mut browser, &page, "").await.has("code-problem"));
        assert!(enter(&mut browser, &page, "AAAA-AAAA").await.has("code-problem"));
        // The code of one browser is none in another one.
        let mut other = server.browser();
        let login = other.open(&app.authorization_url(&[])).await;
        let others = ask(&mut other, &login, "nobody").await;
        assert!(others.has("code-submit"));
        assert!(enter(&mut other, &others, &code).await.has("code-problem"));
        let typed = code.replace('-', " ").to_lowercase();
        let signed_in = enter(&mut browser, &page, &typed).await.authorization_response().code();
        let tokens = app.exchange(&signed_in).await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert_eq!(claims["amr"], serde_json::json!(["otp"]));
    }

    /// The last way in stays, and a mailed code is one if the address is proven.
    async fn a_mailed_code_counts_as_a_way_in_when_the_last_passkey_is_removed(database) {
        for (setting, proven, goes) in [("true", false, false), ("false", true, false), ("true", true, true)] {
            let settings = [("issuer", LOCALHOST), ("signin.mail_code", setting)];
            let (server, _mails) = with_mail(&database, &settings).await;
            let sub = person(&server, "alice", EMAIL, true).await;
            let mut browser = server.browser();
            let login = browser.open("/account/security").await;
            browser.sign_in(&login).await;
            let evidence = server.evidence().await;
            let now = server.now().now().timestamp_millis();
            evidence.put_passkey(&sub, "phone", now - 1).await;
            evidence.put_passkey(&sub, "laptop", now).await;
            let proven = if proven { "TRUE" } else { "FALSE" };
            evidence.run(&format!("UPDATE account SET password_hash = NULL, email_verified = {proven}")).await;
            let mut left = Vec::new();
            let page = browser.open("/account/security").await;
            for id in ["passkey-remove-1", "passkey-remove-2"] {
                let passkey = page.value_of(id);
                my_account::send(&mut browser, &page, "/account/passkeys/remove", &[("passkey", &passkey)]).await;
                left.push(evidence.count("SELECT count(*) AS n FROM passkey").await);
            }
            assert_eq!(left, [1, i64::from(!goes)], "{setting} {proven}");
        }
    }

    async fn s076_a_code_ends_after_five_wrong_ones(database) {
        let (server, mails) = with_mail(&database, ON).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = ask(&mut browser, &login, "alice").await;
        let mail = next(&mails, EMAIL, &[], "").await;
        for _ in 0..5 {
            assert!(enter(&mut browser, &page, "AAAA-AAAA").await.has("code-problem"));
        }
        assert!(enter(&mut browser, &page, &mail.code()).await.has("code-problem"));
        // A new one counts, once, and for half an hour.
        server.advance(61);
        ask(&mut browser, &login, EMAIL).await;
        let second = next(&mails, EMAIL, std::slice::from_ref(&mail), "").await;
        server.advance(30 * 60);
        let login = browser.open("/account").await;
        let address = format!("/login/code?interaction={}", login.hidden("interaction"));
        let page = browser.open(&address).await;
        assert!(enter(&mut browser, &page, &second.code()).await.has("code-problem"));
    }

    async fn s083_of_many_uses_of_a_code_one_counts(database) {
        let (server, mails) = with_mail(&database, ON).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = ask(&mut browser, &login, "alice").await;
        let code = next(&mails, EMAIL, &[], "").await.code();
        let uses = (0..8).map(|_| {
            let (mut tab, page, code) = (browser.clone(), page.clone(), code.clone());
            async move { enter(&mut tab, &page, &code).await.has("account-sign-out") }
        });
        let counted = join_all(uses).await;
        assert_eq!(counted.iter().filter(|counted| **counted).count(), 1, "{counted:?}");
        assert_eq!(server.evidence().await.events_of("session.started").await.len(), 1);
    }

    async fn codes_are_off_by_default(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        assert!(login.has("forgot-link") && !login.has("login-mail-code"));
        ask(&mut browser, &login, "alice").await.is_error("unknown_interaction");
        assert!(mails_to(&mails, EMAIL).is_empty());
    }
}
