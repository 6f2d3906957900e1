//! How many mails people can cause, and that nobody keeps a person from the mail that they need to
//! come back to their account (`throttle.mail.*`).

use crate::recovery::{EMAIL, forget, has, mails_to, next, person, submit, with_mail};
use crate::sign_up::{ask, fill, form_for};
use crate::support::{PASSWORD, Server, both};

const PROXY: (&str, &str) = ("trusted_proxies", "127.0.0.1");

both! {
    /// Strangers ask for everything that is mailed to an address; its owner still recovers the account.
    async fn strangers_do_not_keep_a_recovery_from_the_owner(database) {
        let settings = [("signup.mode", "open"), ("signin.mail_code", "true"), PROXY];
        let (server, mails) = with_mail(&database, &settings).await;
        person(&server, "alice", EMAIL, true).await;
        let app = server.web_app("app", |_| {}).await;
        let mut home = server.browser().saying("x-forwarded-for", "192.0.2.1");
        let login = home.open("/account").await;
        assert!(home.sign_in_as(&login, "alice", PASSWORD).await.has("account-sign-out"));
        for n in 0..5 {
            let mut stranger = server.browser().saying("x-forwarded-for", &format!("203.0.113.{n}"));
            ask(&mut stranger, &app, EMAIL).await;
            let login = stranger.open("/account").await;
            for name in ["alice", EMAIL] {
                submit(&mut stranger, &login, "/login/code/send", &[("username", name)]).await;
            }
        }
        has(&mails, EMAIL, 3).await;
        // On a device that nobody knows.
        let known = mails_to(&mails, EMAIL);
        let mut owner = server.browser().saying("x-forwarded-for", "192.0.2.2");
        forget(&mut owner, EMAIL).await;
        let first = next(&mails, EMAIL, &known, "/recover").await;
        // There are never more than five, whoever asks.
        for n in 10..14 {
            let mut stranger = server.browser().saying("x-forwarded-for", &format!("203.0.113.{n}"));
            forget(&mut stranger, EMAIL).await;
            forget(&mut stranger, "alice").await;
        }
        has(&mails, EMAIL, 5).await;
        // But in a browser in which the account was proven before, also where a stranger has asked for
        // everything that one client address may ask for.
        for n in 0..20 {
            let mut stranger = server.browser().saying("x-forwarded-for", "192.0.2.1");
            forget(&mut stranger, &format!("nobody{n}")).await;
        }
        let known = mails_to(&mails, EMAIL);
        let account = home.open("/account").await;
        crate::my_account::send(&mut home, &account, "/account/sign-out", &[]).await;
        forget(&mut home, EMAIL).await;
        let own = next(&mails, EMAIL, &known, "/recover").await;
        assert_ne!(first.raw, own.raw);
        has(&mails, EMAIL, 6).await;
    }

    /// An address that no account has gets all of them for sign-ups.
    async fn an_address_without_an_account_has_nothing_kept_for_a_recovery(database) {
        let settings = [("signup.mode", "open"), ("signin.mail_code", "true"), PROXY];
        let (server, mails) = with_mail(&database, &settings).await;
        let app = server.web_app("app", |_| {}).await;
        // Asking for what nobody is mailed does not count for the address.
        for n in 0..6 {
            let mut stranger = server.browser().saying("x-forwarded-for", &format!("203.0.113.{n}"));
            forget(&mut stranger, EMAIL).await;
        }
        for n in 0..6 {
            let mut browser = server.browser().saying("x-forwarded-for", &format!("198.51.100.{n}"));
            ask(&mut browser, &app, EMAIL).await;
        }
        has(&mails, EMAIL, 5).await;
    }

    /// Without mail an address is only limited in how many accounts come from it: a password that is
    /// refused is none of them.
    async fn a_refused_password_makes_no_account_and_counts_as_none(database) {
        let settings = [("signup.mode", "open"), ("throttle.mail.address.mails", "2")];
        let server = Server::start_with(&database, &settings).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        for n in 0..2 {
            let mut browser = server.browser();
            let form = form_for(&mut browser, &app.authorization_url(&[])).await;
            let name = format!("hana{n}");
            let details = [("email", EMAIL), ("username", name.as_str())];
            for easy in ["password1234", "short", "qwertyuiop", "password1234"] {
                let mut details = details.to_vec();
                details.push(("password", easy));
                let refused = fill(&mut browser, &form, &details).await;
                assert!(refused.has("signup-password-problem"), "{}", refused.reply.text);
            }
            fill(&mut browser, &form, &details).await.authorization_response().code();
        }
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        let full = fill(&mut browser, &form, &[("email", EMAIL), ("username", "hana9")]).await;
        assert_eq!(full.reply.status, 429);
        assert_eq!(server.evidence().await.count("SELECT count(*) AS n FROM account").await, 2);
        server.advance(3600);
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        fill(&mut browser, &form, &[("email", EMAIL), ("username", "hana9")]).await;
        assert_eq!(server.evidence().await.count("SELECT count(*) AS n FROM account").await, 3);
    }

    async fn refused_passwords_of_one_place_are_counted_where_no_mail_proves_anything(database) {
        let settings = [("signup.mode", "open"), ("throttle.address.failures", "3")];
        let server = Server::start_with(&database, &settings).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        let details = [("email", EMAIL), ("username", "hana")];
        let mut statuses = Vec::new();
        for _ in 0..5 {
            let easy = [details[0], details[1], ("password", "password1234")];
            statuses.push(fill(&mut browser, &form, &easy).await.reply.status.as_u16());
        }
        assert_eq!(statuses, [400, 400, 400, 429, 429]);
        server.advance(300);
        fill(&mut browser, &form, &details).await.authorization_response().code();
    }
}
