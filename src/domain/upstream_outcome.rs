//! What happened on the way by a provider, as a page speaks of it and an address names it.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamOutcome {
    /// They turned back there.
    Cancelled,
    /// It is down or slow.
    Unavailable,
    /// Whoever came back cannot come in here.
    Refused,
    /// What it said does not hold.
    Failed,
    /// It may not be used here, or not any more.
    Unknown,
    /// Whoever came is not whom the page asks for.
    Another,
    /// Whoever came back belongs to another account.
    Taken,
    /// Nobody could come in any more.
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

    /// The note of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.as_str() == name)
    }
}
