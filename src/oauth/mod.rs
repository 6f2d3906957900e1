//! The protocol, free of any web framework: [`token`] is the visible list of steps of a token
//! request, [`grants`] decide what is owed to whom, [`mint`] issues it.

use std::sync::Arc;

use chrono::Duration;

use crate::accounts::hashing::Hasher;
use crate::accounts::sign_in::Door;
use crate::accounts::throttle::{Gate, Limits};
use crate::domain::clock::Clock;
use crate::domain::urls;
use crate::domain::verdict::Fault;
use crate::keys::keyring::Keyring;
use crate::keys::seal::RotationKey;
use crate::store::Store;

pub mod batch;
pub mod bearer;
pub mod claims;
pub mod client_auth;
pub mod clients;
pub mod error;
pub mod families;
pub mod grants;
pub mod introspect;
pub mod live;
pub mod metadata;
pub mod mint;
pub mod registration;
pub mod revoke;
pub mod rotation;
pub mod token;
pub mod userinfo;

/// How long things live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access_token: Duration,
    /// An id token.
    pub id_token: Duration,
    /// A refresh token that is not used.
    pub refresh_idle: Duration,
    /// A family, however often it is refreshed.
    pub refresh_absolute: Duration,
    /// How long a spent refresh token brings its successor again.
    pub refresh_grace: Duration,
}

/// The authorization server: everything that its endpoints share.
#[derive(Debug)]
pub struct Issuer {
    /// Who we are.
    pub url: urls::Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The registered clients.
    pub clients: clients::Registry,
    /// The hashing pool.
    pub hasher: Hasher,
    /// The limits of failed sign-ins.
    pub limits: Limits,
    /// How long things live.
    pub lifetimes: Lifetimes,
    gate: Gate,
    rotation_key: RotationKey,
    rotations: rotation::Rotations,
    liveness: live::Liveness,
    metadata: bytes::Bytes,
}

/// What an [`Issuer`] is made of.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields of the issuer say what each is")]
pub struct Parts {
    pub url: urls::Issuer,
    pub clock: Clock,
    pub store: Arc<Store>,
    pub keyring: Arc<Keyring>,
    pub hasher: Hasher,
    pub limits: Limits,
    pub lifetimes: Lifetimes,
    pub rotation_key: RotationKey,
}

impl Issuer {
    /// Starts the server's parts that work in the background of requests.
    pub fn start(parts: Parts) -> Result<Self, Fault> {
        let Parts { url, clock, store, keyring, hasher, limits, lifetimes, rotation_key } = parts;
        Ok(Self {
            clients: clients::Registry::new(Arc::clone(&store)),
            rotations: rotation::start(Arc::clone(&store), clock.clone(), lifetimes),
            liveness: live::start(Arc::clone(&store)),
            metadata: metadata::document(&url)?,
            url,
            clock,
            store,
            keyring,
            hasher,
            limits,
            lifetimes,
            gate: Gate::default(),
            rotation_key,
        })
    }

    /// The metadata document, OpenID Connect Discovery §4 and RFC 8414 §3, from memory.
    #[must_use]
    pub fn metadata(&self) -> bytes::Bytes {
        self.metadata.clone()
    }

    /// The way in by password.
    #[must_use]
    pub fn door(&self) -> Door<'_> {
        Door {
            store: &self.store,
            clock: &self.clock,
            hasher: &self.hasher,
            limits: &self.limits,
            gate: &self.gate,
        }
    }
}
