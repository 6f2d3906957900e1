//! Opens the parts of an installation: its database, its master key, its keys.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::config::{self, Settings};
use crate::domain::clock::Clock;
use crate::domain::verdict::{Error, Fault, FaultKind, OrRejected, reject};
use crate::keys::keyring::Keyring;
use crate::keys::mail_key::MailKey;
use crate::keys::seal::{MasterKey, MasterKeySource, NoMasterKey, Sealer};
use crate::keys::secret_file::Unreadable;
use crate::mail::{Mailer, Post};
use crate::outbound::Outbound;
use crate::pages::Look;
use crate::redis_client::Redis;
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{self, Store, migrate, migration_status, sqlite_path};

/// Opens the database; creates it if there is none, and applies pending migrations. Refuses one that
/// a newer version changed.
pub async fn open_store(settings: &Settings, options: &store::Options) -> OrRejected<Arc<Store>> {
    migrate(&settings.database_url, options).await?;
    let store = Store::open(&settings.database_url, options).await?;
    Ok(Arc::new(match &settings.database_read_url {
        Some(url) => store.with_standby(url, options)?,
        None => store,
    }))
}

/// The pause between two attempts to reach a database that does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Opens the database; waits for a Postgres that does not answer yet.
pub(super) async fn wait_for_store(settings: &Settings) -> OrRejected<Arc<Store>> {
    let options = settings.database;
    let until = Instant::now() + options.wait;
    let mut told = sqlite_path(&settings.database_url)?.is_some();
    let waits = !told;
    loop {
        match open_store(settings, &options).await {
            Err(Error::Fault(fault))
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

/// How far this clock is ahead of the database's clock; `None`: the database has no clock of its
/// own.
pub async fn clock_skew(store: &Store, clock: &Clock) -> Result<Option<chrono::Duration>, Fault> {
    let before = clock.now();
    let there = store.clock().await?;
    let here = before + (clock.now() - before) / 2;
    Ok(there.map(|there| here - there))
}

/// Opens an existing database. It creates nothing and applies no migrations.
pub async fn open_existing_store(
    settings: &Settings,
    options: &store::Options,
) -> OrRejected<Arc<Store>> {
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

/// Refuses if there is no database.
pub fn check_existing_store(settings: &Settings) -> OrRejected<()> {
    if is_missing(settings)? {
        return reject(format!(
            "there is no database {}: database.url says where it is; serve or migrate up makes it",
            settings.database()
        ));
    }
    Ok(())
}

/// Whether the file of an SQLite database does not exist yet.
pub fn is_missing(settings: &Settings) -> Result<bool, Fault> {
    Ok(sqlite_path(&settings.database_url)?.is_some_and(|file| !file.exists()))
}

/// The master key. If the key folder has none, a new one is made, unless the database already holds
/// data that another master key sealed.
pub async fn master_key(settings: &Settings, store: &Store) -> OrRejected<MasterKey> {
    if let MasterKeySource::Folder(folder) = &settings.master_key
        && !MasterKey::is_in(folder)
        && !is_sealed(store).await?
    {
        let master = MasterKey::make(folder)?;
        tracing::info!(folder = %config::absolute(folder).display(), "made a new master key: keep a copy of it apart from the database");
        return Ok(master);
    }
    existing_master_key(settings, store).await
}

/// The existing master key. If a change of the master key was interrupted, the folder has two: the
/// key that opens the sealed data is used, and the file of the other one is put in order.
pub async fn existing_master_key(settings: &Settings, store: &Store) -> OrRejected<MasterKey> {
    let (master, is_next) = find_master_key(settings, store).await?;
    if is_next && let MasterKeySource::Folder(folder) = &settings.master_key {
        MasterKey::promote_next(folder)?;
    }
    Ok(master)
}

/// The master key that opens the keys of this database, and whether it is the one that an interrupted
/// change of the master key left behind. Refuses one that opens none of them. It changes nothing.
pub async fn find_master_key(settings: &Settings, store: &Store) -> OrRejected<(MasterKey, bool)> {
    let source = &settings.master_key;
    let master = match MasterKey::load(source) {
        Ok(master) => master,
        Err(error) => return without_master_key(settings, store, error).await,
    };
    let keys = signing_keys::list_all(store).await?;
    if keys.is_empty() {
        return Ok((master, false));
    }
    if let MasterKeySource::Folder(folder) = source
        && let Some(next) = MasterKey::load_next(folder)?
        && opened(&next, &keys)? == keys.len()
    {
        return Ok((next, true));
    }
    if opened(&master, &keys)? == 0 {
        return not_this_one(settings, &format!("{} holds another one", source.place()));
    }
    Ok((master, false))
}

/// How many of these keys the master key opens.
fn opened(master: &MasterKey, keys: &[StoredKey]) -> Result<usize, Fault> {
    let sealer = Sealer::new(master)?;
    Ok(keys.iter().filter(|key| sealer.open(&key.kid, &key.sealed_private).is_some()).count())
}

/// Whether the database holds what only one master key opens.
pub async fn is_sealed(store: &Store) -> Result<bool, Fault> {
    Ok(!signing_keys::list_all(store).await?.is_empty()
        || !store::providers::list_all(store).await?.is_empty())
}

/// Refuses because there is no master key. Where one sealed the database, this is said.
async fn without_master_key<T>(
    settings: &Settings,
    store: &Store,
    error: NoMasterKey,
) -> OrRejected<T> {
    let missing = |path: &Path| format!("{} does not exist", config::absolute(path).display());
    let found = match &error {
        NoMasterKey::Missing(path) => missing(path),
        NoMasterKey::File(Unreadable::Io(path, why)) if why.kind() == ErrorKind::NotFound => {
            missing(path)
        }
        NoMasterKey::Malformed(_) => error.to_string(),
        NoMasterKey::File(_) => return Err(error.into()),
    };
    if is_sealed(store).await? {
        return not_this_one(settings, &found);
    }
    Err(error.into())
}

fn not_this_one<T>(settings: &Settings, found: &str) -> OrRejected<T> {
    reject(format!(
        "the database {} was sealed under a master key, and {found}: put the right one back, or name it by keys_dir, master_key_file or master_key. After mapae key rewrap it is the new one",
        settings.database(),
    ))
}

/// Opens the keys. It makes none: [`Keyring::maintain`] does that.
pub async fn open_keyring(
    settings: &Settings,
    store: &Arc<Store>,
    clock: &Clock,
    master: &MasterKey,
) -> Result<Keyring, Fault> {
    let sealer = Sealer::new(master)?;
    Keyring::open(Arc::clone(store), clock.clone(), sealer, settings.key_policy()).await
}

/// Writes mails into the outbox, for a server to send; `None` if nothing is mailed.
pub async fn mailer(
    settings: &Settings,
    store: &Arc<Store>,
    clock: &Clock,
) -> OrRejected<Option<Mailer>> {
    if settings.mail.server.is_none() {
        return Ok(None);
    }
    let master = existing_master_key(settings, store).await?;
    let key = MailKey::open(store, clock, &Sealer::new(&master)?).await?;
    Ok(Some(Mailer::new(Arc::new(key))))
}

/// The HTTP client for calls to others. If its settings are unusable, the operator is told why.
pub fn outbound(settings: &Settings) -> OrRejected<Outbound> {
    Outbound::new(settings.outbound.clone()).or_else(|unusable| reject(unusable.to_string()))
}

/// Sends mails in this look; `None` if nothing is mailed.
pub fn post(settings: &Settings, look: Arc<Look>) -> OrRejected<Option<Post>> {
    let ca_file = settings.outbound.ca_file.as_deref();
    Post::new(&settings.mail, &settings.issuer, ca_file, look)
}

/// Redis, if there is one. It is connected if it answers within a second.
pub(super) async fn redis(settings: &Settings) -> OrRejected<Option<Redis>> {
    let Some(server) = &settings.redis.server else { return Ok(None) };
    let redis = Redis::new(server, settings.outbound.ca_file.as_deref()).or_else(reject)?;
    redis.look().await;
    Ok(Some(redis))
}

/// Whether Redis answers, for `mapae doctor`: a message is sent to which nobody listens. `None` if
/// there is no Redis.
pub async fn redis_answers(settings: &Settings) -> OrRejected<Option<bool>> {
    let Some(redis) = redis(settings).await? else { return Ok(None) };
    Ok(Some(redis.publish("mapae:doctor").await.is_ok()))
}

/// The look of the pages: the built-in one, or that of the operator's branding folder.
pub fn look(settings: &Settings) -> OrRejected<Look> {
    let look = match &settings.pages.branding_dir {
        Some(folder) => Look::load(folder).or_else(|problems| {
            reject(format!("the branding is not good:\n  {}", problems.join("\n  ")))
        })?,
        None => Look::builtin(),
    };
    Ok(look.in_zone(settings.pages.time_zone.clone()))
}
