//! The page on which a person chooses a new password after they proved their address.

use askama::Template;

use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::sample::Sample;
use super::samples::names;
use super::samples::values::hidden;

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
    /// Why the password was not set.
    pub problem: Option<NewPasswordProblem>,
}

/// Why a new password is not accepted.
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
    /// It is too long.
    TooLong,
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
            Self::TooLong => Some(frame.t("password-too-long")),
            Self::Busy => None,
        }
    }
}

impl NewPasswordPage<'_> {
    fn password_error(&self) -> Option<String> {
        self.problem?.text(&self.frame)
    }

    fn form_error(&self) -> Option<String> {
        (self.problem? == NewPasswordProblem::Busy).then(|| self.frame.t("busy"))
    }
}

impl<'a> Sample<'a> for NewPasswordPage<'a> {
    const NAME: &'static str = "new-password";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page =
            Self { frame, hidden: hidden(), username: "hana", keep_sessions: false, problem: None };
        let problem = |problem| Self { problem: Some(problem), ..page.clone() };
        vec![
            ("plain", page.clone()),
            ("missing", problem(NewPasswordProblem::Missing)),
            ("too-short", problem(NewPasswordProblem::TooShort { least: 8 })),
            ("too-easy", Self { keep_sessions: true, ..problem(NewPasswordProblem::TooEasy) }),
            ("breached", problem(NewPasswordProblem::Breached)),
            ("too-long", problem(NewPasswordProblem::TooLong)),
            ("busy", problem(NewPasswordProblem::Busy)),
            ("long-names", Self { username: names::LONG, ..page.clone() }),
            ("hostile", Self { username: names::HOSTILE, ..page }),
        ]
    }
}
