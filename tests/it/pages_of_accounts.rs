//! A walk through the pages on which people make an account, prove more, come back and leave, for
//! the tests of every page.

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::users::{self, ClaimsChange};

use crate::my_account;
use crate::recovery::{link_of, next, person, submit};
use crate::support::factors::Authenticator;
use crate::support::{App, Browser, Database, Mailbox, PASSWORD, Page, Server};
use crate::terms::terms;

/// A page with the name of its state.
pub(crate) type Named = (&'static str, Page);

/// The settings with which there are all these pages, beside `mail.url`.
pub(crate) const SETTINGS: &[(&str, &str)] =
    &[("signup.mode", "open"), ("signin.mail_code", "true")];

/// A person with an address of their own: each walk makes another one.
pub(crate) struct Walker<'a> {
    pub(crate) server: &'a Server,
    pub(crate) mails: &'a Mailbox,
    pub(crate) app: &'a App,
    pub(crate) browser: Browser,
    pub(crate) username: String,
    /// What they type where no page can take it.
    pub(crate) typed: &'a str,
}

impl Walker<'_> {
    fn address(&self) -> String {
        format!("{}@example.com", self.username)
    }

    async fn login(&mut self) -> Page {
        self.browser.open(&self.app.authorization_url(&[])).await
    }

    async fn submit(&mut self, page: &Page, path: &str, more: &[(&str, &str)]) -> Page {
        submit(&mut self.browser, page, path, more).await
    }

    async fn send(&mut self, page: &Page, path: &str, more: &[(&str, &str)]) -> Page {
        let page = my_account::send(&mut self.browser, page, path, more).await;
        self.browser.follow(page).await
    }

    /// The link of the next mail to this address.
    async fn link(
        &mut self,
        address: &str,
        asked: impl AsyncFnOnce(&mut Self) -> Page,
    ) -> (Page, String) {
        let known = self.mails.letters();
        let page = asked(self).await;
        let link = next(self.mails, address, &known, "http").await.link();
        (page, link)
    }

    /// Presses the button of the page behind a link.
    async fn press(&mut self, page: &Page, path: &str) -> Page {
        let page = self.browser.post(path, &[("secret", &page.hidden("secret"))]).await;
        self.browser.follow(page).await
    }

    /// Every page, in the order of a life.
    pub(crate) async fn pages(mut self) -> Vec<Named> {
        let mut pages = self.sign_up().await;
        person(self.server, &self.username, &self.address(), true).await;
        let named = ClaimsChange { name: Some(self.typed.to_owned()), ..ClaimsChange::default() };
        let store = &self.server.inner.services().store;
        users::update(
            &May::operator(),
            store,
            self.server.now(),
            None,
            Target::named(&self.username),
            named,
        )
        .await
        .expect("named");
        pages.extend(self.recovery().await);
        pages.extend(self.proofs().await);
        pages
    }

    async fn sign_up(&mut self) -> Vec<Named> {
        let typed = self.typed;
        let login = self.login().await;
        let form = self.browser.open(&link_of(&login, "signup-link")).await;
        let wrong = self.submit(&form, "/sign-up", &[("email", typed)]).await;
        let newcomer = format!("new-{}@example.com", self.username);
        let (code, link) = self
            .link(&newcomer, async |walker| {
                walker.submit(&form, "/sign-up", &[("email", &newcomer)]).await
            })
            .await;
        let wrong_code = self.submit(&code, "/sign-up/code", &[("code", typed)]).await;
        let confirm = self.browser.open(&link).await;
        let account = self.press(&confirm, "/sign-up/confirm").await;
        let fields = [("name", typed), ("password", "x")];
        let easy = self.submit(&account, "/sign-up/account", &fields).await;
        vec![
            ("sign-up", form),
            ("sign-up, wrong", wrong),
            ("sign-up, code", code),
            ("sign-up, wrong code", wrong_code),
            ("sign-up, link", confirm),
            ("sign-up, account", account),
            ("sign-up, easy password", easy),
        ]
    }

    async fn recovery(&mut self) -> Vec<Named> {
        let (typed, address) = (self.typed, self.address());
        let login = self.login().await;
        let forgot = self.browser.open(&link_of(&login, "forgot-link")).await;
        let missing = self.submit(&forgot, "/login/forgot", &[("identifier", "")]).await;
        let (sent, link) = self
            .link(&address, async |walker| {
                walker.submit(&forgot, "/login/forgot", &[("identifier", &address)]).await
            })
            .await;
        let asked = self.browser.open(&link).await;
        let password = self.press(&asked, "/recover").await;
        let easy = self.submit(&password, "/recover/password", &[("new-password", "x")]).await;
        let login = self.login().await;
        let fields = [("username", address.as_str())];
        let mailed = self.submit(&login, "/login/code/send", &fields).await;
        let wrong = self.submit(&mailed, "/login/code", &[("code", typed)]).await;
        let mut pages = vec![
            ("forgot", forgot),
            ("forgot, nobody", missing),
            ("forgot, sent", sent),
            ("recovery", asked),
            ("new password", password),
            ("new password, easy", easy),
            ("mailed code", mailed),
            ("mailed code, wrong", wrong),
        ];
        for (name, path) in [
            ("recovery, unknown", "/recover"),
            ("sign-up, unknown", "/sign-up/confirm"),
            ("invitation, unknown", "/sign-up/invitation"),
            ("address, unknown", "/confirm-address"),
            ("undo, unknown", "/undo-address"),
        ] {
            pages.push((name, self.browser.open(&format!("{path}?secret=x")).await));
        }
        pages
    }

    async fn proofs(&mut self) -> Vec<Named> {
        let (typed, username) = (self.typed, self.username.clone());
        let login = self.browser.open("/account/security").await;
        let account = self.browser.sign_in_as(&login, &username, PASSWORD).await;
        let moved = format!("moved-{username}@example.com");
        let (code, link) = self
            .link(&moved, async |walker| {
                walker.send(&account, "/account/email", &[("email", &moved)]).await
            })
            .await;
        let wrong_code = self.send(&code, "/account/email/code", &[("code", typed)]).await;
        let confirm = self.browser.open(&link).await;
        let set_up = self.send(&account, "/account/security/one-time-codes/add", &[]).await;
        let app = Authenticator::of(&set_up);
        let new = set_up.hidden("new");
        let path = "/account/security/one-time-codes";
        let wrong = self.send(&set_up, path, &[("new", &new), ("code", typed)]).await;
        let now = app.code(self.server, 0);
        let codes = self.send(&set_up, path, &[("new", &new), ("code", &now)]).await;
        let secured = self.browser.open("/account/security").await;
        self.server.advance(60);
        let data = self.browser.open("/account/data").await;
        let delete = self.send(&data, "/account/delete", &[]).await;
        let planned = self.send(&delete, "/account/delete/confirm", &[]).await;
        let again = self.login().await;
        let factor = self.browser.sign_in_as(&again, &username, PASSWORD).await;
        let wrong_factor = self.browser.second_factor(&factor, &[("code", typed)]).await;
        let now = app.code(self.server, 0);
        let keep = self.browser.second_factor(&factor, &[("code", &now)]).await;
        assert!(keep.has("deletion-undo"), "{}", keep.reply.text);
        vec![
            ("new address", code),
            ("new address, wrong code", wrong_code),
            ("new address, link", confirm),
            ("one-time codes", set_up),
            ("one-time codes, wrong", wrong),
            ("recovery codes", codes),
            ("security, with codes", secured),
            ("delete", delete),
            ("deletion planned", planned),
            ("second factor", factor),
            ("second factor, wrong", wrong_factor),
            ("keep the account", keep),
        ]
    }
}

/// The pages of a server on which there are terms to accept.
pub(crate) async fn pages_of_terms(database: &Database, language: &str) -> Vec<Named> {
    let file = [terms("tos", "1", true), terms("news", "1", false)].concat();
    let server = Server::start_of(database, &[], &file).await;
    server.alice().await;
    let mut browser = server.browser().saying("accept-language", language);
    let login = browser.open("/account").await;
    let terms = browser.sign_in(&login).await;
    assert!(terms.has("terms-submit"), "{}", terms.reply.text);
    let missing = submit(&mut browser, &terms, "/terms", &[]).await;
    vec![("terms", terms), ("terms, not accepted", missing)]
}
