//! Signing in.

use askama::Template;

use super::frame::{App, Frame, Ticket};
use super::gallery::{Sample, apps, names, ticket};

/// The page that asks for name and password.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Where they go on to; `None`: their own account.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub ticket: Ticket<'a>,
    /// What is known of the name.
    pub username: &'a str,
    /// Signing in again: this person and no other.
    pub fixed: bool,
    /// Whether "keep me signed in" is ticked.
    pub keep: bool,
    /// What went wrong.
    pub problem: Option<SignInProblem>,
    /// Whether the chooser has something to choose from.
    pub others: bool,
}

/// Why somebody is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// No name was given.
    MissingUsername,
    /// No password was given.
    MissingPassword,
    /// Name and password do not belong together. It does not say whether the name exists.
    Wrong,
    /// Too many attempts.
    Throttled {
        /// How long to wait.
        minutes: u64,
    },
    /// Too many people sign in at this moment.
    Busy,
}

impl SignInPage<'_> {
    /// The problem that stands beside the name.
    fn beside_username(&self) -> Option<String> {
        let missing = self.problem == Some(SignInProblem::MissingUsername);
        missing.then(|| self.frame.t("sign-in-missing-username"))
    }

    /// The problem that stands beside the password.
    fn beside_password(&self) -> Option<String> {
        match self.problem? {
            SignInProblem::MissingPassword => Some(self.frame.t("sign-in-missing-password")),
            SignInProblem::Wrong if self.fixed => Some(self.frame.t("sign-in-wrong-password")),
            SignInProblem::Wrong => Some(self.frame.t("sign-in-wrong")),
            _ => None,
        }
    }

    /// The problem that is nobody's field.
    fn above(&self) -> Option<String> {
        match self.problem? {
            SignInProblem::Throttled { minutes } => {
                Some(self.frame.tn("throttled", "minutes", minutes))
            }
            SignInProblem::Busy => Some(self.frame.t("busy")),
            _ => None,
        }
    }

    /// Whether the name may be at fault as well.
    fn doubts_username(&self) -> bool {
        self.problem == Some(SignInProblem::Wrong) && !self.fixed
    }

    fn starts_at_password(&self) -> bool {
        !self.username.is_empty() && self.problem != Some(SignInProblem::MissingUsername)
    }
}

impl<'a> Sample<'a> for SignInPage<'a> {
    const NAME: &'static str = "sign-in";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            ticket: ticket(),
            username: "",
            fixed: false,
            keep: false,
            problem: None,
            others: false,
        };
        let with =
            |problem| Self { username: "hana", keep: true, problem: Some(problem), ..page.clone() };
        vec![
            ("fresh", page.clone()),
            ("own-account", Self { app: None, ..page.clone() }),
            (
                "again",
                Self { username: "hana", fixed: true, keep: true, others: true, ..page.clone() },
            ),
            ("others", Self { username: "hana", others: true, ..page.clone() }),
            ("missing-username", Self { username: "", ..with(SignInProblem::MissingUsername) }),
            ("missing-password", with(SignInProblem::MissingPassword)),
            ("wrong", with(SignInProblem::Wrong)),
            ("wrong-again", Self { fixed: true, ..with(SignInProblem::Wrong) }),
            ("throttled", with(SignInProblem::Throttled { minutes: 15 })),
            ("throttled-briefly", with(SignInProblem::Throttled { minutes: 1 })),
            ("busy", with(SignInProblem::Busy)),
            ("long-names", Self { app: Some(apps::LONG), username: names::LONG, ..page.clone() }),
            ("hostile", Self { app: Some(apps::HOSTILE), username: names::HOSTILE, ..page }),
        ]
    }
}
