//! The account page: profile, devices, apps with access, connected providers, password.

mod samples;

use askama::Template;
use chrono::{DateTime, Utc};

use super::app_summary::App;
use super::frame::Frame;
use super::instant;
use super::link::in_query;
use super::linked_identity::ConnectedProvider;
use super::permission::Permission;
use super::person::{Account, Person};
use super::provider::ProviderButton;
use super::provider_notice::ProviderNotice;

/// The page on which a person sees and changes their account.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The proof that a form came from our page.
    pub csrf: &'a str,
    /// The session that the page is about.
    pub session: &'a str,
    /// The person whose account it is.
    pub person: Person<'a>,
    /// Whether the e-mail address is verified.
    pub email_verified: bool,
    /// Whether there is a password to change.
    pub has_password: bool,
    /// Why the password was not changed.
    pub problem: Option<PasswordProblem>,
    /// What the person has just done.
    pub notice: Option<AccountNotice>,
    /// The browsers in which the person is signed in.
    pub devices: Vec<Device<'a>>,
    /// The part of the query that shows more of them.
    pub more_devices: Option<String>,
    /// The apps that have access.
    pub apps: Vec<AppAccess<'a>>,
    /// The part of the query that shows more of them.
    pub more_apps: Option<&'a str>,
    /// The identities at providers that the person can sign in with.
    pub linked: Vec<ConnectedProvider<'a>>,
    /// The providers that can be connected.
    pub linkable: Vec<ProviderButton<'a>>,
    /// Why nothing was connected or disconnected.
    pub provider_notice: Option<ProviderNotice<'a>>,
    /// The other accounts of this browser.
    pub others: Vec<Account<'a>>,
}

/// Why a password was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// The current password is wrong.
    WrongCurrent,
    /// The current password was not given.
    MissingCurrent,
    /// No new password was given.
    MissingNew,
    /// The new one is too short.
    TooShort {
        /// The least number of characters.
        least: usize,
    },
    /// The new one is easy to guess.
    TooEasy,
    /// The new one is on a list of breached passwords.
    Breached,
    /// The new one is the old one.
    SameAsOld,
    /// The new one is too long.
    TooLong,
    /// Too many attempts.
    Throttled {
        /// How long to wait.
        minutes: u64,
    },
    /// Too many people sign in at this moment.
    Busy,
}

/// What the person has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// There is a new password.
    PasswordChanged,
    /// A device, or every other one, is signed out.
    DeviceSignedOut,
    /// An app lost its access.
    AppRemoved,
    /// An identity at a provider was connected.
    ProviderLinked,
    /// An identity at a provider was disconnected.
    ProviderUnlinked,
    /// They have confirmed who they are.
    Confirmed,
    /// There are no one-time codes any more.
    OneTimeCodesRemoved,
}

/// A browser that is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its value in the form.
    pub id: &'a str,
    /// The browser, like `Chrome`.
    pub browser: Option<&'a str>,
    /// The system, like `Windows`.
    pub system: Option<&'a str>,
    /// The network address it was seen at.
    pub address: Option<&'a str>,
    /// When it signed in.
    pub signed_in_at: DateTime<Utc>,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
    /// Whether it is the browser that shows the page.
    pub current: bool,
}

/// An app that has access, and what it may do.
#[derive(Clone, Debug)]
pub struct AppAccess<'a> {
    /// Its value in the form.
    pub client: &'a str,
    /// The app.
    pub app: App<'a>,
    /// What the app is allowed to do.
    pub permissions: Vec<Permission<'a>>,
    /// When the app got access.
    pub since: DateTime<Utc>,
}

impl AccountPage<'_> {
    /// The link to the rest of the list.
    fn more(&self, list: &str, behind: &str) -> String {
        let (base, session) = (self.frame.base, in_query(self.session));
        format!("{base}/account?session={session}&{list}={}#{list}", in_query(behind))
    }

    /// The error beside the current password.
    fn current_password_error(&self) -> Option<String> {
        match self.problem? {
            PasswordProblem::WrongCurrent => Some(self.frame.t("password-wrong-current")),
            PasswordProblem::MissingCurrent => Some(self.frame.t("password-missing-current")),
            _ => None,
        }
    }

    /// The error beside the new password.
    fn new_password_error(&self) -> Option<String> {
        match self.problem? {
            PasswordProblem::MissingNew => Some(self.frame.t("password-missing-new")),
            PasswordProblem::TooShort { least } => {
                let least = u64::try_from(least).unwrap_or(u64::MAX);
                Some(self.frame.tn("password-too-short", "least", least))
            }
            PasswordProblem::TooEasy => Some(self.frame.t("password-too-easy")),
            PasswordProblem::Breached => Some(self.frame.t("password-breached")),
            PasswordProblem::SameAsOld => Some(self.frame.t("password-same-as-old")),
            PasswordProblem::TooLong => Some(self.frame.t("password-too-long")),
            _ => None,
        }
    }

    /// The error that belongs to no single field. It takes the focus.
    fn form_error(&self) -> Option<String> {
        match self.problem? {
            PasswordProblem::Throttled { minutes } => {
                Some(self.frame.tn("throttled", "minutes", minutes))
            }
            PasswordProblem::Busy => Some(self.frame.t("busy")),
            _ => None,
        }
    }

    /// Whether the current password takes the focus. It stands far down the page, so an error there
    /// must be brought into view.
    fn focuses_current_password(&self) -> bool {
        self.current_password_error().is_some()
    }

    fn notice_text(&self) -> Option<String> {
        self.notice.map(|notice| match notice {
            AccountNotice::PasswordChanged => self.frame.t("notice-password-changed"),
            AccountNotice::DeviceSignedOut => self.frame.t("notice-device-signed-out"),
            AccountNotice::AppRemoved => self.frame.t("notice-app-removed"),
            AccountNotice::ProviderLinked => self.frame.t("notice-provider-linked"),
            AccountNotice::ProviderUnlinked => self.frame.t("notice-provider-unlinked"),
            AccountNotice::Confirmed => self.frame.t("notice-confirmed"),
            AccountNotice::OneTimeCodesRemoved => self.frame.t("notice-codes-removed"),
        })
    }
}

impl Device<'_> {
    fn title(&self, frame: &Frame<'_>) -> String {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => {
                frame.t2("device-browser-system", ("browser", browser), ("system", system))
            }
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => frame.t("device-unknown"),
        }
    }
}
