//! The section in which a person changes their password, or sets one.

use crate::pages::frame::Frame;

/// The section with the password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordSection {
    /// What the person can do.
    pub form: PasswordForm,
    /// Why the password was not changed.
    pub problem: Option<PasswordProblem>,
}

/// What a person can do with their password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordForm {
    /// They change the one that they have.
    Change,
    /// They have none, and set one.
    Set,
    /// They have none, and providers are the only way to sign in.
    NotOffered,
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

impl PasswordSection {
    /// Whether there is a form.
    pub(super) fn is_offered(self) -> bool {
        self.form != PasswordForm::NotOffered
    }

    /// Whether there is a password to change.
    pub(super) fn has_password(self) -> bool {
        self.form == PasswordForm::Change
    }

    /// The error beside the current password. It takes the focus, because the section may stand far
    /// down the page.
    pub(super) fn current_error(&self, frame: &Frame<'_>) -> Option<String> {
        match self.problem? {
            PasswordProblem::WrongCurrent => Some(frame.t("password-wrong-current")),
            PasswordProblem::MissingCurrent => Some(frame.t("password-missing-current")),
            _ => None,
        }
    }

    /// The error beside the new password.
    pub(super) fn new_error(&self, frame: &Frame<'_>) -> Option<String> {
        match self.problem? {
            PasswordProblem::MissingNew => Some(frame.t("password-missing-new")),
            PasswordProblem::TooShort { least } => {
                let least = u64::try_from(least).unwrap_or(u64::MAX);
                Some(frame.tn("password-too-short", "least", least))
            }
            PasswordProblem::TooEasy => Some(frame.t("password-too-easy")),
            PasswordProblem::Breached => Some(frame.t("password-breached")),
            PasswordProblem::SameAsOld => Some(frame.t("password-same-as-old")),
            PasswordProblem::TooLong => Some(frame.t("password-too-long")),
            _ => None,
        }
    }

    /// The error that belongs to no single field. It takes the focus.
    pub(super) fn form_error(&self, frame: &Frame<'_>) -> Option<String> {
        match self.problem? {
            PasswordProblem::Throttled { minutes } => {
                Some(frame.tn("throttled", "minutes", minutes))
            }
            PasswordProblem::Busy => Some(frame.t("busy")),
            _ => None,
        }
    }
}
