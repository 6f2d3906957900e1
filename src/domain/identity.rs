//! Identities: what a provider says about a person.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::provider::Slug;
use super::user::{Profile, UserId};

/// A person at a provider. The key is issuer and subject (OpenID Connect Core §5.7); everything
/// else is what the provider says about the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The issuer: the provider that identified the person.
    pub issuer: String,
    /// The identifier of the person at that provider. The provider never gives it to another
    /// person.
    pub subject: String,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// Whether the provider verified that the address belongs to the person. It is true only for
    /// providers whose word about that is trusted.
    pub email_verified: bool,
    /// The user name at the provider.
    pub username: Option<String>,
    /// Those of the person's groups there that are mapped to groups here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// The other claims.
    pub profile: Profile,
}

impl Identity {
    /// An identity without any information except issuer and subject.
    #[must_use]
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            email: None,
            email_verified: false,
            username: None,
            groups: BTreeSet::new(),
            profile: Profile::default(),
        }
    }

    /// The address, if the provider verified that it belongs to the person.
    #[must_use]
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }
}

/// An identity that belongs to an account.
#[derive(Clone, Debug)]
pub struct LinkedIdentity {
    /// The issuer: the provider that identifies the person.
    pub issuer: String,
    /// The identifier of the person at that provider.
    pub subject: String,
    /// The user whose account it is.
    pub user: UserId,
    /// The provider through which it was linked.
    pub provider: Slug,
    /// The e-mail address at the provider.
    pub email: Option<String>,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// When it was last used.
    pub used_at: DateTime<Utc>,
}
