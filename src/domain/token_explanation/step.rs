//! The checks, and what each of them found.

use crate::domain::reason::Reason;

/// A check of a verifier, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after what it looks at")]
pub enum Check {
    Shape,
    Header,
    Key,
    Issuer,
    Audience,
    Times,
    Scope,
    Binding,
    Revoked,
    Typ,
}

impl Check {
    /// The name for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Header => "header",
            Self::Key => "key",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Times => "times",
            Self::Scope => "scope",
            Self::Binding => "binding",
            Self::Revoked => "revoked",
            Self::Typ => "typ",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The check.
    pub check: Check,
    /// Why a strict verifier refuses the token here; `None` if it does not.
    pub reason: Option<Reason>,
    /// What was found, in words.
    pub says: String,
    /// What to do, where the advice of the reason is not precise enough.
    pub mend: Option<String>,
}

/// What a check found, before it is known which check it was.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) reason: Option<Reason>,
    pub(super) says: String,
    pub(super) mend: Option<String>,
}

impl Found {
    pub(super) fn good(says: impl Into<String>) -> Self {
        Self { reason: None, says: says.into(), mend: None }
    }

    pub(super) fn bad(reason: Reason, says: impl Into<String>) -> Self {
        Self { reason: Some(reason), says: says.into(), mend: None }
    }

    pub(super) fn mended_by(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    pub(super) fn at(self, check: Check) -> Step {
        let Self { reason, says, mend } = self;
        Step { check, reason, says, mend }
    }
}
