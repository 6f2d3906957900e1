//! The form for a new account.

use askama::Template;

use crate::pages::app_summary::App;
use crate::pages::document::DocumentToAccept;
use crate::pages::frame::Frame;
use crate::pages::hidden_fields::HiddenFields;
use crate::pages::passkey_form::PasskeyForm;
use crate::pages::sample::Sample;
use crate::pages::samples::values::{hidden, new_passkey};
use crate::pages::samples::{apps, documents, names};

/// The page that asks for what a new account consists of.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_up_account.html")]
pub struct AccountFormPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person comes from.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The address that the person has proven; `None`: it is asked for.
    pub proven: Option<ProvenAddress<'a>>,
    /// The address that was typed, where it is asked for.
    pub email: &'a str,
    /// The name that was typed.
    pub name: &'a str,
    /// The user name that was typed; `None`: none is asked for.
    pub username: Option<&'a str>,
    /// Whether "keep me signed in" is ticked.
    pub keep: bool,
    /// The documents to accept.
    pub documents: Vec<DocumentToAccept<'a>>,
    /// What the browser is asked for, where people may make a passkey instead of a password.
    pub passkey: Option<PasskeyForm<'a>>,
    /// Whether the person made a passkey, and something else is wrong.
    pub passkey_again: bool,
    /// What is wrong.
    pub problem: Option<AccountFormProblem>,
}

/// An address that a person has proven.
#[derive(Clone, Copy, Debug)]
pub struct ProvenAddress<'a>(pub &'a str);

/// What is wrong in the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFormProblem {
    /// The address is missing or cannot be one.
    Email,
    /// The name is missing or cannot be shown.
    Name,
    /// The user name is missing or cannot be one.
    Username,
    /// Another account has the user name.
    UsernameTaken,
    /// The password is too short.
    PasswordTooShort {
        /// The fewest characters.
        least: usize,
    },
    /// The password is too long.
    PasswordTooLong,
    /// The password is easy to guess.
    PasswordTooEasy,
    /// The password is on a list of breached passwords.
    PasswordBreached,
    /// There is no passkey.
    NoPasskey,
    /// The passkey came too late.
    PasskeyLate,
    /// A required document is not accepted.
    Terms,
    /// An account with the address was made meanwhile.
    AccountExists,
    /// Too many tries.
    Throttled {
        /// How long to wait.
        minutes: u64,
    },
    /// Too many people sign in at this moment.
    Busy,
}

impl AccountFormPage<'_> {
    fn lead(&self) -> String {
        match (self.proven, self.app) {
            (Some(_), _) => self.frame.t("sign-up-account-lead-proven"),
            (None, Some(app)) => self.frame.t1("sign-up-lead", "app", app.name),
            (None, None) => self.frame.t1("sign-up-lead-account", "name", self.frame.look.name()),
        }
    }

    fn email_error(&self) -> Option<String> {
        let is_wrong = self.problem == Some(AccountFormProblem::Email);
        is_wrong.then(|| self.frame.t("sign-up-email-wrong"))
    }

    fn name_error(&self) -> Option<String> {
        let is_wrong = self.problem == Some(AccountFormProblem::Name);
        is_wrong.then(|| self.frame.t("sign-up-name-wrong"))
    }

    fn username_error(&self) -> Option<String> {
        match self.problem? {
            AccountFormProblem::Username => Some(self.frame.t("sign-up-username-wrong")),
            AccountFormProblem::UsernameTaken => Some(self.frame.t("sign-up-username-taken")),
            _ => None,
        }
    }

    fn password_error(&self) -> Option<String> {
        match self.problem? {
            AccountFormProblem::PasswordTooShort { least } => {
                let least = u64::try_from(least).unwrap_or_default();
                Some(self.frame.tn("password-too-short", "least", least))
            }
            AccountFormProblem::PasswordTooLong => Some(self.frame.t("password-too-long")),
            AccountFormProblem::PasswordTooEasy => Some(self.frame.t("password-too-easy")),
            AccountFormProblem::PasswordBreached => Some(self.frame.t("password-breached")),
            _ => None,
        }
    }

    fn terms_error(&self) -> Option<String> {
        let is_missing = self.problem == Some(AccountFormProblem::Terms);
        is_missing.then(|| self.frame.t("terms-missing"))
    }

    /// The error that belongs to no single field.
    fn form_error(&self) -> Option<String> {
        match self.problem? {
            AccountFormProblem::Throttled { minutes } => {
                Some(self.frame.tn("throttled", "minutes", minutes))
            }
            AccountFormProblem::Busy => Some(self.frame.t("busy")),
            AccountFormProblem::AccountExists => Some(self.frame.t("sign-up-account-exists")),
            AccountFormProblem::NoPasskey => Some(self.frame.t("new-passkey-failed")),
            AccountFormProblem::PasskeyLate => Some(self.frame.t("new-passkey-late")),
            _ => None,
        }
    }

    /// What stands below the button for a passkey.
    fn passkey_hint(&self) -> String {
        if self.passkey_again {
            return self.frame.t("sign-up-passkey-again");
        }
        self.frame.t("sign-up-passkey-hint")
    }

    /// The fields of the names under which the authenticator shows the passkey.
    fn passkey_names(&self) -> &'static str {
        match self.username {
            Some(_) => "signup-username signup-name",
            None => "signup-address signup-name",
        }
    }

    /// Whether this problem, or none, gives the focus to a field.
    fn focuses(&self, problems: &[AccountFormProblem]) -> bool {
        self.problem.is_some_and(|problem| problems.contains(&problem))
    }

    fn focuses_email(&self) -> bool {
        self.proven.is_none()
            && (self.problem.is_none() || self.focuses(&[AccountFormProblem::Email]))
    }

    fn focuses_name(&self) -> bool {
        let is_first = self.proven.is_some() && self.problem.is_none();
        is_first || self.focuses(&[AccountFormProblem::Name])
    }

    fn focuses_username(&self) -> bool {
        self.focuses(&[AccountFormProblem::Username, AccountFormProblem::UsernameTaken])
    }

    fn focuses_password(&self) -> bool {
        self.password_error().is_some()
    }
}

impl<'a> Sample<'a> for AccountFormPage<'a> {
    const NAME: &'static str = "sign-up-account";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            hidden: hidden(),
            proven: Some(ProvenAddress("hana@example.com")),
            email: "",
            name: "",
            username: None,
            keep: false,
            documents: vec![],
            passkey: None,
            passkey_again: false,
            problem: None,
        };
        let typed = Self { name: "Hana Seo", keep: true, ..page.clone() };
        let chosen = Self { username: Some("hana"), ..typed.clone() };
        let unproven = Self { proven: None, username: Some(""), ..page.clone() };
        let with = |problem| Self { problem: Some(problem), ..typed.clone() };
        let mut samples = by_passkey(&page);
        samples.extend([
            ("fresh", page.clone()),
            ("own-account", Self { app: None, ..page.clone() }),
            ("user-name", Self { username: Some(""), ..page.clone() }),
            ("unproven", unproven.clone()),
            (
                "unproven-own-account",
                Self {
                    app: None,
                    email: "hana@",
                    problem: Some(AccountFormProblem::Email),
                    ..unproven
                },
            ),
            ("one-document", Self { documents: documents::one(), ..page.clone() }),
            ("documents", Self { documents: documents::several(), ..page.clone() }),
            ("no-name", Self { name: "", ..with(AccountFormProblem::Name) }),
            (
                "user-name-wrong",
                Self { problem: Some(AccountFormProblem::Username), ..chosen.clone() },
            ),
            (
                "user-name-taken",
                Self { problem: Some(AccountFormProblem::UsernameTaken), ..chosen },
            ),
            ("too-short", with(AccountFormProblem::PasswordTooShort { least: 8 })),
            ("too-long", with(AccountFormProblem::PasswordTooLong)),
            ("too-easy", with(AccountFormProblem::PasswordTooEasy)),
            ("breached", with(AccountFormProblem::PasswordBreached)),
            (
                "not-accepted",
                Self { documents: documents::several(), ..with(AccountFormProblem::Terms) },
            ),
            ("exists", with(AccountFormProblem::AccountExists)),
            ("throttled", with(AccountFormProblem::Throttled { minutes: 60 })),
            ("busy", with(AccountFormProblem::Busy)),
            (
                "hostile",
                Self {
                    app: Some(apps::HOSTILE),
                    proven: Some(ProvenAddress(names::HOSTILE)),
                    name: names::HOSTILE,
                    username: Some(names::HOSTILE),
                    documents: documents::hostile(),
                    ..page
                },
            ),
        ]);
        samples
    }
}

/// The form where people may make a passkey instead of a password.
fn by_passkey<'a>(page: &AccountFormPage<'a>) -> Vec<(&'static str, AccountFormPage<'a>)> {
    let page = AccountFormPage { passkey: Some(new_passkey()), ..page.clone() };
    let with = |problem| AccountFormPage { problem: Some(problem), ..page.clone() };
    let again = AccountFormPage {
        name: "Hana Seo",
        documents: documents::one(),
        passkey_again: true,
        ..with(AccountFormProblem::Terms)
    };
    vec![
        ("passkey", page.clone()),
        ("passkey-again", again),
        ("passkey-failed", with(AccountFormProblem::NoPasskey)),
        ("passkey-late", with(AccountFormProblem::PasskeyLate)),
    ]
}
