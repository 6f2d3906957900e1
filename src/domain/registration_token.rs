//! The tokens with which apps register themselves, RFC 7591 §3.

use chrono::{DateTime, Utc};

/// How many apps one token may register at most.
pub const MOST_USES: u32 = 10_000;

/// A token as it is listed, without what it is.
#[derive(Clone, Debug)]
pub struct RegistrationTokenRecord {
    /// Its identifier.
    pub id: String,
    /// What the operator calls it.
    pub name: Option<String>,
    /// How many apps may still be registered with it.
    pub uses_left: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl RegistrationTokenRecord {
    /// Whether an app may still be registered with it.
    #[must_use]
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.uses_left > 0 && now < self.expires_at
    }
}
