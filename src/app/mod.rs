//! The composition root: settings become a running server.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accounts::hashing::Hasher;
use crate::domain::clock::Clock;
use crate::domain::verdict::{Error, Fault, Rejected, reject};
use crate::keys::keyring::Keyring;
use crate::keys::rotation::RotationKey;
use crate::keys::seal::{BrowserKey, FormsKey, MasterKey, Sealer, Source, VisitKey};
use crate::oauth::providers::Providers;
use crate::oauth::{Issuer, Parts};
use crate::outbound::Outbound;
use crate::pages::Look;
use crate::store::{ServeLock, Store, migrate};
use crate::web::edge::Edge;
use crate::web::{self, Shared};

pub mod config;
mod connection;
mod crowd;
mod jobs;
mod life;
mod listener;
pub mod providers;
pub mod telemetry;
pub mod tls;

use config::Settings;
use listener::Listener;
use tls::Tls;

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    issuer: Arc<Issuer>,
    shared: Arc<Shared>,
    settings: Settings,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    _lock: ServeLock,
}

type Outcome<T> = Result<T, Error<Rejected>>;

/// Opens the database and brings its schema up to date.
pub async fn open_store(settings: &Settings) -> Result<Arc<Store>, Fault> {
    migrate(&settings.database_url).await?;
    Ok(Arc::new(Store::open(&settings.database_url).await?))
}

/// The master key. In a folder where its change was interrupted, it is the one that opens what is
/// sealed in the database; the file of the other is put in order.
pub async fn master_key(settings: &Settings, store: &Store) -> Outcome<MasterKey> {
    let load = |error: crate::keys::seal::NoMasterKey| Error::Refused(Rejected(error.to_string()));
    let master = MasterKey::load(&settings.master_key).map_err(load)?;
    if let Source::Folder(folder) = &settings.master_key
        && let Some(next) = MasterKey::load_next(folder).map_err(load)?
    {
        let keys = crate::store::signing_keys::list_all(store).await?;
        let sealer = Sealer::new(&next)?;
        let opens = |key: &crate::store::signing_keys::Stored| {
            sealer.open(&key.kid, &key.sealed_private).is_some()
        };
        if !keys.is_empty() && keys.iter().all(opens) {
            MasterKey::promote_next(folder).map_err(load)?;
            return Ok(next);
        }
    }
    Ok(master)
}

/// Opens the keys; makes the first ones.
pub async fn open_keyring(
    settings: &Settings,
    store: &Arc<Store>,
    clock: &Clock,
    master: &MasterKey,
) -> Result<Keyring, Fault> {
    let sealer = Sealer::new(master)?;
    Keyring::open(Arc::clone(store), clock.clone(), sealer, settings.key_policy()).await
}

/// The issuer over an open database.
pub async fn open_issuer(
    settings: &Settings,
    store: &Arc<Store>,
    clock: &Clock,
) -> Outcome<Issuer> {
    let master = master_key(settings, store).await?;
    let keyring = open_keyring(settings, store, clock, &master).await?;
    let sealer = Sealer::new(&master)?;
    let rotation_key = RotationKey::open(store, clock, &sealer).await?;
    let outbound = outbound(settings)?;
    let providers = Providers::new(
        Arc::clone(store),
        sealer,
        outbound.clone(),
        clock.clone(),
        &settings.social,
    )?;
    providers.start().await?;
    Ok(Issuer::start(Parts {
        url: settings.issuer.clone(),
        clock: clock.clone(),
        store: Arc::clone(store),
        keyring: Arc::new(keyring),
        hasher: Hasher::new(settings.hashing.cost, settings.hashing.threads)?,
        limits: settings.limits,
        lifetimes: settings.lifetimes,
        sessions: settings.sessions,
        forms: FormsKey::new(&master)?,
        outbound,
        providers,
        visits: VisitKey::new(&master)?,
        browsers: BrowserKey::new(&master)?,
        rotation_key,
    })?)
}

impl Server {
    /// Starts serving where the settings say.
    pub async fn start(settings: Settings, clock: Clock) -> Outcome<Self> {
        let listener = bind("listen", settings.listen).await?;
        Self::start_on(listener, settings, clock).await
    }

    /// Starts serving on this listener.
    pub async fn start_on(
        listener: TcpListener,
        settings: Settings,
        clock: Clock,
    ) -> Outcome<Self> {
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
        let store = open_store(&settings).await?;
        let issuer = Arc::new(open_issuer(&settings, &store, &clock).await?);
        let shared = Shared::new(Arc::clone(&issuer), look(&settings)?);
        let router = web::router(Arc::clone(&shared));
        let strict_transport = issuer.url.is_https().then_some(settings.strict_transport);
        let edge = Edge::new(router, settings.trusted_proxies.clone(), strict_transport);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = jobs::start(&issuer, &settings, &stopped);
        tasks.extend(tls.clone().map(|tls| jobs::look_after_tls(tls, stopped.clone())));
        let mut http = settings.http;
        http.connections = listener::affordable(http.connections);
        let listener =
            Listener { socket: listener, tls, http, proxies: settings.trusted_proxies.clone() };
        let answer = move |peer, request| edge.call(peer, request);
        tasks.push(tokio::spawn(listener.serve(
            answer,
            stopped.clone(),
            settings.shutdown_deadline,
        )));
        if let Some(admin) = admin {
            tasks.push(tokio::spawn(telemetry::serve(admin, http, Arc::clone(&issuer), stopped)));
        }
        tracing::info!(%address, admin_address = admin_address.map(tracing::field::display), issuer = issuer.url.as_str(), "ready");
        Ok(Self { address, admin_address, issuer, shared, settings, stop, tasks, _lock: lock })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its metrics are.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// What its endpoints share.
    #[must_use]
    pub fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    /// Stops: says that it is not ready, waits for balancers to see it, lets what runs finish.
    pub async fn stop(self) {
        self.shared.drain();
        tokio::time::sleep(self.settings.shutdown_delay).await;
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the server did not stop well");
            }
        }
        tracing::info!("stopped");
    }
}

/// The way out; what is wrong with it is the operator's to know.
pub fn outbound(settings: &Settings) -> Outcome<Outbound> {
    Outbound::new(settings.outbound.clone()).or_else(|unusable| reject(unusable.to_string()))
}

/// The look of the pages: ours, or what the operator made of it.
pub fn look(settings: &Settings) -> Outcome<Look> {
    let look = match &settings.branding_dir {
        Some(folder) => Look::load(folder).or_else(|problems| {
            reject(format!("the branding is not good:\n  {}", problems.join("\n  ")))
        })?,
        None => Look::builtin(),
    };
    Ok(look.in_zone(settings.time_zone.clone()))
}

async fn bind_admin(settings: &Settings) -> Outcome<Option<TcpListener>> {
    let Some(address) = settings.admin_listen else { return Ok(None) };
    match bind("admin_listen", address).await {
        Err(error) if !settings.admin_listen_chosen => {
            tracing::warn!(%error, "there are no metrics: the default admin_listen cannot be used");
            Ok(None)
        }
        bound => bound.map(Some),
    }
}

async fn bind(setting: &str, address: SocketAddr) -> Outcome<TcpListener> {
    TcpListener::bind(address)
        .await
        .or_else(|error| reject(format!("{setting}: cannot listen on {address}: {error}")))
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Fault> {
    listener.local_addr().map_err(|error| Fault::internal("asking for the own address", error))
}
