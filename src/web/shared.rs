//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderValue;
use bytes::Bytes;

use crate::clients::logos::Logos;
use crate::domain::provider::Registration;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::keys::doctor_key::DoctorKey;
use crate::keys::fetchers::KeyFetchers;
use crate::keys::keyring::Keyring;
use crate::keys::repeat_key::RepeatKey;
use crate::keys::webhook_secrets::WebhookSecrets;
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::authorize::settings::RequestSettings;
use crate::oauth::authorize::signed_refusals::SignedRefusals;
use crate::oauth::mcp::McpSettings;
use crate::oauth::metadata::{self, Offers};
use crate::oauth::mutual_tls::MutualTls;
use crate::oauth::registration::endpoint::RegistrationEndpoint;
use crate::oauth::resource::context::ResourceContext;
use crate::oauth::status::feed::Feed;
use crate::oauth::status::lists::StatusLists;
use crate::oauth::token::endpoint::TokenEndpoint;
use crate::oauth::token::id_jag::IdJagSettings;
use crate::pages::Look;
use crate::runtime::supervisor::Supervisor;
use crate::settings::InForce;
use crate::web::admin_api::settings::AdminSettings;
use crate::web::cookies::Cookies;

/// The parts that the handlers are built from.
#[derive(Debug)]
pub struct SharedParts {
    /// Knows which workers are down.
    pub supervisor: Supervisor,
    /// The use cases that lead people through pages.
    pub flows: Flows,
    /// Checks requests that browsers bring.
    pub requests: RequestContext,
    /// The token endpoint.
    pub token: Arc<TokenEndpoint>,
    /// Apps that register themselves.
    pub registration: Arc<RegistrationEndpoint>,
    /// Whether clients may be named by documents.
    pub takes_documents: bool,
    /// The endpoints that take tokens.
    pub resources: ResourceContext,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The status lists.
    pub status_lists: Arc<StatusLists>,
    /// The feed of revocations.
    pub feed: Arc<Feed>,
    /// The logos of apps.
    pub logos: Logos,
    /// The look of the pages.
    pub look: Arc<Look>,
    /// Checks whether `mapae doctor` asks.
    pub doctor: DoctorKey,
    /// Makes the tags of creations that may be asked for again.
    pub repeats: RepeatKey,
    /// Notes who fetches the public keys.
    pub key_fetchers: Arc<KeyFetchers>,
    /// How the administration works.
    pub admin: AdminSettings,
    /// The providers of the settings file.
    pub providers_of_file: Vec<Registration>,
    /// Every setting as it is shown.
    pub settings_in_force: Vec<InForce>,
    /// Makes and opens the secrets of webhooks.
    pub webhook_secrets: Arc<WebhookSecrets>,
    /// Whether the operator allows calls to private addresses.
    pub allows_private: bool,
    /// What MCP clients find here.
    pub mcp: McpSettings,
    /// Grants of and for other authorization servers.
    pub id_jag: IdJagSettings,
    /// Where client certificates are taken; `None`: nowhere.
    pub mutual_tls: Option<MutualTls>,
}

/// The metadata document, with and without the prompt for a new account.
#[derive(Debug)]
pub(super) struct Metadata {
    with_sign_up: Bytes,
    without: Bytes,
}

impl Metadata {
    fn new(
        issuer: &Issuer,
        requests: RequestSettings,
        offers: Offers,
        mutual_tls: Option<&MutualTls>,
    ) -> Result<Self, Fault> {
        let of = |sign_up| {
            metadata::document(issuer, requests, Offers { sign_up, ..offers }, mutual_tls)
        };
        Ok(Self { with_sign_up: of(true)?, without: of(false)? })
    }

    /// The document. `may_sign_up` says whether people may make accounts, at any client at least.
    pub(super) fn document(&self, may_sign_up: bool) -> Bytes {
        if may_sign_up { self.with_sign_up.clone() } else { self.without.clone() }
    }
}

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    pub(super) supervisor: Supervisor,
    pub(super) flows: Flows,
    pub(super) requests: RequestContext,
    pub(super) token: Arc<TokenEndpoint>,
    pub(super) registration: Arc<RegistrationEndpoint>,
    pub(super) resources: ResourceContext,
    pub(super) keyring: Arc<Keyring>,
    pub(super) status_lists: Arc<StatusLists>,
    pub(super) feed: Arc<Feed>,
    pub(super) logos: Logos,
    pub(super) metadata: Metadata,
    pub(super) look: Arc<Look>,
    /// The path of the issuer.
    pub(super) base: String,
    /// The origin of the issuer.
    pub(super) origin: String,
    pub(super) cookies: Cookies,
    pub(super) doctor: DoctorKey,
    pub(super) repeats: RepeatKey,
    pub(super) key_fetchers: Arc<KeyFetchers>,
    pub(super) admin: AdminSettings,
    pub(super) providers_of_file: Vec<Registration>,
    pub(super) settings_in_force: Vec<InForce>,
    pub(super) webhook_secrets: Arc<WebhookSecrets>,
    pub(super) allows_private: bool,
    pub(super) mcp: McpSettings,
    pub(super) ready: AtomicBool,
    pub(super) signed_refusals: SignedRefusals,
    pub(super) jwks_cache: HeaderValue,
    pub(super) status_cache: HeaderValue,
}

impl Shared {
    /// Builds the shared state of the handlers. The server is ready until [`Self::drain`] is
    /// called.
    pub fn new(parts: SharedParts) -> Result<Arc<Self>, Fault> {
        let SharedParts { supervisor, flows, requests, token, resources, .. } = parts;
        let SharedParts { keyring, status_lists, feed, logos, look, doctor, repeats, .. } = parts;
        let SharedParts { key_fetchers, admin, providers_of_file, settings_in_force, .. } = parts;
        let SharedParts { webhook_secrets, allows_private, registration, mcp, mutual_tls, .. } =
            parts;
        let offers = Offers {
            sign_up: false,
            registration: registration.is_on(),
            documents: parts.takes_documents,
            id_jag: parts.id_jag.enabled,
        };
        let seconds = keyring.policy().jwks_max_age.num_seconds();
        let cache = HeaderValue::try_from(format!("public, max-age={seconds}"));
        let jwks_cache = cache.unwrap_or_else(|_| HeaderValue::from_static("no-store"));
        // Whoever verifies keeps a list for its `ttl`. A cache that many share must not add to that.
        let seconds = status_lists.ttl.num_seconds();
        let cache = HeaderValue::try_from(format!("public, max-age={seconds}, s-maxage=1"));
        let status_cache = cache.unwrap_or_else(|_| HeaderValue::from_static("no-store"));
        let url = &flows.url;
        Ok(Arc::new(Self {
            base: url.path(),
            origin: url.origin(),
            cookies: Cookies::of(url.as_str()),
            ready: AtomicBool::new(true),
            signed_refusals: SignedRefusals::default(),
            metadata: Metadata::new(url, requests.settings, offers, mutual_tls.as_ref())?,
            jwks_cache,
            status_cache,
            status_lists,
            feed,
            supervisor,
            flows,
            requests,
            token,
            registration,
            resources,
            keyring,
            logos,
            look,
            doctor,
            repeats,
            key_fetchers,
            admin,
            providers_of_file,
            settings_in_force,
            webhook_secrets,
            allows_private,
            mcp,
        }))
    }

    /// Whether the server is about to stop: nobody is kept waiting any longer.
    pub(super) fn is_stopping(&self) -> bool {
        !self.ready.load(Ordering::SeqCst)
    }

    /// Makes `/readyz` answer "not ready": the server is about to stop.
    pub fn drain(&self) {
        self.ready.store(false, Ordering::SeqCst);
    }
}
