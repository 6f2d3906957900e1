//! The composition root: settings become a running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::accounts::hashing::{Hasher, Hashing};
use crate::domain::clock::Clock;
use crate::domain::verdict::{Error, Fault, FaultKind, Rejected, reject};
use crate::keys::keyring::Keyring;
use crate::keys::known_browsers::KnownBrowsersKey;
use crate::keys::rotation::RotationKey;
use crate::keys::seal::{BrowserKey, FormsKey, MasterKey, Sealer, Source, VisitKey};
use crate::net::listener::{self, Listener};
use crate::net::tls::Tls;
use crate::oauth::{Issuer, Parts};
use crate::outbound::Outbound;
use crate::pages::Look;
use crate::runtime::supervisor::Supervisor;
use crate::social::registry::Providers;
use crate::store::{self, ServeLock, Store, migrate, migration_status, signing_keys, sqlite_path};
use crate::web::edge::Edge;
use crate::web::{self, Shared};

pub mod config;
mod jobs;
mod log_lines;
mod log_queue;
mod pace;
pub mod providers;
pub mod telemetry;

use config::Settings;

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

/// After the deadline of a stop, for closing the connections that are left.
const LAST_STEPS: Duration = Duration::from_millis(250);

/// Opens the database, makes it where there is none, and brings its schema up to date.
pub async fn open_store(
    settings: &Settings,
    options: &store::Options,
) -> Result<Arc<Store>, Fault> {
    migrate(&settings.database_url, options).await?;
    Ok(Arc::new(Store::open(&settings.database_url, options).await?))
}

/// Between two attempts to reach a database that does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Opens the database; waits for a Postgres that does not answer yet.
async fn wait_for_store(settings: &Settings) -> Result<Arc<Store>, Fault> {
    let options = settings.database;
    let until = Instant::now() + options.wait;
    let mut told = sqlite_path(&settings.database_url)?.is_some();
    let waits = !told;
    loop {
        match open_store(settings, &options).await {
            Err(fault)
                if waits && fault.kind() == FaultKind::Unavailable && Instant::now() < until =>
            {
                if !told {
                    tracing::warn!(%fault, wait = ?options.wait, "waiting for the database");
                    told = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            ended => return ended,
        }
    }
}

/// Clocks of replicas that are further apart than this need somebody to look at them.
pub const SKEW: chrono::Duration = chrono::Duration::seconds(1);

/// How far this clock is ahead of that of the database; none where it has no clock of its own.
pub async fn clock_skew(store: &Store, clock: &Clock) -> Result<Option<chrono::Duration>, Fault> {
    let before = clock.now();
    let there = store.clock().await?;
    let here = before + (clock.now() - before) / 2;
    Ok(there.map(|there| here - there))
}

/// Opens the database as it is. Nothing is made and nothing is migrated.
pub async fn open_existing_store(
    settings: &Settings,
    options: &store::Options,
) -> Outcome<Arc<Store>> {
    check_existing_store(settings)?;
    let states = migration_status(&settings.database_url, options).await?;
    let pending = states.iter().filter(|one| !one.applied).count();
    match pending {
        0 => Ok(Arc::new(Store::open(&settings.database_url, options).await?)),
        all if all == states.len() => reject(format!(
            "the database {} is empty: serve or migrate up makes its tables",
            settings.database()
        )),
        _ => reject(format!(
            "the database {} is of an older version, {pending} migrations are pending: serve or migrate up applies them",
            settings.database()
        )),
    }
}

/// Refuses where there is no database.
pub fn check_existing_store(settings: &Settings) -> Outcome<()> {
    if is_missing(settings)? {
        return reject(format!(
            "there is no database {}: database_url says where it is; serve or migrate up makes it",
            settings.database()
        ));
    }
    Ok(())
}

/// Whether the file of an SQLite database is not there yet.
pub fn is_missing(settings: &Settings) -> Result<bool, Fault> {
    Ok(sqlite_path(&settings.database_url)?.is_some_and(|file| !file.exists()))
}

/// The master key; an own folder that has none gets one, unless the database has something already
/// that another master key sealed.
pub async fn master_key(settings: &Settings, store: &Store) -> Outcome<MasterKey> {
    match &settings.master_key {
        Source::Folder(folder) if !MasterKey::is_in(folder) => {
            let is_sealed = !signing_keys::list_all(store).await?.is_empty()
                || !store::providers::list_all(store).await?.is_empty();
            if is_sealed {
                return reject(format!(
                    "the database {} was sealed under a master key, and {} has none: put master.key back there, or name it by keys_dir, master_key_file or master_key",
                    settings.database(),
                    config::absolute(folder).display(),
                ));
            }
            let master = MasterKey::make(folder)?;
            tracing::info!(folder = %config::absolute(folder).display(), "made a new master key: keep a copy of it apart from the database");
            Ok(master)
        }
        _ => existing_master_key(settings, store).await,
    }
}

/// The master key that is there. In a folder where its change was interrupted, it is the one that
/// opens what is sealed in the database; the file of the other is put in order.
pub async fn existing_master_key(settings: &Settings, store: &Store) -> Outcome<MasterKey> {
    let master = MasterKey::load(&settings.master_key)?;
    if let Source::Folder(folder) = &settings.master_key
        && let Some(next) = MasterKey::load_next(folder)?
    {
        let keys = signing_keys::list_all(store).await?;
        let sealer = Sealer::new(&next)?;
        let opens =
            |key: &signing_keys::Stored| sealer.open(&key.kid, &key.sealed_private).is_some();
        if !keys.is_empty() && keys.iter().all(opens) {
            MasterKey::promote_next(folder)?;
            return Ok(next);
        }
    }
    Ok(master)
}

/// Opens the keys. None is made: [`Keyring::maintain`] does that.
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
    master: &MasterKey,
) -> Outcome<Issuer> {
    let keyring = open_keyring(settings, store, clock, master).await?;
    let sealer = Sealer::new(master)?;
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
    let supervisor = Supervisor::default();
    let Hashing { cost, threads } = settings.hashing;
    Ok(Issuer::start(Parts {
        url: settings.issuer.clone(),
        clock: clock.clone(),
        store: Arc::clone(store),
        keyring: Arc::new(keyring),
        hasher: Hasher::supervised(cost, threads, &supervisor)?,
        supervisor,
        limits: settings.limits,
        lifetimes: settings.lifetimes,
        families_per_client: settings.families_per_client.into(),
        sessions: settings.sessions,
        forms: FormsKey::new(master)?,
        outbound,
        providers,
        visits: VisitKey::new(master)?,
        browsers: BrowserKey::new(master)?,
        rotation_key,
        known_browsers: KnownBrowsersKey::new(master)?,
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
        let store = wait_for_store(&settings).await?;
        if signing_keys::list_all(&*store).await?.is_empty() {
            tracing::info!(database = settings.database(), "made a new database");
        }
        let master = master_key(&settings, &store).await?;
        let issuer = Arc::new(open_issuer(&settings, &store, &clock, &master).await?);
        issuer.keyring.maintain().await?;
        let shared = Shared::new(Arc::clone(&issuer), look(&settings)?);
        let router = web::router(Arc::clone(&shared));
        let strict_transport = issuer.url.is_https().then_some(settings.strict_transport);
        let edge = Edge::new(router, settings.trusted_proxies.clone(), strict_transport);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = jobs::start(&issuer, &settings, &stopped);
        tasks.extend(
            tls.clone().map(|tls| jobs::look_after_tls(&issuer.supervisor, tls, stopped.clone())),
        );
        let mut http = settings.http;
        http.connections = listener::affordable(http.connections);
        let listener =
            Listener { socket: listener, tls, http, proxies: settings.trusted_proxies.clone() };
        let answer = move |peer, request| edge.call(peer, request);
        tasks.push(tokio::spawn(listener.serve(
            answer,
            stopped.clone(),
            settings.shutdown.deadline,
        )));
        if let Some(admin) = admin {
            tasks.push(tokio::spawn(telemetry::serve(admin, http, Arc::clone(&issuer), stopped)));
        }
        tracing::info!(%address, admin_address = admin_address.map(tracing::field::display), issuer = issuer.url.as_str(), database = settings.database(), "ready");
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

    /// The longest that stopping may take.
    #[must_use]
    pub fn longest_stop(&self) -> Duration {
        self.settings.shutdown.delay + self.settings.shutdown.deadline
    }

    /// Stops: says that it is not ready, waits for balancers to see it, lets what runs finish until
    /// the deadline.
    pub async fn stop(self) {
        self.shared.drain();
        tokio::time::sleep(self.settings.shutdown.delay).await;
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(true);
        self.issuer.supervisor.stop();
        let deadline = Instant::now() + self.settings.shutdown.deadline + LAST_STEPS;
        for mut task in self.tasks {
            match timeout_at(deadline, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a part of the server did not stop well"),
                // Whatever it was doing is done again by the next start, or was not begun.
                Err(_) => {
                    task.abort();
                    tracing::warn!("a part of the server did not stop before the deadline");
                }
            }
        }
        self.issuer.store.close().await;
        tracing::info!("stopped");
    }
}

/// The way out; what is wrong with it is the operator's to know.
pub fn outbound(settings: &Settings) -> Outcome<Outbound> {
    Outbound::new(settings.outbound.clone()).or_else(|unusable| reject(unusable.to_string()))
}

/// The look of the pages: ours, or what the operator made of it.
pub fn look(settings: &Settings) -> Outcome<Look> {
    let look = match &settings.pages.branding_dir {
        Some(folder) => Look::load(folder).or_else(|problems| {
            reject(format!("the branding is not good:\n  {}", problems.join("\n  ")))
        })?,
        None => Look::builtin(),
    };
    Ok(look.in_zone(settings.pages.time_zone.clone()))
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
