//! An authenticator app, and the pages on which a person sets it up and uses it.

use mapae::domain::clock::Clock;
use totp_rs::{Algorithm, Builder, Secret};

use super::browser::{Browser, Page};
use super::server::Server;

/// An authenticator app with the key of one account, and the account's recovery codes.
#[derive(Clone, Debug)]
pub(crate) struct Authenticator {
    pub(crate) secret: String,
    pub(crate) recovery_codes: Vec<String>,
}

impl Authenticator {
    /// Reads the key of a page.
    #[track_caller]
    pub(crate) fn of(page: &Page) -> Self {
        Self { secret: text_of(page, "totp-secret"), recovery_codes: Vec::new() }
    }

    /// The code that the app shows at the server's time, moved by so many seconds.
    pub(crate) fn code(&self, server: &Server, ahead: i64) -> String {
        self.code_at(server.now(), ahead)
    }

    /// The same at the time of this clock.
    pub(crate) fn code_at(&self, clock: &Clock, ahead: i64) -> String {
        let secret = Secret::try_from_base32(&self.secret).expect("base32");
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_secret(secret)
            .with_account_name("somebody")
            .build()
            .expect("a generator");
        let seconds = clock.now().timestamp() + ahead;
        totp.generate(u64::try_from(seconds).expect("after 1970")).to_string()
    }
}

/// The text of the element of this id.
#[track_caller]
pub(crate) fn text_of(page: &Page, id: &str) -> String {
    let behind = page.reply.text.split_once(&format!("id=\"{id}\""));
    let (_, behind) = behind.unwrap_or_else(|| panic!("{id} in {}", page.reply.text));
    let (_, text) = behind.split_once('>').expect("a tag");
    text.split('<').next().unwrap_or_default().trim().to_owned()
}

/// The recovery codes that a page shows.
#[track_caller]
pub(crate) fn recovery_codes(page: &Page) -> Vec<String> {
    let (_, behind) = page.reply.text.split_once("id=\"recovery-show\"").expect("codes");
    let (list, _) = behind.split_once("</ul>").expect("a list");
    let codes = list.split("<code>").skip(1).filter_map(|rest| rest.split_once("</code>"));
    let codes: Vec<String> = codes.map(|(code, _)| code.to_owned()).collect();
    assert_eq!(codes.len(), 10, "{}", page.reply.text);
    codes
}

impl Browser {
    /// Sends the form of the page for the second factor, and follows redirects.
    pub(crate) async fn second_factor(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let page = self.send_factor(page, fields).await;
        self.follow(page).await
    }

    /// The same, without following redirects.
    pub(crate) async fn send_factor(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let mut all = vec![("interaction", interaction.as_str()), ("csrf", csrf.as_str())];
        all.extend(fields);
        self.post("/login/second-factor", &all).await
    }

    /// Sends a form of the account page.
    pub(crate) async fn send_account(
        &mut self,
        page: &Page,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Page {
        let (csrf, session) = (page.hidden("csrf"), page.hidden("session"));
        let mut all = vec![("csrf", csrf.as_str()), ("session", session.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }

    /// Signs in the person of the constants on their account page, sets an authenticator app up and
    /// waits until its first code does not count any more.
    pub(crate) async fn enroll(&mut self, server: &Server) -> Authenticator {
        let mut account = self.open("/account/security").await;
        if account.has("login-submit") {
            account = self.sign_in(&account).await;
        }
        let begun = self.send_account(&account, "/account/security/one-time-codes/add", &[]).await;
        let page = self.follow(begun).await;
        let app = Authenticator::of(&page);
        let fields = [("new", page.hidden("new")), ("code", app.code(server, 0))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let shown = self.send_account(&page, "/account/security/one-time-codes", &fields).await;
        assert_eq!(shown.reply.status, 200, "{}", shown.reply.text);
        server.advance(60);
        Authenticator { recovery_codes: recovery_codes(&shown), ..app }
    }
}
