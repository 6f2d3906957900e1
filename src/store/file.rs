//! The SQLite file: how it is created, locked for one server, and completed when the server stops.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::time::Instant;

use super::place::{self, DatabasePlace};
use super::pool::{Held, Pool};
use super::statement::STATEMENT_CACHE;
use crate::domain::verdict::Fault;

/// The largest size that SQLite's log keeps on the disk when it is empty, in bytes. It is a little
/// more than the size to which the log grows before a checkpoint.
const LOG: &str = "33554432";

/// The options to open the file. It exists already: a file that was deleted is not created again.
pub(super) fn options(
    given: &SqliteConnectOptions,
    lock_timeout: Duration,
) -> SqliteConnectOptions {
    given
        .clone()
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // A statement that changes several rows keeps a journal of its own. Without this setting,
        // SQLite creates, writes and removes a file each time.
        .pragma("temp_store", "memory")
        // Fewer checkpoints: a page that changes often is copied back once for many changes.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", LOG)
        .busy_timeout(lock_timeout)
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging()
}

/// The options of the connection that writes.
pub(super) fn options_to_write(
    given: &SqliteConnectOptions,
    lock_timeout: Duration,
) -> SqliteConnectOptions {
    // At most 16 MB, taken page by page. Without this setting it is 2 MB, in which the inner pages of the
    // trees of ten million rows have no room: each change reads several of them anew.
    options(given, lock_timeout).pragma("cache_size", "-16000")
}

/// The file of an SQLite URL; `None` for Postgres.
pub fn sqlite_path(url: &str) -> Result<Option<PathBuf>, Fault> {
    Ok(match place::read(url)? {
        DatabasePlace::Sqlite(options) => Some(options.get_filename().to_path_buf()),
        DatabasePlace::Postgres(_) => None,
    })
}

/// Every file of an SQLite database, whether or not it is there now; none for Postgres.
pub fn sqlite_files(url: &str) -> Result<Vec<PathBuf>, Fault> {
    let Some(path) = sqlite_path(url)? else { return Ok(Vec::new()) };
    // SQLite names its log after the file that a symbolic link leads to.
    let real = std::fs::canonicalize(&path).unwrap_or(path);
    let with = |suffix: &str| {
        let mut name = real.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    Ok(["", "-wal", "-shm", "-journal", ".serve-lock", ".migrate-lock"].map(with).to_vec())
}

/// Creates the file if it is missing, readable only by its owner. A file with several names (hard
/// links) is refused: the log of SQLite belongs to a name, so two logs would destroy the data.
pub(super) fn make(path: &Path) -> Result<(), Fault> {
    let fault = |error: std::io::Error| unwritable("making the database", path, &error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(fault)?;
    }
    if !path.exists() {
        private_file().open(path).map_err(fault)?;
    }
    let names = names(path).map_err(fault)?;
    if names > 1 {
        let why = format!(
            "{} has {names} names (hard links); SQLite needs a file with one: remove the others, or copy it",
            path.display()
        );
        return Err(Fault::internal("opening the database", why));
    }
    Ok(())
}

/// A fault of the file system, with the path and the setting that says it.
pub(super) fn unwritable(doing: &'static str, path: &Path, error: &std::io::Error) -> Fault {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let why = format!(
        "{}: {error}: database.url says where it is, and its folder must be writable",
        absolute.display()
    );
    Fault::unavailable(doing, why)
}

#[cfg(unix)]
fn names(path: &Path) -> std::io::Result<u64> {
    std::fs::metadata(path).map(|file| std::os::unix::fs::MetadataExt::nlink(&file))
}

/// A lock that a server holds while it runs on an SQLite file. The operating system releases it
/// when the process ends.
#[derive(Debug)]
pub struct ServeLock(#[expect(dead_code, reason = "held, not read")] Option<File>);

impl ServeLock {
    /// Takes the lock; `None` when another server runs on this file. Postgres needs no lock.
    pub fn take(url: &str) -> Result<Option<Self>, Fault> {
        let Some(path) = sqlite_path(url)? else { return Ok(Some(Self(None))) };
        let fault = |error: std::io::Error| unwritable("locking the database", &path, &error);
        make(&path)?;
        let file = lock(&path, "serve-lock").map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Some(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fault(error)),
        }
    }
}

/// Opens a lock file next to the database file itself, whichever name was given for it.
pub(super) fn lock(path: &Path, suffix: &str) -> std::io::Result<File> {
    let mut name = std::fs::canonicalize(path)?.into_os_string();
    name.push(format!(".{suffix}"));
    private_file().open(PathBuf::from(name))
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Copies everything from the log into the file and closes the connection.
pub(super) async fn fold(pool: &Arc<Pool>, mut writer: Held) {
    let deadline = Instant::now() + pool.how().statement;
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    let folded = pool.within(&mut writer, deadline, async |raw| raw.run(fold).await).await;
    if let Err(cause) = folded {
        tracing::warn!(?cause, "the log of the database was not copied into its file");
    }
    writer.close().await;
}
