//! The protocol, free of any web framework: [`token`] is the visible list of steps of a token
//! request, [`grants`] decide what is owed to whom, [`mint`] issues it.

use std::sync::Arc;

use chrono::Duration;

use crate::accounts::browsers::SessionLives;
use crate::accounts::hashing::Hasher;
use crate::accounts::sign_in::Door;
use crate::accounts::throttle::{Limits, Throttle};
use crate::clients::{logos, registry};
use crate::domain::clock::Clock;
use crate::domain::urls;
use crate::domain::verdict::Fault;
use crate::keys::keyring::Keyring;
use crate::keys::known_browsers::KnownBrowsersKey;
use crate::keys::rotation::RotationKey;
use crate::keys::seal::{BrowserKey, FormsKey, VisitKey};
use crate::outbound::Outbound;
use crate::runtime::supervisor::Supervisor;
use crate::settings::kinds::{duration, duration_in, whole};
use crate::settings::{Collector, settings};
use crate::social::registry::Providers;
use crate::store::Store;

pub mod authorize;
pub mod back_channel;
pub mod claims;
pub mod client_auth;
pub mod cross_origin;
pub mod error;
pub mod logout;
pub mod metadata;
pub mod refused;
pub mod resource;
pub mod token;

settings! {
    /// How long things live.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lifetimes in "Tokens", checked by Lifetimes::check {
        /// An access token is good for so long.
        pub access_token: Duration = duration("token.access_lifetime", Duration::minutes(10)),
        /// An id token is good for so long.
        pub id_token: Duration = duration("token.id_lifetime", Duration::minutes(10)),
        /// A refresh token ends when it was not used for so long.
        pub refresh_idle: Duration = duration("token.refresh_idle_lifetime", Duration::days(30)),
        /// What an app was granted by one sign-in ends after so long, however often it is refreshed.
        pub refresh_absolute: Duration = duration("token.refresh_absolute_lifetime", Duration::days(90)),
        /// For so long after a refresh token was handed out, the one before it brings the same one
        /// again. Later it brings a new one, which replaces it.
        pub refresh_grace: Duration = duration_in("token.refresh_grace", 0..=300, Duration::seconds(30)),
    }
}

impl Lifetimes {
    fn check(&self, from: &mut Collector) {
        if self.refresh_idle > self.refresh_absolute {
            let problem = "must not be longer than token.refresh_absolute_lifetime";
            from.problem("token.refresh_idle_lifetime", problem);
        }
    }
}

/// Declares and reads how many families one person may have at one client.
pub fn families_per_client(from: &mut Collector) -> u32 {
    from.begin("Tokens");
    from.take(whole("token.families_per_client", 1..=u32::MAX, 100).words(
        "So many sign-ins of one person at one app may have tokens at the same time. One more ends the one that was not used for longest: its app is told as of any other end, and the audit event `family.over_limit` is written.",
    ))
}

/// The authorization server: everything that its endpoints share.
#[derive(Debug)]
pub struct Issuer {
    /// Keeps the workers of this server going.
    pub supervisor: Supervisor,
    /// Who we are.
    pub url: urls::Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The registered clients.
    pub clients: Arc<registry::Registry>,
    /// The hashing pool.
    pub hasher: Hasher,
    /// The throttle of failed sign-ins.
    pub throttle: Throttle,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// So many families one person may have at one client.
    pub families_per_client: u64,
    /// How long browser sessions live.
    pub sessions: SessionLives,
    /// Binds forms to the pages that they came from.
    pub forms: FormsKey,
    /// Wakes whoever tells apps of sign-outs.
    pub notices: back_channel::Notices,
    /// The logos of apps.
    pub logos: logos::Logos,
    /// The way out.
    pub outbound: Outbound,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Derives what people take along to them.
    pub visits: VisitKey,
    /// Seals what browsers carry for us.
    pub browsers: BrowserKey,
    /// Makes and verifies refresh tokens.
    pub rotation_key: RotationKey,
    verified: resource::verified::Verified,
    /// Makes browsers known in which somebody proved an account.
    pub known_browsers: KnownBrowsersKey,
    rotations: token::rotation::Rotations,
    liveness: resource::liveness::Liveness,
    people: resource::people::People,
    metadata: bytes::Bytes,
}

/// What an [`Issuer`] is made of.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields of the issuer say what each is")]
pub struct Parts {
    pub supervisor: Supervisor,
    pub url: urls::Issuer,
    pub clock: Clock,
    pub store: Arc<Store>,
    pub keyring: Arc<Keyring>,
    pub hasher: Hasher,
    pub limits: Limits,
    pub lifetimes: Lifetimes,
    pub families_per_client: u64,
    pub sessions: SessionLives,
    pub forms: FormsKey,
    pub outbound: Outbound,
    pub providers: Providers,
    pub visits: VisitKey,
    pub known_browsers: KnownBrowsersKey,
    pub browsers: BrowserKey,
    pub rotation_key: RotationKey,
}

impl Issuer {
    /// Starts the server's parts that work in the background of requests.
    pub fn start(parts: Parts) -> Result<Self, Fault> {
        let Parts { url, clock, store, keyring, hasher, limits, lifetimes, .. } = parts;
        let providers = Arc::new(parts.providers);
        let supervisor = parts.supervisor;
        let rotating = token::rotation::Parts {
            store: Arc::clone(&store),
            clock: clock.clone(),
            lifetimes,
            providers: Arc::clone(&providers),
            key: parts.rotation_key.clone(),
        };
        let clients = Arc::new(registry::Registry::new(Arc::clone(&store)));
        Ok(Self {
            throttle: Throttle::start(&supervisor, Arc::clone(&store), clock.clone(), limits),
            logos: logos::Logos::new(Arc::clone(&clients), parts.outbound.clone(), clock.clone()),
            clients,
            rotations: token::rotation::start(&supervisor, rotating),
            liveness: resource::liveness::start(&supervisor, Arc::clone(&store)),
            people: resource::people::start(&supervisor, Arc::clone(&store)),
            metadata: metadata::document(&url)?,
            supervisor,
            url,
            clock,
            store,
            keyring,
            hasher,
            lifetimes,
            families_per_client: parts.families_per_client,
            sessions: parts.sessions,
            forms: parts.forms,
            notices: back_channel::Notices::default(),
            outbound: parts.outbound,
            providers,
            visits: parts.visits,
            browsers: parts.browsers,
            verified: resource::verified::Verified::default(),
            known_browsers: parts.known_browsers,
            rotation_key: parts.rotation_key,
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
            throttle: &self.throttle,
            known_browsers: &self.known_browsers,
        }
    }
}
