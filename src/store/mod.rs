//! The database: one file = one table, free functions that take a [`Reader`] to read and a
//! [`Tx`] to write. SQLite and Postgres run the same code.
//!
//! Invariants: every write happens in a [`Tx`]; on SQLite there is one writer connection, begun
//! IMMEDIATE, with WAL and `synchronous=FULL`, so what was answered is on the disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mapae_migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::domain::verdict::Fault;

mod account_keys;
pub mod apps;
pub mod audit_events;
pub mod authorization_codes;
pub mod browsers;
pub mod client_changes;
pub mod clients;
mod column;
pub mod consents;
pub mod endings;
pub mod families;
pub mod identities;
pub mod interactions;
pub mod known_addresses;
pub mod live;
pub mod logout_notices;
pub mod providers;
pub mod revisions;
pub mod revoked_access_tokens;
pub mod sealed_keys;
pub mod sessions;
pub mod signing_keys;
pub mod successions;
pub mod throttles;
mod tx;
pub mod used_assertions;
pub mod users;
pub mod visits;

pub use tx::Tx;

/// Whoever can read: the [`Store`] for what is committed, a [`Tx`] for what it sees itself.
pub trait Reader: Sync {
    /// The connection behind it.
    type Connection: ConnectionTrait;

    /// The connection behind it.
    fn connection(&self) -> &Self::Connection;
}

/// The open database.
#[derive(Debug)]
pub struct Store {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Reader for Store {
    type Connection = DatabaseConnection;

    fn connection(&self) -> &DatabaseConnection {
        &self.reader
    }
}

/// A migration and whether it was applied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MigrationState {
    /// Its name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

impl Store {
    /// Opens the database; makes an SQLite file that is missing, readable by its owner alone.
    pub async fn open(url: &str) -> Result<Self, Fault> {
        let fault = |error| opening(error);
        if let Some(path) = sqlite_path(url)? {
            make_private(&path)
                .map_err(|error| Fault::unavailable("making the database", error))?;
            let writer = Database::connect(sqlite(url, 1)).await.map_err(fault)?;
            let reader = Database::connect(sqlite(url, 2)).await.map_err(fault)?;
            return Ok(Self { reader, writer });
        }
        let pool = Database::connect(postgres(url, 10)).await.map_err(fault)?;
        Ok(Self { reader: pool.clone(), writer: pool })
    }

    /// Begins a transaction at this instant.
    pub async fn begin(&self, now: DateTime<Utc>) -> Result<Tx, Fault> {
        // A deferred transaction that reads and then writes fails at the upgrade in SQLite.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let inner = self
            .writer
            .begin_with_options(options)
            .await
            .map_err(|error| Fault::unavailable("beginning a transaction", error))?;
        Ok(Tx::new(inner, now))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.reader.ping().await.map_err(|error| Fault::unavailable("asking the database", error))
    }

    /// Closes every connection.
    pub async fn close(self) {
        for connection in [self.writer, self.reader] {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a database connection did not close well");
            }
        }
    }
}

/// Applies what is missing. One process at a time does it: the others wait.
pub async fn migrate(url: &str) -> Result<(), Fault> {
    let fault = |error| Fault::unavailable("migrating the database", error);
    if let Some(path) = sqlite_path(url)? {
        make_private(&path).map_err(|error| Fault::unavailable("making the database", error))?;
        let database = Database::connect(sqlite(url, 1)).await.map_err(fault)?;
        if is_current(&database).await? {
            return database.close().await.map_err(fault);
        }
        let lock = lock_file(&path, "migrate-lock")
            .map_err(|error| Fault::unavailable("locking the database for migration", error))?;
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
            .await
            .map_err(|error| Fault::internal("waiting for the migration lock", error))?
            .map_err(|error| Fault::unavailable("locking the database for migration", error))?;
        Migrator::up(&database, None).await.map_err(fault)?;
        drop(lock);
        return database.close().await.map_err(fault);
    }
    let database = Database::connect(postgres(url, 1)).await.map_err(fault)?;
    if !is_current(&database).await? {
        // The pool has one connection, so the lock, the work and the unlocking share a session.
        let key = "SELECT pg_advisory_lock(7020370001)";
        database.execute_unprepared(key).await.map_err(fault)?;
        let applied = Migrator::up(&database, None).await;
        let key = "SELECT pg_advisory_unlock(7020370001)";
        database.execute_unprepared(key).await.map_err(fault)?;
        applied.map_err(fault)?;
    }
    database.close().await.map_err(fault)
}

/// Every migration and whether it was applied. Writes nothing.
pub async fn migration_status(url: &str) -> Result<Vec<MigrationState>, Fault> {
    let fault = |error| Fault::unavailable("reading the migrations", error);
    let every = Migrator::migrations().into_iter().map(|migration| migration.name().to_owned());
    let pending = match sqlite_path(url)? {
        Some(path) if !path.exists() => None,
        path => {
            let options = if path.is_some() { sqlite(url, 1) } else { postgres(url, 1) };
            let database = Database::connect(options).await.map_err(fault)?;
            let pending = pending(&database).await?;
            database.close().await.map_err(fault)?;
            Some(pending)
        }
    };
    Ok(every
        .map(|name| {
            let applied = pending.as_ref().is_some_and(|pending| !pending.contains(&name));
            MigrationState { name, applied }
        })
        .collect())
}

async fn is_current(database: &DatabaseConnection) -> Result<bool, Fault> {
    Ok(pending(database).await?.is_empty())
}

async fn pending(database: &DatabaseConnection) -> Result<Vec<String>, Fault> {
    let pending = Migrator::get_pending_migrations_read_only(database)
        .await
        .map_err(|error| Fault::unavailable("reading the migrations", error))?;
    Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
}

/// Held while a server runs on an SQLite file. The operating system frees it with the process.
#[derive(Debug)]
pub struct ServeLock(#[expect(dead_code, reason = "held, not read")] Option<File>);

impl ServeLock {
    /// Takes the lock, or `None` when another server runs on this file. Postgres needs none.
    pub fn take(url: &str) -> Result<Option<Self>, Fault> {
        let fault = |error| Fault::unavailable("locking the database", error);
        let Some(path) = sqlite_path(url)? else { return Ok(Some(Self(None))) };
        make_private(&path).map_err(fault)?;
        let file = lock_file(&path, "serve-lock").map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Some(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(fault(error)),
        }
    }
}

/// The file of an SQLite URL; `None` for Postgres.
pub fn sqlite_path(url: &str) -> Result<Option<PathBuf>, Fault> {
    if !url.starts_with("sqlite:") {
        return Ok(None);
    }
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| Fault::internal("reading the database URL", error))?;
    Ok(Some(options.get_filename().to_path_buf()))
}

fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    private_file().open(path).map(drop)
}

/// Beside the file itself, whatever names lead to it.
fn lock_file(path: &Path, suffix: &str) -> std::io::Result<File> {
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

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = common(url, connections);
    options.test_before_acquire(false).map_sqlx_sqlite_opts(|options| {
        options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // A statement that changes several rows keeps a journal of its own: without this it
            // makes, writes and removes a file each time.
            .pragma("temp_store", "memory")
            // Fewer checkpoints: a page that changes often is copied back once for many changes.
            .pragma("wal_autocheckpoint", "4000")
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(STATEMENT_CACHE)
    });
    options
}

fn postgres(url: &str, connections: u32) -> ConnectOptions {
    let mut options = common(url, connections);
    options
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(1))
        .map_sqlx_postgres_opts(|options| options.statement_cache_capacity(STATEMENT_CACHE));
    options
}

fn common(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(3))
        .connect_timeout(Duration::from_secs(3))
        .sqlx_logging(false);
    options
}

/// Room for every statement and for the batched ones in each of their sizes.
const STATEMENT_CACHE: usize = 512;

fn opening(error: DbErr) -> Fault {
    Fault::unavailable("opening the database", error)
}

/// Rows that one statement writes: a statement of both databases has room for so many values, and
/// whatever has more rows is written by several.
const ROWS: usize = 500;

/// Turns a database error into the fault of what was being done.
fn while_doing(doing: &'static str) -> impl Fn(DbErr) -> Fault {
    move |error| Fault::unavailable(doing, error)
}

/// Deletes at most this many rows that nobody asks for any more: expiry is decided when a row is
/// read, so this is housekeeping alone, in steps short enough for the one writer of SQLite.
async fn housekeep<E: sea_orm::EntityTrait>(
    tx: &Tx,
    table: E,
    key: E::Column,
    expired: sea_orm::sea_query::SimpleExpr,
    at_most: u64,
) -> Result<u64, Fault> {
    use sea_orm::sea_query::{Expr, ExprTrait, Query};
    let old = Query::select().column(key).from(table).and_where(expired).limit(at_most).to_owned();
    let delete =
        Query::delete().from_table(table).and_where(Expr::col(key).in_subquery(old)).to_owned();
    let deleted = tx.connection().execute(&delete).await;
    Ok(deleted.map_err(while_doing("cleaning up"))?.rows_affected())
}
