//! Audit events of people in browsers (S165): every step that opens or ends something writes an
//! event, and nothing else does.

use crate::support::{Browser, Evidence, Page, Server, both};

/// The events since the last look.
struct Book {
    evidence: Evidence,
    seen: usize,
}

impl Book {
    async fn says(&mut self, what: &str, kinds: &[&str]) {
        let events = self.evidence.events().await;
        let mut found: Vec<_> =
            events[self.seen..].iter().map(|event| event.kind.clone()).collect();
        found.sort_unstable();
        self.seen = events.len();
        assert_eq!(found, kinds, "{what}");
    }
}

async fn account(browser: &mut Browser, path: &str, more: &[(&str, &str)]) -> Page {
    let account = browser.open("/account").await;
    crate::my_account::send(browser, &account, path, more).await
}

both! {
    async fn s165_what_people_do_in_browsers_is_written(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut book = Book { evidence: server.evidence().await, seen: 0 };
        book.seen = book.evidence.events().await.len();
        let mut browser = server.browser();
        server.advance(1);
        let login = browser.open(&app.authorization_url(&[])).await;
        browser.get(&app.authorization_url(&[("prompt", "none")])).await;
        browser.get("/authorize").await;
        book.says("looking", &[]).await;
        browser.sign_in_as(&login, "alice", "wrong").await;
        book.says("a wrong password", &["sign_in.failed"]).await;
        server.advance(1);
        let consent = browser.sign_in(&login).await;
        book.says("a sign-in", &["session.started", "sign_in.succeeded"]).await;
        server.advance(1);
        let code = browser.consent(&consent, "allow").await.authorization_response().code();
        book.says("a yes", &["consent.given"]).await;
        server.advance(1);
        app.exchange(&code).await.ok();
        book.says("a code", &["family.started"]).await;
        server.advance(1);
        browser.code(&app).await;
        browser.open("/account").await;
        browser.open("/logout").await;
        book.says("single sign-on", &[]).await;
        app.exchange(&code).await.refused(400, "invalid_grant");
        app.exchange(&code).await.refused(400, "invalid_grant");
        book.says("a replay, once", &["code.replayed"]).await;
        server.advance(1);
        let consent = browser.open(&app.authorization_url(&[("prompt", "consent")])).await;
        browser.consent(&consent, "deny").await;
        book.says("a no", &["consent.denied"]).await;
        server.advance(1);
        let password = [("current-password", "wrong"), ("new-password", "seven green kettles 41")];
        account(&mut browser, "/account/password", &password).await;
        book.says("a wrong password", &["sign_in.failed"]).await;
        server.advance(1);
        let password = [("current-password", crate::support::PASSWORD), password[1]];
        account(&mut browser, "/account/password", &password).await;
        book.says("another password", &["sign_in.succeeded", "user.password_changed"]).await;
        server.advance(1);
        account(&mut browser, "/account/apps/remove", &[("client", "app")]).await;
        account(&mut browser, "/account/apps/remove", &[("client", "app")]).await;
        book.says("an app less", &["consent.withdrawn"]).await;
        server.advance(1);
        account(&mut browser, "/account/sign-out", &[]).await;
        book.says("a sign-out", &["session.ended"]).await;
        server.advance(1);
        let login = browser.open("/account").await;
        browser.sign_in_as(&login, "alice", "seven green kettles 41").await;
        book.says("a sign-in without an app", &["session.started", "sign_in.succeeded"]).await;
        server.advance(1);
        account(&mut browser, "/account/devices/end", &[("device", "all")]).await;
        book.says("everywhere", &["session.ended", "user.logged_out"]).await;

        let events = book.evidence.events().await;
        let of_people = ["session.started", "session.ended", "consent.given", "consent.denied", "consent.withdrawn",
            "sign_in.succeeded", "sign_in.failed", "user.password_changed", "user.logged_out"];
        for event in events.iter().filter(|event| of_people.contains(&event.kind.as_str())) {
            assert_eq!(event.user.as_deref(), Some(sub.as_str()), "{event:?}");
            assert_eq!(event.address.as_deref(), Some("127.0.0.1"), "{event:?}");
            assert!(event.request.is_some(), "{event:?}");
        }
        let opened: Vec<_> = events.iter().filter(|event| event.kind == "session.started").map(|event| &event.detail).collect();
        let ended: Vec<_> = events.iter().filter(|event| event.kind == "session.ended").map(|event| &event.detail).collect();
        assert_eq!(opened, ended, "each by the name of its session");
    }
}
