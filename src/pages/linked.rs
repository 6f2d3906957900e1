//! The accounts at providers that an account here is connected with.

use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::provider::Brand;

/// An account at a provider that can be signed in with.
#[derive(Clone, Copy, Debug)]
pub struct Linked<'a> {
    /// What names it in the form.
    pub id: &'a str,
    /// What people call the provider.
    pub name: &'a str,
    /// Whose mark it bears.
    pub brand: Brand,
    /// The address of their mail there.
    pub email: Option<&'a str>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether there is another way to sign in.
    pub removable: bool,
}

/// Why an account at a provider was not connected or disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkProblem<'a> {
    /// It is connected with another account here.
    Taken {
        /// What people call the provider.
        provider: &'a str,
    },
    /// They turned back at the provider.
    Cancelled {
        /// What people call the provider.
        provider: &'a str,
    },
    /// The provider is down or slow.
    Unavailable {
        /// What people call the provider.
        provider: &'a str,
    },
    /// What the provider said cannot be trusted.
    Failed {
        /// What people call the provider.
        provider: &'a str,
    },
    /// This account cannot be used here.
    Refused {
        /// What people call the provider.
        provider: &'a str,
    },
    /// Nobody could sign in any more.
    LastWayIn,
}

impl LinkProblem<'_> {
    /// Whether it was their own will.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// What it is, in words.
    pub(super) fn text(&self, frame: &Frame<'_>) -> String {
        match self {
            Self::Taken { provider } => frame.t1("link-taken", "provider", provider),
            Self::Cancelled { provider } => frame.t1("link-cancelled", "provider", provider),
            Self::Unavailable { provider } => frame.t1("link-unavailable", "provider", provider),
            Self::Failed { provider } => frame.t1("link-failed", "provider", provider),
            Self::Refused { provider } => frame.t1("link-refused", "provider", provider),
            Self::LastWayIn => frame.t("link-last-way-in"),
        }
    }
}
