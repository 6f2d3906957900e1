//! The outcome of a sign-in with a provider, as a page shows it and a query names it.

/// The outcome of a sign-in with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamOutcome {
    /// The person cancelled at the provider.
    Cancelled,
    /// The provider is down or slow.
    Unavailable,
    /// The person may not sign in here.
    Refused,
    /// The provider's answer is not valid.
    Failed,
    /// The provider may not be used here, or not any more.
    Unknown,
    /// The person who signed in is not the one whom the page asks for.
    Another,
    /// The identity is connected to another account.
    Taken,
    /// The last sign-in method of the account cannot be removed.
    LastWayIn,
}

impl UpstreamOutcome {
    const ALL: [Self; 8] = [
        Self::Cancelled,
        Self::Unavailable,
        Self::Refused,
        Self::Failed,
        Self::Unknown,
        Self::Another,
        Self::Taken,
        Self::LastWayIn,
    ];

    /// Its name in a query.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Another => "another",
            Self::Taken => "taken",
            Self::LastWayIn => "last-way-in",
        }
    }

    /// The outcome of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.as_str() == name)
    }
}
