//! Backups of the database, restoring them, and copying one database to another.

use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};

use super::authority::{ChangeKeys, May};
use super::replacing::Place;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::verdict::{Error, Fault, OrRejected, Rejected, reject};
use crate::keys::seal::{MasterKey, MasterKeySource, Sealer};
use crate::store::backup::{self, BackupReader, Header, Written};
use crate::store::comparing::{self, Compared};
use crate::store::restoring::{self, How, Restored};
use crate::store::revisions::Epoch;
use crate::store::signing_keys::StoredKey;
use crate::store::tables::Snapshot;
use crate::store::{Options, Store, audit_events};

/// How many bytes are read or written at once.
const AT_ONCE: usize = 256 * 1024;
/// How many bytes a copy has on their way.
const ON_THE_WAY: usize = 1024 * 1024;

/// A whole database is for the operator at the command line alone, whoever has which rights.
fn only_operator(may: &May<ChangeKeys>) -> OrRejected {
    if may.is_operator() { Ok(()) } else { reject("this is for the command line alone") }
}

/// Writes a backup of the database at this URL into a file that its owner alone may read, which
/// appears whole or not at all, or into a fifo or a device.
pub async fn back_up(
    may: &May<ChangeKeys>,
    url: &str,
    options: &Options,
    to: &Place,
    clock: &Clock,
) -> OrRejected<Written> {
    only_operator(may)?;
    let named = |error: std::io::Error| Rejected(format!("{}: {error}", to.path().display()));
    // A fifo waits here for whoever reads it, and holds no state of the database meanwhile.
    let (draft, opened) = to.begin().map_err(named)?;
    let snapshot = Snapshot::take(url, options).await?;
    if snapshot.migrations.is_empty() {
        return reject("the database is empty: there is nothing to back up");
    }
    let mut writing = BufWriter::with_capacity(AT_ONCE, File::from_std(opened));
    let written = backup::write(snapshot, &mut writing, clock.now()).await?;
    writing.flush().await.map_err(named)?;
    if let Some(draft) = draft {
        writing.get_ref().sync_all().await.map_err(named)?;
        draft.keep().map_err(named)?;
    }
    Ok(written)
}

/// Reads a backup to its end: whether it is whole, and what is in it.
pub async fn verify(may: &May<ChangeKeys>, file: &Path) -> OrRejected<Header> {
    only_operator(may)?;
    let of_file = |error| in_file(file, error);
    backup::verify(opened(file).await?).await.map_err(of_file)
}

async fn opened(file: &Path) -> OrRejected<BufReader<File>> {
    match File::open(file).await {
        Ok(opened) => Ok(BufReader::with_capacity(AT_ONCE, opened)),
        Err(error) => reject(format!("{}: {error}", file.display())),
    }
}

fn in_file(file: &Path, error: Error<Rejected>) -> Error<Rejected> {
    error.map(|Rejected(why)| Rejected(format!("{}: {why}", file.display())))
}

/// Where a backup is restored.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The URL of the database.
    pub url: &'a str,
    /// How it is used.
    pub options: &'a Options,
    /// The last state of the numbers that never go back, if it is known.
    pub last: Epoch,
    /// The master key with which servers will work on it.
    pub master_key: &'a MasterKeySource,
}

/// Fills a database with a backup. Every status list of it is closed: what was revoked since the backup
/// is not known to it. With `force` a database that is not empty is replaced.
pub async fn restore(
    may: &May<ChangeKeys>,
    file: &Path,
    into: Destination<'_>,
    force: bool,
    clock: &Clock,
) -> OrRejected<Restored> {
    // It is read twice, so that a damaged one is refused before anything is touched.
    verify(may, file).await?;
    let reader =
        BackupReader::open(opened(file).await?).await.map_err(|error| in_file(file, error))?;
    let made_at = reader.header.made_at;
    let Destination { url, options, last, master_key } = into;
    let how = How { force, close_lists: Some(last), now: clock.now() };
    let check = |keys: &[StoredKey]| check_keys(master_key, keys);
    let restored = restoring::restore(reader, url, options, how, Some(&check)).await?;
    let store = Store::open(url, options).await?;
    let noted = note(&store, clock, &restored, &made_at.to_rfc3339()).await;
    store.close().await;
    noted?;
    Ok(restored)
}

/// Refuses keys that this master key does not open: nothing could be done with their database.
fn check_keys(master_key: &MasterKeySource, keys: &[StoredKey]) -> OrRejected {
    if keys.is_empty() {
        return Ok(());
    }
    let mut candidates = vec![MasterKey::load(master_key)?];
    // It becomes the current one at a start if it is the one that opens everything.
    if let MasterKeySource::Folder(folder) = master_key {
        candidates.extend(MasterKey::load_next(folder)?);
    }
    for candidate in &candidates {
        let sealer = Sealer::new(candidate)?;
        if keys.iter().all(|key| sealer.open(&key.kid, &key.sealed_private).is_some()) {
            return Ok(());
        }
    }
    let place = master_key.files().first().map(|file| file.display().to_string());
    reject(format!(
        "the master key in {} does not open the signing keys of the backup, so nothing was changed: put the master key of the time of the backup there, or name it by keys_dir, master_key_file or master_key",
        place.as_deref().unwrap_or("the setting master_key")
    ))
}

async fn note(store: &Store, clock: &Clock, restored: &Restored, made: &str) -> Result<(), Fault> {
    let tx = store.begin(clock.now()).await?;
    let closed = restored.closed_lists.to_string();
    let events = [
        Event::new(EventKind::DatabaseRestored).detail(made),
        Event::new(EventKind::StatusListsClosed).detail(closed),
    ];
    audit_events::insert(&tx, &events).await?;
    tx.commit().await
}

/// Makes a copy of a backup silent: nothing that waits in it is sent or ended.
pub async fn silence(may: &May<ChangeKeys>, store: &Store, clock: &Clock) -> OrRejected {
    only_operator(may)?;
    let tx = store.begin(clock.now()).await?;
    restoring::forget_what_waits(&tx).await?;
    Ok(tx.commit().await?)
}

/// Copies one database to another, and compares every row of both afterwards. Nothing else may write
/// to the first one meanwhile.
pub async fn copy(
    may: &May<ChangeKeys>,
    from: &str,
    to: &str,
    options: &Options,
    force: bool,
    clock: &Clock,
) -> OrRejected<Compared> {
    only_operator(may)?;
    let _lock = restoring::not_served(from, options).await?;
    let snapshot = Snapshot::take(from, options).await?;
    let pending = snapshot.pending();
    if !pending.is_empty() {
        return reject(format!(
            "{} migrations are pending in the database: migrate up applies them",
            pending.len()
        ));
    }
    let (reading, writing) = tokio::io::duplex(ON_THE_WAY);
    let sending = async move {
        let mut writing = BufWriter::with_capacity(AT_ONCE, writing);
        backup::write(snapshot, &mut writing, clock.now()).await
    };
    let filling = async move {
        let reader = BackupReader::open(BufReader::with_capacity(AT_ONCE, reading)).await?;
        let how = How { force, close_lists: None, now: clock.now() };
        restoring::restore(reader, to, options, how, None).await
    };
    let (sent, filled) = tokio::join!(sending, filling);
    // If filling is refused, sending fails as a consequence, unless it failed first.
    match (sent, filled) {
        (Ok(_), filled) => drop(filled?),
        (Err(_), Err(refused @ Error::Refused(Rejected(_)))) => return Err(refused),
        (Err(fault), _) => return Err(fault.into()),
    }
    let (one, other) = (Snapshot::take(from, options).await?, Snapshot::take(to, options).await?);
    comparing::compare(one, other).await.map_err(|error| {
        error.map(|Rejected(why)| Rejected(format!("the copy must not be used: {why}")))
    })
}
