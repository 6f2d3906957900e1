//! The page that asks for a second factor.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::passkey_form::PasskeyForm;
use super::person::Person;
use super::sample::Sample;
use super::samples::values::{hidden, passkey};
use super::samples::{apps, people};

/// The page that asks for a one-time code or a recovery code.
#[derive(Clone, Debug, Template)]
#[template(path = "second_factor.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says of one part whether it is there")]
pub struct SecondFactorPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that they sign in for; `None`: they open their own account.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The person who is asked.
    pub person: Person<'a>,
    /// Whether the person is signed in already, and proves more.
    pub steps_up: bool,
    /// Whether a one-time code is asked for.
    pub has_codes: bool,
    /// Whether a recovery code will do, too.
    pub has_recovery_codes: bool,
    /// Whether the form of the recovery code was sent.
    pub by_recovery_code: bool,
    /// Whether the person may choose not to be asked in this browser for a while.
    pub may_remember: bool,
    /// Whether they chose so.
    pub remember: bool,
    /// How to use a passkey instead.
    pub passkey: Option<PasskeyForm<'a>>,
    /// What went wrong.
    pub problem: Option<CodeProblem>,
}

/// Why a code was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// No code was given.
    Missing,
    /// The code does not count, or was used before.
    Wrong,
    /// Too many attempts.
    Throttled {
        /// How long to wait.
        minutes: u64,
    },
    /// Too many people sign in at this moment.
    Busy,
    /// The passkey does not count.
    PasskeyRefused,
    /// The passkey came too late.
    PasskeyLate,
}

impl CodeProblem {
    /// The error beside the field of a one-time code.
    pub(super) fn at_code(self, frame: &Frame<'_>) -> Option<String> {
        match self {
            Self::Missing => Some(frame.t("second-factor-missing")),
            Self::Wrong => Some(frame.t("second-factor-wrong")),
            Self::Throttled { .. } | Self::Busy | Self::PasskeyRefused | Self::PasskeyLate => None,
        }
    }

    /// The error of a passkey.
    fn at_passkey(self, frame: &Frame<'_>) -> Option<String> {
        match self {
            Self::PasskeyRefused => Some(frame.t("passkey-refused")),
            Self::PasskeyLate => Some(frame.t("passkey-late")),
            _ => None,
        }
    }
}

impl SecondFactorPage<'_> {
    fn lead(&self) -> String {
        match (self.has_codes, self.steps_up, self.app) {
            (false, ..) => self.frame.t("second-factor-lead-other"),
            (true, true, Some(app)) => self.frame.t1("second-factor-lead-app", "app", app.name),
            (true, ..) => self.frame.t("second-factor-lead"),
        }
    }

    fn code_error(&self) -> Option<String> {
        self.problem.filter(|_| !self.by_recovery_code)?.at_code(&self.frame)
    }

    fn recovery_error(&self) -> Option<String> {
        match self.problem.filter(|_| self.by_recovery_code)? {
            CodeProblem::Missing => Some(self.frame.t("second-factor-recovery-missing")),
            CodeProblem::Wrong => Some(self.frame.t("second-factor-recovery-wrong")),
            _ => None,
        }
    }

    /// The error that belongs to no single field. It takes the focus.
    fn form_error(&self) -> Option<String> {
        match self.problem? {
            CodeProblem::Throttled { minutes } => {
                Some(self.frame.tn("throttled", "minutes", minutes))
            }
            CodeProblem::Busy => Some(self.frame.t("busy")),
            other => other.at_passkey(&self.frame),
        }
    }
}

impl<'a> Sample<'a> for SecondFactorPage<'a> {
    const NAME: &'static str = "second-factor";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            hidden: hidden(),
            person: people::HANA,
            steps_up: false,
            has_codes: true,
            has_recovery_codes: true,
            by_recovery_code: false,
            may_remember: false,
            remember: false,
            passkey: None,
            problem: None,
        };
        let wrong = Some(CodeProblem::Wrong);
        let missing = Some(CodeProblem::Missing);
        vec![
            ("code", page.clone()),
            ("own", Self { app: None, may_remember: true, ..page.clone() }),
            (
                "remembered",
                Self { may_remember: true, remember: true, problem: wrong, ..page.clone() },
            ),
            ("missing", Self { has_recovery_codes: false, problem: missing, ..page.clone() }),
            ("recovery-wrong", Self { by_recovery_code: true, problem: wrong, ..page.clone() }),
            ("recovery-missing", Self { by_recovery_code: true, problem: missing, ..page.clone() }),
            ("step-up", Self { steps_up: true, ..page.clone() }),
            (
                "other",
                Self {
                    steps_up: true,
                    has_codes: false,
                    has_recovery_codes: false,
                    ..page.clone()
                },
            ),
            (
                "throttled",
                Self { problem: Some(CodeProblem::Throttled { minutes: 5 }), ..page.clone() },
            ),
            ("passkey", Self { passkey: Some(passkey()), ..page.clone() }),
            (
                "passkey-refused",
                Self {
                    passkey: Some(passkey()),
                    has_codes: false,
                    has_recovery_codes: false,
                    problem: Some(CodeProblem::PasskeyRefused),
                    ..page.clone()
                },
            ),
            ("busy", Self { problem: Some(CodeProblem::Busy), ..page.clone() }),
            ("hostile", Self { app: Some(apps::HOSTILE), person: people::HOSTILE, ..page }),
        ]
    }
}
