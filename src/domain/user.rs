//! The account of a person.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::identifier;

identifier! {
    /// The subject identifier of a user: locally unique, never reassigned, opaque (Core §2, `sub`).
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    UserId, Uuid::new_v4().to_string()
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// `sub`.
    pub id: UserId,
    /// The user name as it was written; unique by its canonical key.
    pub username: String,
    /// The address as it was written.
    pub email: Option<String>,
    /// Whether the address was verified to belong to the person.
    pub email_verified: bool,
    /// Argon2id in PHC form, or what another program made of the password, until the first sign-in
    /// ([`foreign_hash`](super::foreign_hash)). Without it, sign-in by password is not possible.
    pub password_hash: Option<String>,
    /// Whether the person has to change the password when they sign in.
    pub password_temporary: bool,
    /// Since when the account has one-time codes; `None` if it has none.
    pub totp_since: Option<DateTime<Utc>>,
    /// The other standard claims.
    pub profile: Profile,
    /// When the account was disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When the account ends, if its person deletes it. Until then they can take that back.
    pub deletion_at: Option<DateTime<Utc>>,
    /// When the account was created.
    pub created_at: DateTime<Utc>,
    /// When a claim last changed: `updated_at`.
    pub updated_at: DateTime<Utc>,
    /// Who created the account.
    pub made_by: AccountSource,
    /// Who gave the address.
    pub email_by: AccountSource,
}

/// Who created an account or gave an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountSource {
    /// The operator, who knows the person.
    Operator,
    /// A provider with which the person signed in.
    Provider,
    /// The person who has the account.
    Person,
}

impl AccountSource {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Provider => "provider",
            Self::Person => "person",
        }
    }

    /// Reads the name in the database.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Operator, Self::Provider, Self::Person].into_iter().find(|one| one.as_str() == text)
    }
}

impl User {
    /// Whether the account may be used: nobody disabled it, and its person does not delete it.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none() && self.deletion_at.is_none()
    }

    /// Whether its person may sign in on the sign-in page. If they delete the account, all that
    /// they can do there is to keep it.
    #[must_use]
    pub fn may_sign_in(&self, now: DateTime<Utc>) -> bool {
        self.disabled_at.is_none() && !self.is_over(now)
    }

    /// Whether its person deleted it and the time to take that back has passed. The rows may still
    /// be there; the names are free.
    #[must_use]
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.deletion_at.is_some_and(|at| at <= now)
    }

    /// The address, if it was verified to belong to the person.
    #[must_use]
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }
}

/// The standard claims of a user, OpenID Connect Core §5.1, except those that are fields of the
/// account itself (`sub`, `preferred_username`, `email`, `updated_at`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "every field is the claim of that name")]
pub struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthdate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

impl Profile {
    /// Fills the empty fields from another profile.
    pub fn fill(&mut self, other: Self) {
        let own = std::mem::take(self);
        *self = own.over(other);
    }

    /// Overwrites fields with every value that another profile has.
    pub fn follow(&mut self, other: Self) {
        let own = std::mem::take(self);
        *self = other.over(own);
    }

    /// The fields of this profile, and those of `below` where this one is empty.
    fn over(self, below: Self) -> Self {
        Self {
            name: self.name.or(below.name),
            given_name: self.given_name.or(below.given_name),
            family_name: self.family_name.or(below.family_name),
            middle_name: self.middle_name.or(below.middle_name),
            nickname: self.nickname.or(below.nickname),
            profile: self.profile.or(below.profile),
            picture: self.picture.or(below.picture),
            website: self.website.or(below.website),
            gender: self.gender.or(below.gender),
            birthdate: self.birthdate.or(below.birthdate),
            zoneinfo: self.zoneinfo.or(below.zoneinfo),
            locale: self.locale.or(below.locale),
            phone_number: self.phone_number.or(below.phone_number),
            phone_number_verified: self.phone_number_verified.or(below.phone_number_verified),
            address: self.address.or(below.address),
        }
    }
}

/// The address claim, OpenID Connect Core §5.1.1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "every field is the member of that name")]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}
