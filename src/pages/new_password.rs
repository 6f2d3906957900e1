//! The page on which a person chooses a new password, or makes a passkey, after they proved their
//! address.

use askama::Template;

use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::passkey_form::PasskeyForm;
use super::sample::Sample;
use super::samples::names;
use super::samples::values::{hidden, new_passkey};

/// The page that asks for a new password.
#[derive(Clone, Debug, Template)]
#[template(path = "new_password.html")]
pub struct NewPasswordPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The user name, which is shown and which password managers read.
    pub username: &'a str,
    /// Whether the person wants to stay signed in on other devices.
    pub keep_sessions: bool,
    /// What the browser is asked for, where people may make a passkey instead.
    pub passkey: Option<PasskeyForm<'a>>,
    /// Why the password was not set.
    pub problem: Option<NewPasswordProblem>,
}

/// Why a new password or a passkey is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewPasswordProblem {
    /// None was given.
    Missing,
    /// It is too short.
    TooShort {
        /// The least number of characters.
        least: usize,
    },
    /// It is easy to guess.
    TooEasy,
    /// It is on a list of breached passwords.
    Breached,
    /// It is the temporary password.
    Same,
    /// It is too long.
    TooLong,
    /// There is no passkey.
    NoPasskey,
    /// The passkey came too late.
    PasskeyLate,
    /// The server has too much to do.
    Busy,
}

impl NewPasswordProblem {
    /// The error beside the field; `None` if it belongs to no field.
    pub(super) fn text(self, frame: &Frame<'_>) -> Option<String> {
        match self {
            Self::Missing => Some(frame.t("password-missing-new")),
            Self::TooShort { least } => {
                let least = u64::try_from(least).unwrap_or(u64::MAX);
                Some(frame.tn("password-too-short", "least", least))
            }
            Self::TooEasy => Some(frame.t("password-too-easy")),
            Self::Breached => Some(frame.t("password-breached")),
            Self::Same => Some(frame.t("password-same-as-old")),
            Self::TooLong => Some(frame.t("password-too-long")),
            Self::NoPasskey | Self::PasskeyLate | Self::Busy => None,
        }
    }
}

impl NewPasswordPage<'_> {
    fn password_error(&self) -> Option<String> {
        self.problem?.text(&self.frame)
    }

    fn form_error(&self) -> Option<String> {
        match self.problem? {
            NewPasswordProblem::NoPasskey => Some(self.frame.t("new-passkey-failed")),
            NewPasswordProblem::PasskeyLate => Some(self.frame.t("new-passkey-late")),
            NewPasswordProblem::Busy => Some(self.frame.t("busy")),
            _ => None,
        }
    }
}

impl<'a> Sample<'a> for NewPasswordPage<'a> {
    const NAME: &'static str = "new-password";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            hidden: hidden(),
            username: "hana",
            keep_sessions: false,
            passkey: None,
            problem: None,
        };
        let passkey = Self { passkey: Some(new_passkey()), ..page.clone() };
        let problem = |problem| Self { problem: Some(problem), ..page.clone() };
        vec![
            ("plain", page.clone()),
            ("passkey", passkey.clone()),
            (
                "passkey-failed",
                Self { problem: Some(NewPasswordProblem::NoPasskey), ..passkey.clone() },
            ),
            ("passkey-late", Self { problem: Some(NewPasswordProblem::PasskeyLate), ..passkey }),
            ("missing", problem(NewPasswordProblem::Missing)),
            ("too-short", problem(NewPasswordProblem::TooShort { least: 8 })),
            ("too-easy", Self { keep_sessions: true, ..problem(NewPasswordProblem::TooEasy) }),
            ("breached", problem(NewPasswordProblem::Breached)),
            ("same", problem(NewPasswordProblem::Same)),
            ("too-long", problem(NewPasswordProblem::TooLong)),
            ("busy", problem(NewPasswordProblem::Busy)),
            ("long-names", Self { username: names::LONG, ..page.clone() }),
            ("hostile", Self { username: names::HOSTILE, ..page }),
        ]
    }
}
