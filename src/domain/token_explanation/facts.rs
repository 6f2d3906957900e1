//! What is known about a token, from the database or from what its issuer publishes.

use chrono::{DateTime, Utc};

use crate::domain::scope::Scope;

/// Everything that an explanation needs to know.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The instant for which the token is judged.
    pub now: DateTime<Utc>,
    /// The issuer that a verifier expects.
    pub issuer: String,
    /// What the issuer says about itself in its metadata, where that was fetched.
    pub published_issuer: Option<String>,
    /// The resource server that the token was sent to.
    pub resource: Option<String>,
    /// The key that the header names.
    pub key: KeyFact,
    /// What the status list says.
    pub status: StatusFact,
    /// What the database says; `None` if only the issuer was asked.
    pub registered: Option<Registered>,
}

/// What the status list says about a token.
#[derive(Clone, Debug, Default)]
pub enum StatusFact {
    /// The token names no place in a list.
    #[default]
    NotNamed,
    /// The list could not be asked, and why.
    NotAsked(String),
    /// There is no such place, in words.
    Nowhere(String),
    /// The list has the place.
    Listed {
        /// The URL of the list.
        list: String,
        /// The place in the list.
        index: u64,
        /// Whether its bit is set, and since when, where that is known.
        revoked: Option<Option<DateTime<Utc>>>,
        /// The instant for which the list says so.
        as_of: DateTime<Utc>,
    },
}

/// The key that the header of a token names.
#[derive(Clone, Debug)]
pub enum KeyFact {
    /// There is no header, or it names no key.
    NotNamed,
    /// Nobody has such a key.
    Unknown {
        /// The keys that are published.
        published: Vec<String>,
        /// When an operator dropped it.
        dropped_at: Option<DateTime<Utc>>,
        /// When it was made, if it was a key of this server that is forgotten now.
        made_at: Option<DateTime<Utc>>,
    },
    /// It is known.
    Known(KnownKey),
}

/// A key that is known.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// Its algorithm, if its JWK names one.
    pub alg: Option<String>,
    /// Its state.
    pub state: KeyState,
    /// Whether it made the signature of the token.
    pub has_signed: bool,
    /// Its dates, if the database was asked.
    pub dates: Option<KeyDates>,
}

/// When a key does what.
#[derive(Clone, Copy, Debug)]
pub struct KeyDates {
    /// From when on it is published.
    pub published_at: DateTime<Utc>,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
    /// Until when it is published; `None` if no other key is to follow it.
    pub published_until: Option<DateTime<Utc>>,
}

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is in the JWKS that was fetched.
    Published,
    /// It is published and does not sign yet.
    Pending,
    /// It signs.
    Signing,
    /// It signs no more and is still published.
    Retiring,
    /// Only the server itself knows it.
    Remembered,
}

/// What the database says.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// Every audience that some client may request or stands for.
    pub audiences: Vec<RegisteredAudience>,
    /// The audiences of the client with the id that was given as the resource.
    pub resource_server: Option<Vec<String>>,
    /// The client that the token names.
    pub client: ClientFact,
    /// The person that the token is about.
    pub person: PersonFact,
    /// The family of the token.
    pub family: FamilyFact,
    /// Whether the token itself was revoked, and when; the audit forgets that after a while.
    pub revoked: Option<Option<DateTime<Utc>>>,
    /// What the feed of revocations tells that concerns the token.
    pub told: Vec<ToldRevocation>,
    /// Whether the way in which the person signed in is still open to them.
    pub is_admitted: bool,
}

/// A revocation that the feed tells, and that concerns a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldRevocation {
    /// What it names: `jti`, `sid`, `sub`, `client_id` or `kid`.
    pub kind: &'static str,
    /// When it was revoked.
    pub at: DateTime<Utc>,
}

/// An audience, and who is registered for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredAudience {
    /// The audience.
    pub audience: String,
    /// The clients that may request it.
    pub clients: Vec<String>,
    /// The clients that are its resource server.
    pub resource_servers: Vec<String>,
}

/// The client that a token names.
#[derive(Clone, Debug, Default)]
pub enum ClientFact {
    /// The token names none.
    #[default]
    NotNamed,
    /// There is no such client.
    Unknown {
        /// When an operator deleted it.
        deleted_at: Option<DateTime<Utc>>,
    },
    /// It is registered.
    Known(RegisteredClient),
}

/// What is registered for the client of a token.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// `client_id`.
    pub id: String,
    /// Since when it is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// The audiences that it may request.
    pub audiences: Vec<String>,
    /// The scope that it may request.
    pub scope: Scope,
    /// The `typ` of its access tokens.
    pub typ: String,
}

/// The person that a token is about.
#[derive(Clone, Debug, Default)]
pub enum PersonFact {
    /// The token is about a client.
    #[default]
    Nobody,
    /// There is no such account.
    Unknown,
    /// There is an account.
    Known {
        /// Since when it is disabled.
        disabled_at: Option<DateTime<Utc>>,
        /// When it is deleted, if its person asked for that.
        deletion_at: Option<DateTime<Utc>>,
    },
}

/// The family of a token.
#[derive(Clone, Debug, Default)]
pub enum FamilyFact {
    /// The token has no `sid`.
    #[default]
    None,
    /// There is no such family.
    Unknown,
    /// There is such a family.
    Known {
        /// When it was revoked.
        revoked_at: Option<DateTime<Utc>>,
        /// The audit event that tells why.
        by: Option<String>,
    },
}
