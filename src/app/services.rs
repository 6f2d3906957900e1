//! The parts of a server, and how they are put together. Each gets what its own context names, and
//! nothing else of this.

use std::sync::Arc;

use super::config::Settings;
use super::opening::{open_keyring, outbound};
use crate::accounts::hashing::{Hasher, Hashing};
use crate::accounts::sign_in::PasswordSignIn;
use crate::accounts::throttle::Throttle;
use crate::clients::registry::Registry;
use crate::domain::clock::Clock;
use crate::domain::urls::Issuer;
use crate::domain::verdict::{Error, Rejected};
use crate::flows::context::Flows;
use crate::keys::device_cookies::DeviceCookieKey;
use crate::keys::keyring::Keyring;
use crate::keys::rotation::RotationKey;
use crate::keys::seal::{BrowserKey, FormsKey, MasterKey, Sealer, UpstreamLoginKey};
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::back_channel::{LogoutDelivery, Notices};
use crate::oauth::client_auth::ClientAuthentication;
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::resource::bearer::AccessTokens;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::resource::verified::Verified;
use crate::oauth::resource::{liveness, people};
use crate::oauth::token::context::GrantContext;
use crate::oauth::token::endpoint::TokenEndpoint;
use crate::oauth::token::families::Families;
use crate::oauth::token::mint::Mint;
use crate::oauth::token::rotation::{self, RefreshTokens};
use crate::outbound::Outbound;
use crate::runtime::supervisor::Supervisor;
use crate::social::registry::Providers;
use crate::store::Store;

/// The parts of a server.
#[derive(Debug)]
pub struct Services {
    /// Keeps the workers of this server going.
    pub supervisor: Supervisor,
    /// Who we are.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The threads that hash.
    pub hasher: Hasher,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// Calls to others.
    pub outbound: Outbound,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// The token endpoint.
    pub token: Arc<TokenEndpoint>,
    /// The endpoints that take tokens.
    pub resources: ResourceContext,
    /// Checks requests that browsers bring.
    pub requests: RequestContext,
    /// Leads people through pages.
    pub flows: Flows,
    /// Tells apps of sign-outs.
    pub logout_delivery: LogoutDelivery,
}

impl Services {
    /// Puts the parts together over an open database, and starts the workers that they ask.
    pub async fn open(
        settings: &Settings,
        store: &Arc<Store>,
        clock: &Clock,
        master: &MasterKey,
    ) -> Result<Self, Error<Rejected>> {
        let (store, clock, url) = (Arc::clone(store), clock.clone(), settings.issuer.clone());
        let keyring = Arc::new(open_keyring(settings, &store, &clock, master).await?);
        let sealer = Sealer::new(master)?;
        let key = Arc::new(RotationKey::open(&store, &clock, &sealer).await?);
        let outbound = outbound(settings)?;
        let providers = Arc::new(Providers::new(
            Arc::clone(&store),
            sealer,
            outbound.clone(),
            clock.clone(),
            &settings.social,
        )?);
        providers.start().await?;
        let supervisor = Supervisor::default();
        let clients = Arc::new(Registry::new(Arc::clone(&store)));
        let lifetimes = settings.lifetimes;
        let Hashing { cost, threads } = settings.hashing;
        let hasher = Hasher::supervised(cost, threads, &supervisor)?;
        let password = Arc::new(PasswordSignIn {
            store: Arc::clone(&store),
            clock: clock.clone(),
            hasher: hasher.clone(),
            throttle: Throttle::start(
                &supervisor,
                Arc::clone(&store),
                clock.clone(),
                settings.limits,
            ),
            known_browsers: DeviceCookieKey::new(master)?,
        });
        let parts = rotation::Parts {
            store: Arc::clone(&store),
            clock: clock.clone(),
            lifetimes,
            providers: Arc::clone(&providers),
            key: Arc::clone(&key),
        };
        let refresh_tokens = Arc::new(RefreshTokens::start(&supervisor, parts));
        let people = Arc::new(people::start(&supervisor, Arc::clone(&store)));
        let notices = Arc::new(Notices::default());
        let authentication = ClientAuthentication {
            url: url.clone(),
            clock: clock.clone(),
            store: Arc::clone(&store),
            clients: Arc::clone(&clients),
        };
        let token = TokenEndpoint {
            clients: authentication.clone(),
            grants: GrantContext {
                url: url.clone(),
                clock: clock.clone(),
                store: Arc::clone(&store),
                clients: Arc::clone(&clients),
                providers: Arc::clone(&providers),
                password: Arc::clone(&password),
                families: Families {
                    lifetimes,
                    per_client: settings.families_per_client.into(),
                    key,
                },
                refresh_tokens: Arc::clone(&refresh_tokens),
                keyring: Arc::clone(&keyring),
            },
            mint: Mint {
                url: url.clone(),
                clock: clock.clone(),
                keyring: Arc::clone(&keyring),
                lifetimes,
            },
            people: Arc::clone(&people),
        };
        let access_tokens = AccessTokens {
            url: url.clone(),
            clock: clock.clone(),
            keyring: Arc::clone(&keyring),
            clients: Arc::clone(&clients),
            providers: Arc::clone(&providers),
            liveness: liveness::start(&supervisor, Arc::clone(&store)),
            verified: Verified::default(),
        };
        let resources = ResourceContext {
            url: url.clone(),
            clock: clock.clone(),
            store: Arc::clone(&store),
            clients: authentication,
            access_tokens: Arc::new(access_tokens),
            refresh_tokens,
            people,
        };
        let requests = RequestContext {
            url: url.clone(),
            clients: Arc::clone(&clients),
            keyring: Arc::clone(&keyring),
        };
        let flows = Flows {
            url: url.clone(),
            clock: clock.clone(),
            store: Arc::clone(&store),
            clients: Arc::clone(&clients),
            providers: Arc::clone(&providers),
            password,
            sessions: settings.sessions,
            forms: Arc::new(FormsKey::new(master)?),
            browsers: Arc::new(BrowserKey::new(master)?),
            upstream_logins: Arc::new(UpstreamLoginKey::new(master)?),
            notices: Arc::clone(&notices),
        };
        let logout_delivery = LogoutDelivery {
            url: url.clone(),
            clock: clock.clone(),
            store: Arc::clone(&store),
            clients: Arc::clone(&clients),
            keyring: Arc::clone(&keyring),
            outbound: outbound.clone(),
            notices,
        };
        Ok(Self {
            supervisor,
            url,
            clock,
            store,
            keyring,
            clients,
            hasher,
            lifetimes,
            outbound,
            providers,
            token: Arc::new(token),
            resources,
            requests,
            flows,
            logout_delivery,
        })
    }
}
