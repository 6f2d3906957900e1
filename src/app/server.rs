//! A running server: how it starts, serves and stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::config::{Settings, Shutdown};
use super::epoch::EpochFile;
use super::listening::{bind, local, serve};
use super::mutual_tls::MutualTlsParts;
use super::opening::{master_key, wait_for_store};
use super::otlp_export::Export;
use super::services::Services;
use super::{jobs, telemetry};
use crate::accounts::session_endings;
use crate::clients::logos::Logos;
use crate::domain::address::TrustedProxies;
use crate::domain::clock::Clock;
use crate::domain::document_trust::DocumentTrust;
use crate::domain::family::FamilyFilter;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::keys::doctor_key::DoctorKey;
use crate::keys::repeat_key::RepeatKey;
use crate::net::listener::Listener;
use crate::net::tls::Tls;
use crate::runtime::supervisor::Need;
use crate::store::{ServeLock, Store, may_be_overheard, signing_keys};
use crate::web::admin_api::settings::ApiPlace;
use crate::web::edge::{CertificateSource, Edge};
use crate::web::{self, Shared};

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    mtls_address: Option<SocketAddr>,
    services: Arc<Services>,
    shared: Arc<Shared>,
    shutdown: Shutdown,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// Sends traces and metrics; `None` if there is no collector.
    export: Option<Export>,
    _lock: ServeLock,
}

/// The time after the deadline of a stop for closing the connections that are left.
const LAST_STEPS: Duration = Duration::from_millis(250);

impl Server {
    /// Starts serving at the address in the settings.
    pub async fn start(settings: Settings, clock: Clock) -> OrRejected<Self> {
        let listener = bind("listen", settings.listen).await?;
        Self::start_on(listener, settings, clock).await
    }

    /// Starts serving on this listener.
    pub async fn start_on(
        listener: TcpListener,
        settings: Settings,
        clock: Clock,
    ) -> OrRejected<Self> {
        let Some(lock) = ServeLock::take(&settings.database_url)? else {
            return reject("another server runs on this database file");
        };
        let admin = bind_admin(&settings).await?;
        let address = local(&listener)?;
        let admin_address = admin.as_ref().map(local).transpose()?;
        let tls = match settings.tls.clone() {
            Some(files) => Some(Tls::load(files).await.or_else(reject)?),
            None => None,
        };
        let mutual = MutualTlsParts::open(&settings, &clock).await?;
        warn_of_plain_connections(&settings);
        let store = wait_for_store(&settings).await?;
        if signing_keys::list_all(&*store).await?.is_empty() {
            tracing::info!(database = settings.database(), "made a new database");
        }
        let master = master_key(&settings, &store).await?;
        let opening = Services::open(&settings, &store, &clock, &master, mutual.taken.as_ref());
        let services = Box::pin(opening).await.map(Arc::new)?;
        services.keyring.maintain().await?;
        let epoch = Arc::new(EpochFile::of(&settings)?);
        epoch.check(&store, &services.known).await?;
        end_what_disabled_providers_gave(&settings, &store, &clock).await?;
        services.known.learn().await?;
        let request_keys = (DoctorKey::new(&master)?, RepeatKey::new(&master)?);
        let parts = parts(&services, &settings, request_keys);
        let shared = Shared::new(web::SharedParts { mutual_tls: mutual.taken.clone(), ..parts })?;
        let router = web::router(Arc::clone(&shared));
        let strict_transport = services.url.is_https().then_some(settings.strict_transport);
        let (proxies, timeout) = (settings.trusted_proxies.clone(), settings.http.request_timeout);
        let (at_main, nowhere) = (mutual.at_main, CertificateSource::Nowhere);
        let edge = Edge::new(router, proxies, at_main, strict_transport, timeout);
        let beside = web::admin_router(&shared);
        let nobody = TrustedProxies::default;
        let beside = beside.map(|api| Edge::new(api, nobody(), nowhere, None, timeout));
        let ca_file = settings.outbound.ca_file.as_deref();
        let export = Export::start(&settings.otlp, ca_file, &services)?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = jobs::start(&services, &settings, &epoch, &stopped);
        let look_after = |tls| jobs::look_after_tls(&services.supervisor, tls, stopped.clone());
        tasks.extend(tls.clone().map(look_after));
        let http = mutual.limits(settings.http);
        let listener = Listener {
            name: "accepting connections",
            need: Need::Serving,
            socket: listener,
            tls,
            http,
            proxies: settings.trusted_proxies.clone(),
        };
        let deadline = settings.shutdown.deadline;
        tasks.push(serve(listener, edge, &services, stopped.clone(), deadline));
        let mtls_address = mutual.address;
        tasks.extend(mutual.start(&settings, http, &services, &shared, &stopped));
        if let Some(admin) = admin {
            let services = Arc::clone(&services);
            tasks.push(tokio::spawn(telemetry::serve(admin, http, services, beside, stopped)));
        }
        tracing::info!(%address, admin_address = admin_address.map(tracing::field::display), mtls_address = mtls_address.map(tracing::field::display), issuer = services.url.as_str(), database = settings.database(), "ready");
        Ok(Self {
            address,
            admin_address,
            mtls_address,
            services,
            shared,
            shutdown: settings.shutdown,
            stop,
            tasks,
            export,
            _lock: lock,
        })
    }

    /// The address of the main listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the admin listener, which serves the metrics.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The address of the listener of mutual TLS.
    #[must_use]
    pub fn mtls_address(&self) -> Option<SocketAddr> {
        self.mtls_address
    }

    /// The parts of the server.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The longest that stopping may take.
    #[must_use]
    pub fn longest_stop(&self) -> Duration {
        self.shutdown.delay + self.shutdown.deadline
    }

    /// Stops the server: reports "not ready", waits until load balancers have seen it, and lets
    /// requests finish until the deadline.
    pub async fn stop(self) {
        self.shared.drain();
        tokio::time::sleep(self.shutdown.delay).await;
        // Without a receiver, every task has already stopped.
        let _ = self.stop.send(true);
        self.services.supervisor.stop();
        let deadline = Instant::now() + self.shutdown.deadline + LAST_STEPS;
        for mut task in self.tasks {
            match timeout_at(deadline, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a part of the server did not stop well"),
                // The next start repeats what the task had not finished.
                Err(_) => {
                    task.abort();
                    tracing::warn!("a part of the server did not stop before the deadline");
                }
            }
        }
        // The requests that ended last are told of, too.
        if let Some(export) = self.export {
            export.stop().await;
        }
        // What was noted since the last batch. If the database is away, nobody is waited for.
        if let Err(fault) = jobs::write_notes(&self.services).await {
            tracing::warn!(%fault, "what was counted last was not written");
        }
        self.services.store.close().await;
        tracing::info!("stopped");
    }
}

/// Warns where the connection to a database on another machine need not be encrypted.
/// Ends what came by the providers that the settings turn off. Those of the database ended it when
/// they were turned off.
async fn end_what_disabled_providers_gave(
    settings: &Settings,
    store: &Store,
    clock: &Clock,
) -> Result<(), Fault> {
    for provider in settings.social.iter().filter(|provider| provider.disabled) {
        let of = FamilyFilter::Provider(&provider.slug);
        session_endings::end_every(store, clock, of).await?;
    }
    Ok(())
}

fn logos(services: &Services) -> Logos {
    let clients = Arc::clone(&services.clients);
    Logos::new(clients, services.outbound.clone(), services.clock.clone())
}

fn warn_of_plain_connections(settings: &Settings) {
    let read_url = settings.database_read_url.as_deref();
    let urls = [Some(settings.database_url.as_str()), read_url];
    if urls.into_iter().flatten().any(may_be_overheard) {
        let mend = "sslmode=verify-full in database.url, or database.ca_file";
        tracing::warn!(mend, "nothing makes sure that the database is reached over TLS");
    }
}

async fn bind_admin(settings: &Settings) -> OrRejected<Option<TcpListener>> {
    let Some(address) = settings.admin_listen else { return Ok(None) };
    match bind("admin_listen", address).await {
        Err(error) if !settings.admin_listen_chosen && settings.admin.api != ApiPlace::Admin => {
            tracing::warn!(%error, "there are no metrics: the default admin_listen cannot be used");
            Ok(None)
        }
        bound => bound.map(Some),
    }
}

/// The parts of the handlers.
fn parts(
    services: &Services,
    settings: &Settings,
    (doctor, repeats): (DoctorKey, RepeatKey),
) -> web::SharedParts {
    web::SharedParts {
        supervisor: services.supervisor.clone(),
        flows: services.flows.clone(),
        requests: services.requests.clone(),
        token: Arc::clone(&services.token),
        registration: Arc::clone(&services.registration),
        takes_documents: settings.documents.trust != DocumentTrust::None,
        resources: services.resources.clone(),
        keyring: Arc::clone(&services.keyring),
        status_lists: Arc::clone(&services.status_lists),
        feed: Arc::clone(&services.feed),
        logos: logos(services),
        look: Arc::clone(&services.look),
        doctor,
        repeats,
        key_fetchers: Arc::clone(&services.key_fetchers),
        admin: settings.admin,
        providers_of_file: settings.social.clone(),
        settings_in_force: settings.in_force.clone(),
        webhook_secrets: Arc::clone(&services.webhook_delivery.secrets),
        allows_private: services.outbound.allows_private(),
        mcp: settings.mcp,
        id_jag: settings.id_jag,
        mutual_tls: None,
    }
}
