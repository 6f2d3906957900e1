//! The parts of a server, and how they are put together. Each part gets only what its own context
//! names.

use std::sync::Arc;

use super::config::Settings;
use super::opening::{look, open_keyring, outbound, post, redis};
use crate::accounts::attempt_limits::AttemptLimits;
use crate::accounts::breached_passwords::BreachedPasswords;
use crate::accounts::hashing::{Hasher, Hashing};
use crate::accounts::passkeys::relying_party::RelyingParty;
use crate::accounts::password_rules::PasswordRules;
use crate::accounts::second_factor::{SecondFactorRules, SecondFactors};
use crate::accounts::sign_in::PasswordSignIn;
use crate::accounts::throttle::Throttle;
use crate::clients::documents::{DocumentRules, Documents};
use crate::clients::key_sets::KeySets;
use crate::clients::registry::{AppRules, Registry};
use crate::domain::clock::Clock;
use crate::domain::document_trust::DocumentTrust;
use crate::domain::registration_mode::RegistrationMode;
use crate::domain::urls::Issuer;
use crate::domain::verdict::{Error, Fault, Rejected};
use crate::flows::context::Flows;
use crate::keys::device_cookies::DeviceCookieKey;
use crate::keys::factor_key::FactorKey;
use crate::keys::fetchers::KeyFetchers;
use crate::keys::keyring::Keyring;
use crate::keys::mail_key::MailKey;
use crate::keys::rotation::RotationKey;
use crate::keys::seal::{
    AuthSessionKey, BrowserKey, FormsKey, MasterKey, Sealer, UpstreamLoginKey,
};
use crate::keys::subjects::Subjects;
use crate::keys::webhook_secrets::WebhookSecrets;
use crate::mail::{MailDelivery, Mailer};
use crate::oauth::added_claims::AddedClaims;
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::back_channel::LogoutDelivery;
use crate::oauth::client_auth::ClientAuthentication;
use crate::oauth::lifetimes::Lifetimes;
use crate::oauth::memberships;
use crate::oauth::mutual_tls::MutualTls;
use crate::oauth::possession::{Possession, PossessionParts};
use crate::oauth::registration::endpoint::RegistrationEndpoint;
use crate::oauth::resource::bearer::AccessTokens;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::resource::verified::VerifiedTokens;
use crate::oauth::resource::{liveness, people};
use crate::oauth::status::feed::Feed;
use crate::oauth::status::indices::{IndexParts, Indices};
use crate::oauth::status::known::KnownRevocations;
use crate::oauth::status::lists::{Published, StatusLists};
use crate::oauth::status::settings::StatusListSettings;
use crate::oauth::token::context::GrantContext;
use crate::oauth::token::endpoint::TokenEndpoint;
use crate::oauth::token::families::Families;
use crate::oauth::token::mint::Mint;
use crate::oauth::token::person_claims::PersonClaims;
use crate::oauth::token::rotation::{self, RefreshTokens};
use crate::outbound::Outbound;
use crate::outbox::{Outbox, Wake};
use crate::pages::Look;
use crate::rate_limits::{RateLimiter, RateLimiterParts};
use crate::redis_client::Redis;
use crate::runtime::supervisor::Supervisor;
use crate::social::outside_issuers::OutsideIssuers;
use crate::social::registry::Providers;
use crate::store::Store;
use crate::webhooks::WebhookDelivery;

/// The parts of a server.
#[derive(Debug)]
pub struct Services {
    /// Restarts workers that fail.
    pub supervisor: Supervisor,
    /// The issuer URL.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// Who fetches the public keys.
    pub key_fetchers: Arc<KeyFetchers>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The threads that hash passwords.
    pub hasher: Hasher,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// Calls to others.
    pub outbound: Outbound,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// The token endpoint.
    pub token: Arc<TokenEndpoint>,
    /// Apps that register themselves.
    pub registration: Arc<RegistrationEndpoint>,
    /// The endpoints that take tokens.
    pub resources: ResourceContext,
    /// Checks requests that browsers bring.
    pub requests: RequestContext,
    /// What is revoked, as this process knows it.
    pub known: Arc<KnownRevocations>,
    /// The status lists.
    pub status_lists: Arc<StatusLists>,
    /// The feed of revocations.
    pub feed: Arc<Feed>,
    /// The use cases that lead people through pages.
    pub flows: Flows,
    /// The outbox: messages that wait to be sent to others.
    pub outbox: Outbox,
    /// Sends logout notices to apps.
    pub logout_delivery: LogoutDelivery,
    /// Tells other programs of audit events.
    pub webhook_delivery: WebhookDelivery,
    /// Sends mails; `None` if nothing is mailed.
    pub mail_delivery: Option<MailDelivery>,
    /// The look of pages and mails.
    pub look: Arc<Look>,
    /// Redis, if there is one.
    pub redis: Option<Redis>,
}

impl Services {
    /// Puts the parts together on an open database, and starts their workers.
    #[expect(clippy::too_many_lines, reason = "one statement for each part")]
    pub async fn open(
        settings: &Settings,
        store: &Arc<Store>,
        clock: &Clock,
        master: &MasterKey,
        mutual_tls: Option<&MutualTls>,
    ) -> Result<Self, Error<Rejected>> {
        let base = Base::open(settings, store, clock, master).await?;
        let base = Base { mutual_tls: mutual_tls.cloned(), ..base };
        let (redis, supervisor) = (redis(settings).await?, Supervisor::default());
        let hasher = hasher(settings, &supervisor)?;
        let key = base.rotation_key(master).await?;
        let password = Arc::new(base.password(&supervisor, &hasher, settings.limits, master)?);
        let (look, rules) = (Arc::new(look(settings)?), settings.second_factors);
        let mail_delivery = base.mail_delivery(settings, &look, master).await?;
        let mailer = mail_delivery.as_ref().map(|delivery| delivery.mailer.clone());
        let factors = base.factors(rules, &password, mailer.as_ref(), master).await?;
        let known = Arc::new(base.known_revocations());
        let indices = Arc::new(base.indices(&settings.status_lists, &known));
        let refresh_tokens = Arc::new(base.refresh_tokens(&supervisor, &key, &indices));
        let people = Arc::new(people::start(&supervisor, Arc::clone(&base.store)));
        let (added, outbox) = (base.added_claims(&supervisor), base.outbox());
        let limiter = Arc::new(base.limiter(&supervisor, settings, redis.clone()));
        let possession = Arc::new(base.possession(&supervisor, settings, master)?);
        let access_tokens = Arc::new(base.access_tokens(&supervisor));
        let grants = GrantContext {
            url: base.url.clone(),
            clock: base.clock.clone(),
            store: Arc::clone(&base.store),
            clients: Arc::clone(&base.clients),
            providers: Arc::clone(&base.providers),
            password,
            factors: factors.clone(),
            auth_sessions: Arc::new(AuthSessionKey::new(master)?),
            families: base.families(settings, key, indices),
            refresh_tokens: Arc::clone(&refresh_tokens),
            refresh_count: Arc::default(),
            keyring: Arc::clone(&base.keyring),
            access_tokens: Arc::clone(&access_tokens),
            subjects: base.subjects.clone(),
            outside_issuers: Arc::clone(&base.outside_issuers),
            id_jag: settings.id_jag,
            upstream_logins: Arc::clone(&base.upstream_logins),
        };
        let token = TokenEndpoint {
            clients: base.client_authentication(Arc::clone(&limiter)),
            grants,
            mint: base.mint(),
            person_claims: PersonClaims { people: Arc::clone(&people), added: added.clone() },
            possession: Arc::clone(&possession),
        };
        let registration = Arc::new(base.registration(settings, Arc::clone(&limiter)));
        let Base { url, clock, store, subjects, .. } = base.clone();
        let resources = ResourceContext {
            url,
            clock,
            store,
            clients: base.client_authentication(limiter),
            access_tokens,
            refresh_tokens,
            people,
            added,
            possession,
            subjects,
        };
        let flows = base.flows(factors, settings, Arc::clone(&outbox.wake), master)?;
        Ok(Self {
            token: Arc::new(token),
            registration,
            status_lists: Arc::new(base.status_lists(&settings.status_lists, &known)),
            feed: Arc::new(base.feed(&resources.access_tokens, &known)),
            known,
            resources,
            requests: base.requests(settings),
            flows: Flows { mailer, ..flows },
            outbox,
            logout_delivery: base.logout_delivery(),
            webhook_delivery: base.webhook_delivery(master)?,
            mail_delivery,
            look,
            redis,
            supervisor,
            hasher,
            url: base.url,
            clock: base.clock,
            store: base.store,
            keyring: base.keyring,
            key_fetchers: Arc::default(),
            clients: base.clients,
            lifetimes: base.lifetimes,
            outbound: base.outbound,
            providers: base.providers,
        })
    }
}

fn hasher(settings: &Settings, supervisor: &Supervisor) -> Result<Hasher, Fault> {
    let Hashing { cost, threads } = settings.hashing;
    Hasher::supervised(cost, threads, supervisor)
}

/// The things that several parts are built from.
#[derive(Clone, Debug)]
struct Base {
    url: Issuer,
    clock: Clock,
    store: Arc<Store>,
    keyring: Arc<Keyring>,
    clients: Arc<Registry>,
    lifetimes: Lifetimes,
    outbound: Outbound,
    providers: Arc<Providers>,
    outside_issuers: Arc<OutsideIssuers>,
    upstream_logins: Arc<UpstreamLoginKey>,
    subjects: Subjects,
    mutual_tls: Option<MutualTls>,
}

impl Base {
    async fn open(
        settings: &Settings,
        store: &Arc<Store>,
        clock: &Clock,
        master: &MasterKey,
    ) -> Result<Self, Error<Rejected>> {
        let keyring = open_keyring(settings, store, clock, master).await?;
        let outbound = outbound(settings)?;
        let providers = Providers::new(
            Arc::clone(store),
            Sealer::new(master)?,
            outbound.clone(),
            clock.clone(),
            &settings.social,
        )?;
        providers.start().await?;
        let rules = DocumentRules {
            trust: settings.documents.trust,
            hosts: settings.documents.hosts.clone(),
            denied_hosts: settings.documents.denied_hosts.clone(),
            allows_private: outbound.allows_private(),
        };
        let documents = Documents::new(rules, &outbound, clock.clone());
        let key_sets = KeySets::new(&outbound, clock.clone());
        let registers = settings.registration.mode != RegistrationMode::Off;
        let of_apps = AppRules {
            may_come: registers || settings.documents.trust != DocumentTrust::None,
            serve_mcp: settings.mcp.enabled,
            scopes: settings.registration.scopes.clone(),
            come_by_token: settings.registration.mode == RegistrationMode::Token,
        };
        let registry = Registry::new(Arc::clone(store), key_sets, documents, of_apps);
        Ok(Self {
            url: settings.issuer.clone(),
            clock: clock.clone(),
            store: Arc::clone(store),
            keyring: Arc::new(keyring),
            clients: Arc::new(registry),
            lifetimes: settings.lifetimes,
            outside_issuers: Arc::new(OutsideIssuers::new(outbound.clone(), clock.clone())),
            outbound,
            providers: Arc::new(providers),
            upstream_logins: Arc::new(UpstreamLoginKey::new(master)?),
            subjects: Subjects::open(store, clock, &Sealer::new(master)?).await?,
            mutual_tls: None,
        })
    }

    fn families(
        &self,
        settings: &Settings,
        key: Arc<RotationKey>,
        indices: Arc<Indices>,
    ) -> Families {
        let per_client = settings.families_per_client.into();
        Families { lifetimes: self.lifetimes, per_client, key, indices }
    }

    async fn rotation_key(&self, master: &MasterKey) -> Result<Arc<RotationKey>, Fault> {
        let sealer = Sealer::new(master)?;
        RotationKey::open(&self.store, &self.clock, &sealer).await.map(Arc::new)
    }

    /// Sends mails; `None` if nothing is mailed.
    async fn mail_delivery(
        &self,
        settings: &Settings,
        look: &Arc<Look>,
        master: &MasterKey,
    ) -> Result<Option<MailDelivery>, Error<Rejected>> {
        let key = MailKey::open(&self.store, &self.clock, &Sealer::new(master)?).await?;
        let mailer = Mailer::new(Arc::new(key));
        let clock = self.clock.clone();
        let post = post(settings, Arc::clone(look))?;
        Ok(post.map(|post| MailDelivery { clock, mailer, post }))
    }

    fn password(
        &self,
        supervisor: &Supervisor,
        hasher: &Hasher,
        limits: AttemptLimits,
        master: &MasterKey,
    ) -> Result<PasswordSignIn, Fault> {
        let Self { store, clock, .. } = self.clone();
        let throttle = Throttle::start(supervisor, Arc::clone(&store), clock.clone(), limits);
        let known_browsers = DeviceCookieKey::known(master)?;
        Ok(PasswordSignIn { store, clock, hasher: hasher.clone(), throttle, known_browsers })
    }

    async fn factors(
        &self,
        rules: SecondFactorRules,
        password: &Arc<PasswordSignIn>,
        mailer: Option<&Mailer>,
        master: &MasterKey,
    ) -> Result<SecondFactors, Fault> {
        Ok(SecondFactors {
            rules,
            key: FactorKey::open(&self.store, &self.clock, &Sealer::new(master)?).await?,
            remembered: DeviceCookieKey::remembered(master)?,
            password: Arc::clone(password),
            mailer: mailer.cloned(),
        })
    }

    fn refresh_tokens(
        &self,
        supervisor: &Supervisor,
        key: &Arc<RotationKey>,
        indices: &Arc<Indices>,
    ) -> RefreshTokens {
        let Self { store, clock, lifetimes, providers, .. } = self.clone();
        let (key, indices) = (Arc::clone(key), Arc::clone(indices));
        RefreshTokens::start(
            supervisor,
            rotation::RefreshTokenParts { store, clock, lifetimes, providers, key, indices },
        )
    }

    fn indices(&self, settings: &StatusListSettings, known: &Arc<KnownRevocations>) -> Indices {
        let Self { url, clock, store, clients, lifetimes, .. } = self.clone();
        let (entries, known) = (settings.entries, Arc::clone(known));
        let access_token = lifetimes.access_token;
        Indices::new(IndexParts { url, clock, store, clients, entries, access_token, known })
    }

    fn status_lists(
        &self,
        settings: &StatusListSettings,
        known: &Arc<KnownRevocations>,
    ) -> StatusLists {
        let Self { url, clock, keyring, .. } = self.clone();
        let (known, published) = (Arc::clone(known), Published::default());
        StatusLists { url, clock, keyring, ttl: settings.ttl, known, published }
    }

    fn feed(&self, access_tokens: &Arc<AccessTokens>, known: &Arc<KnownRevocations>) -> Feed {
        let Self { clock, clients, lifetimes, .. } = self.clone();
        let (access_tokens, known) = (Arc::clone(access_tokens), Arc::clone(known));
        Feed { clock, access_token: lifetimes.access_token, clients, access_tokens, known }
    }

    fn limiter(
        &self,
        supervisor: &Supervisor,
        settings: &Settings,
        redis: Option<Redis>,
    ) -> RateLimiter {
        let Self { url, clock, store, .. } = self.clone();
        let limits = settings.rate_limits;
        RateLimiter::start(supervisor, RateLimiterParts { limits, url, clock, store, redis })
    }

    fn possession(
        &self,
        supervisor: &Supervisor,
        settings: &Settings,
        master: &MasterKey,
    ) -> Result<Possession, Fault> {
        let Self { url, clock, store, mutual_tls, .. } = self.clone();
        let (url, settings) = (&url, settings.possession);
        let mtls_url = mutual_tls.as_ref().and_then(|taken| taken.url.as_ref());
        let parts = PossessionParts { url, mtls_url, clock, store, settings };
        Possession::start(supervisor, parts, master)
    }

    fn registration(&self, settings: &Settings, limiter: Arc<RateLimiter>) -> RegistrationEndpoint {
        RegistrationEndpoint {
            clients: self.client_authentication(limiter),
            settings: settings.registration.clone(),
            lifetimes: self.lifetimes,
            allows_private: self.outbound.allows_private(),
            outbound: self.outbound.clone(),
        }
    }

    fn client_authentication(&self, limiter: Arc<RateLimiter>) -> ClientAuthentication {
        let Self { url, clock, store, clients, mutual_tls, outside_issuers, .. } = self.clone();
        let (mtls_url, authorities) =
            mutual_tls.map(|taken| (taken.url, taken.authorities)).unwrap_or_default();
        ClientAuthentication {
            url,
            clock,
            store,
            clients,
            limiter,
            outside_issuers,
            mtls_url,
            authorities,
        }
    }

    fn mint(&self) -> Mint {
        let Self { url, clock, keyring, lifetimes, subjects, .. } = self.clone();
        Mint { url, clock, keyring, lifetimes, subjects }
    }

    fn known_revocations(&self) -> KnownRevocations {
        KnownRevocations::new(Arc::clone(&self.store), self.clock.clone())
    }

    fn added_claims(&self, supervisor: &Supervisor) -> AddedClaims {
        let Self { url, store, clients, .. } = self.clone();
        let memberships = Arc::new(memberships::start(supervisor, store));
        AddedClaims { url, clients, memberships }
    }

    fn access_tokens(&self, supervisor: &Supervisor) -> AccessTokens {
        let Self { url, clock, store, keyring, clients, providers, .. } = self.clone();
        let liveness = liveness::start(supervisor, store);
        let verified = VerifiedTokens::default();
        AccessTokens { url, clock, keyring, clients, providers, liveness, verified }
    }

    fn requests(&self, settings: &Settings) -> RequestContext {
        let Self { url, clock, store, clients, keyring, subjects, .. } = self.clone();
        let (sign_up, settings) = (settings.sign_up.mode, settings.requests);
        RequestContext { url, clock, store, clients, sign_up, keyring, settings, subjects }
    }

    fn flows(
        &self,
        factors: SecondFactors,
        settings: &Settings,
        notices: Arc<Wake>,
        master: &MasterKey,
    ) -> Result<Flows, Fault> {
        let Self { url, clock, store, clients, providers, upstream_logins, .. } = self.clone();
        let subjects = self.subjects.clone();
        let forms = Arc::new(FormsKey::new(master)?);
        let browsers = Arc::new(BrowserKey::new(master)?);
        let passkeys = RelyingParty::new(&url, &settings.passkeys, master)?.map(Arc::new);
        let breached = BreachedPasswords::of(&settings.passwords, &self.outbound);
        let hasher = factors.password.hasher.clone();
        Ok(Flows {
            url,
            clock,
            store,
            clients,
            providers,
            password: Arc::clone(&factors.password),
            factors,
            passkeys,
            sessions: settings.sessions,
            sign_up: settings.sign_up,
            terms: Arc::new(settings.terms.clone()),
            mail_limits: settings.mail_limits,
            deletion: settings.deletion,
            sign_in_methods: settings.sign_in_methods,
            password_rules: PasswordRules { hasher, breached },
            forms,
            browsers,
            upstream_logins,
            notices,
            subjects,
            mailer: None,
        })
    }

    fn outbox(&self) -> Outbox {
        let Self { clock, store, .. } = self.clone();
        Outbox { clock, store, wake: Arc::new(Wake::default()) }
    }

    fn webhook_delivery(&self, master: &MasterKey) -> Result<WebhookDelivery, Fault> {
        let Self { clock, store, outbound, .. } = self.clone();
        let secrets = Arc::new(WebhookSecrets::new(master)?);
        Ok(WebhookDelivery { clock, store, secrets, outbound })
    }

    fn logout_delivery(&self) -> LogoutDelivery {
        let Self { url, clock, clients, keyring, outbound, subjects, .. } = self.clone();
        LogoutDelivery { url, clock, clients, keyring, outbound, subjects }
    }
}
