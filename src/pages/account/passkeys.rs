//! The passkeys of an account.

use chrono::{DateTime, Utc};

use crate::pages::frame::Frame;
use crate::pages::passkey_form::PasskeyForm;

/// The passkeys of an account, and how to add one.
#[derive(Clone, Debug)]
pub struct PasskeysSection<'a> {
    /// The passkeys.
    pub all: Vec<ShownPasskey<'a>>,
    /// Whether one of them can be removed: the person has another way to sign in.
    pub removable: bool,
    /// Whether there may be another one.
    pub addable: bool,
    /// What the browser is asked for, if the person proved recently who they are. Otherwise the
    /// button leads to a page that asks for that first.
    pub form: Option<PasskeyForm<'a>>,
    /// Why no passkey was added or removed.
    pub problem: Option<PasskeyProblem>,
}

/// A passkey.
#[derive(Clone, Debug)]
pub struct ShownPasskey<'a> {
    /// Its value in the forms.
    pub id: String,
    /// The name that the person gave it.
    pub name: Option<&'a str>,
    /// The name of the authenticator's kind, if it is well known.
    pub kind: Option<&'static str>,
    /// Whether it can be copied to other devices of the person.
    pub backed_up: bool,
    /// When it was added.
    pub since: DateTime<Utc>,
    /// When it was last used.
    pub used_at: Option<DateTime<Utc>>,
}

/// Why no passkey was added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyProblem {
    /// The answer of the authenticator does not count.
    NotMade,
    /// The person took too long.
    Late,
    /// It is the last way to sign in.
    LastWayIn,
}

impl PasskeysSection<'_> {
    pub(super) fn problem_text(&self, frame: &Frame<'_>) -> Option<String> {
        self.problem.map(|problem| match problem {
            PasskeyProblem::NotMade => frame.t("passkey-not-made"),
            PasskeyProblem::Late => frame.t("passkey-late"),
            PasskeyProblem::LastWayIn => frame.t("passkey-only"),
        })
    }
}

impl ShownPasskey<'_> {
    pub(super) fn title(&self, frame: &Frame<'_>) -> String {
        let named = self.name.or(self.kind).map(str::to_owned);
        named.unwrap_or_else(|| frame.t("passkey"))
    }

    /// The kind of the authenticator, if the name does not say it.
    pub(super) fn kind_beside_name(&self) -> Option<&'static str> {
        self.kind.filter(|_| self.name.is_some())
    }
}
