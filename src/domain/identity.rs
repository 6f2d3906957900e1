//! Who a provider says that somebody is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::provider::Slug;
use super::user::{Profile, UserId};

/// A person at a provider. The key is issuer and subject (OpenID Connect Core §5.7); everything else
/// is what the provider says of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Who says it.
    pub issuer: String,
    /// Whom they know by this name: never reassigned there.
    pub subject: String,
    /// Their address.
    pub email: Option<String>,
    /// Whether the provider proved that it is theirs, and is one that is believed about that.
    pub email_verified: bool,
    /// What they are called there.
    pub username: Option<String>,
    /// The other claims.
    pub profile: Profile,
}

impl Identity {
    /// Somebody of whom nothing is known but who they are.
    #[must_use]
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            email: None,
            email_verified: false,
            username: None,
            profile: Profile::default(),
        }
    }

    /// The address, if the provider proved that it is theirs.
    #[must_use]
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }
}

/// An identity that belongs to an account.
#[derive(Clone, Debug)]
pub struct LinkedIdentity {
    /// Who says so.
    pub issuer: String,
    /// Whom they know by this name.
    pub subject: String,
    /// Whose account it is.
    pub user: UserId,
    /// By which provider.
    pub provider: Slug,
    /// The address there.
    pub email: Option<String>,
    /// Since when.
    pub linked_at: DateTime<Utc>,
    /// When it was last used.
    pub used_at: DateTime<Utc>,
}
