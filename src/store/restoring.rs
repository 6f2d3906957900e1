//! Restoring: fills a database with the rows of a backup, wholly or not at all.
//!
//! An SQLite database is built beside the old file and takes its place by one rename. On Postgres one
//! transaction makes the tables anew and fills them. First the tables are made as they were in the
//! backup, and after its rows the later migrations run, so a backup of an older mapae is brought up to
//! date as its database would have been.

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mapae_migrations::Migrator;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement, TransactionTrait, Value,
};
use sea_orm_migration::MigratorTrait;
use serde::Serialize;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::io::AsyncBufRead;

use super::backup::{BackupReader, Header};
use super::cause::{self, while_doing};
use super::file::{self, ServeLock};
use super::migrating;
use super::options::Options;
use super::place::{self, DatabasePlace};
use super::reader::Reader;
use super::revisions::Epoch;
use super::signing_keys::{self, StoredKey};
use super::tables::{Cell, ColumnType, Row, Table};
use super::tx::Tx;
use super::{server, status_lists};
use crate::domain::random;
use crate::domain::verdict::{Fault, OrRejected, reject};

const RESTORING: &str = "restoring the database";

/// How a database is filled.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Whether a database that is not empty is replaced.
    pub force: bool,
    /// Whether the copy is older than what was issued since: then every status list is closed, and its
    /// numbers are raised above these.
    pub close_lists: Option<Epoch>,
    /// The instant.
    pub now: DateTime<Utc>,
}

/// Refuses signing keys that could not be used. It is asked before what is there is replaced.
pub type KeyCheck<'a> = &'a (dyn Fn(&[StoredKey]) -> OrRejected + Sync);

/// What was written.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Restored {
    /// How many rows of each table.
    pub tables: Vec<(String, u64)>,
    /// How many rows together.
    pub rows: u64,
    /// How many status lists were closed.
    pub closed_lists: u64,
}

/// Fills the database at this URL with the rows of a backup.
pub async fn restore<R: AsyncBufRead + Unpin>(
    from: BackupReader<R>,
    url: &str,
    options: &Options,
    how: How,
    check: Option<KeyCheck<'_>>,
) -> OrRejected<Restored> {
    match place::read(url)? {
        DatabasePlace::Sqlite(given) => {
            restore_file(from, (url, given.get_filename()), options, how, check).await
        }
        DatabasePlace::Postgres(place) => restore_server(from, &place, options, how, check).await,
    }
}

/// Refuses where a server works on this database. On SQLite, nobody can begin to until the lock is
/// dropped; on Postgres, the leases of its jobs tell.
pub async fn not_served(url: &str, options: &Options) -> OrRejected<Option<ServeLock>> {
    match place::read(url)? {
        DatabasePlace::Sqlite(_) => match ServeLock::take(url)? {
            Some(lock) => Ok(Some(lock)),
            None => reject("a server runs on this database file: stop it first"),
        },
        DatabasePlace::Postgres(place) => {
            let database = postgres(&place, options).await?;
            let served = is_served(&database).await;
            let closed = database.close().await.map_err(while_doing(RESTORING));
            if served? {
                return reject(SERVED);
            }
            closed?;
            Ok(None)
        }
    }
}

const SERVED: &str =
    "a server works on this database: stop every server, then wait for fifteen seconds";

/// Deletes the messages that wait to be sent and the endings that wait to be carried out: in a copy
/// that is only looked at, nobody is told anything.
pub async fn forget_what_waits(tx: &Tx) -> Result<(), Fault> {
    for table in ["outbox", "ending"] {
        let delete = format!("DELETE FROM {table}");
        tx.connection().execute_unprepared(&delete).await.map_err(while_doing(RESTORING))?;
    }
    Ok(())
}

/// Removes what is left of a file that was not finished.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".restore-{}", random::identifier()));
        Self(PathBuf::from(name))
    }

    fn url(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.0)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            // They are checked at the end, all at once.
            .foreign_keys(false)
            .disable_statement_logging()
    }
}

/// Removes what restores left behind that were killed. Nobody else restores: the lock is held.
fn remove_drafts(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    let ours = format!("{}.restore-", name.to_string_lossy());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&ours) {
            // What cannot be removed is only in the way of the disk.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // Mostly there is none of them.
            let _ = std::fs::remove_file(PathBuf::from(name));
        }
    }
}

/// Removes the empty file and its lock that a refused restore would leave behind.
struct Unmade<'a>(Option<&'a Path>);

impl Drop for Unmade<'_> {
    fn drop(&mut self) {
        let Some(path) = self.0 else { return };
        let is_empty = std::fs::metadata(path).is_ok_and(|file| file.len() == 0);
        if is_empty {
            let mut lock = path.as_os_str().to_owned();
            lock.push(".serve-lock");
            let _ = std::fs::remove_file(path);
            let _ = std::fs::remove_file(PathBuf::from(lock));
        }
    }
}

async fn restore_file<R: AsyncBufRead + Unpin>(
    from: BackupReader<R>,
    (url, path): (&str, &Path),
    options: &Options,
    how: How,
    check: Option<KeyCheck<'_>>,
) -> OrRejected<Restored> {
    let unmade = Unmade((!path.exists()).then_some(path));
    let _lock = not_served(url, options).await?;
    // The name behind symbolic links: they stay.
    let fault = |error: std::io::Error| Fault::internal(RESTORING, error);
    let real = std::fs::canonicalize(path).map_err(fault)?;
    let has_content = std::fs::metadata(&real).map_err(fault)?.len() > 0;
    if has_content {
        let old = file::options(&SqliteConnectOptions::new().filename(&real), options.lock_timeout);
        let opened = sqlite(old).await?;
        let used = if how.force { Ok(None) } else { a_used_table(&opened).await };
        // What is in the log belongs to the old file. It must not be read with the new one.
        let folded = opened.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        opened.close().await.map_err(while_doing(RESTORING))?;
        if let Some(table) = used? {
            return reject(not_empty(&table));
        }
        folded.map_err(while_doing(RESTORING))?;
        let mut log = real.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0) {
            return reject("another process uses this database file: stop it first");
        }
    }
    remove_drafts(&real);
    let draft = Draft::beside(&real);
    file::make(&draft.0)?;
    let database = sqlite(draft.url()).await?;
    let filled = fill_file(from, &database, how, check).await;
    let closed = database.close().await.map_err(while_doing(RESTORING));
    let restored = filled?;
    closed?;
    File::open(&draft.0).and_then(|file| file.sync_all()).map_err(fault)?;
    std::fs::rename(&draft.0, &real).map_err(fault)?;
    if let Some(folder) = real.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
    }
    drop(unmade);
    Ok(restored)
}

fn not_empty(table: &str) -> String {
    format!(
        "the database is not empty (there are rows in {table}): --force replaces everything that is in it"
    )
}

async fn sqlite(options: SqliteConnectOptions) -> Result<DatabaseConnection, Fault> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let pool = pool.map_err(|error| cause::fault(RESTORING, &error))?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

#[expect(clippy::disallowed_methods, reason = "the migrations want a connection of this kind")]
async fn fill_file<R: AsyncBufRead + Unpin>(
    from: BackupReader<R>,
    database: &DatabaseConnection,
    how: How,
    check: Option<KeyCheck<'_>>,
) -> OrRejected<Restored> {
    let fault = while_doing(RESTORING);
    Migrator::up(database, Some(steps(&from.header)?)).await.map_err(&fault)?;
    let filling = Filling(database.begin().await.map_err(&fault)?);
    let restored = fill(from, &filling).await?;
    filling.0.commit().await.map_err(&fault)?;
    Migrator::up(database, None).await.map_err(&fault)?;
    let filling = Filling(database.begin().await.map_err(&fault)?);
    let closed_lists = close_lists(&filling, how).await?;
    check_keys(&filling, check).await?;
    let dangling = Statement::from_string(DbBackend::Sqlite, "PRAGMA foreign_key_check");
    let dangling = filling.0.query_one_raw(dangling).await.map_err(&fault)?;
    filling.0.commit().await.map_err(&fault)?;
    if let Some(row) = dangling {
        let table: String = row.try_get_by_index(0).map_err(&fault)?;
        return reject(format!("the backup is damaged: a row of {table} refers to nothing"));
    }
    Ok(Restored { closed_lists, ..restored })
}

/// The transaction in which rows are written.
struct Filling(DatabaseTransaction);

impl Reader for Filling {
    type Connection = DatabaseTransaction;

    fn connection(&self) -> &DatabaseTransaction {
        &self.0
    }
}

/// How many of our migrations the backup had.
fn steps(header: &Header) -> OrRejected<u32> {
    let ours = migrating::in_order(&header.migrations);
    let every = migrating::every();
    // The steps run in one order. One that is missing in between cannot be made up for.
    if every.get(..ours.len()) != Some(ours.as_slice()) || ours.is_empty() {
        return reject("the backup has tables of a version that this mapae does not know");
    }
    u32::try_from(ours.len()).or_else(|_| reject("the backup has too many migrations"))
}

async fn close_lists(filling: &Filling, how: How) -> Result<u64, Fault> {
    match how.close_lists {
        Some(above) => status_lists::close_all_in(filling, above, how.now).await,
        None => Ok(0),
    }
}

async fn check_keys(filling: &Filling, check: Option<KeyCheck<'_>>) -> OrRejected {
    match check {
        Some(check) => check(&signing_keys::list_all(filling).await?),
        None => Ok(()),
    }
}

/// Writes the rows of a backup instead of those that the migrations made, to its end.
async fn fill<R: AsyncBufRead + Unpin>(
    mut from: BackupReader<R>,
    filling: &Filling,
) -> OrRejected<Restored> {
    let fault = while_doing(RESTORING);
    let tables = from.header.tables.clone();
    for table in tables.iter().rev() {
        let delete = format!("DELETE FROM \"{}\"", table.name);
        filling.0.execute_unprepared(&delete).await.map_err(&fault)?;
    }
    let mut counts = vec![0_u64; tables.len()];
    let (mut at, mut waiting): (usize, Vec<Row>) = (0, Vec::new());
    loop {
        let next = from.next().await?;
        let is_of_another = next.as_ref().is_none_or(|(of, _)| *of != at);
        if let Some(table) = tables.get(at)
            && !waiting.is_empty()
            && (is_of_another || waiting.len() >= at_once(table))
        {
            insert(&filling.0, table, &mut waiting).await?;
        }
        let Some((of, row)) = next else { break };
        at = of;
        if let Some(count) = counts.get_mut(of) {
            *count += 1;
        }
        waiting.push(row);
    }
    let rows = counts.iter().sum();
    let tables = tables.into_iter().map(|table| table.name).zip(counts).collect();
    Ok(Restored { tables, rows, closed_lists: 0 })
}

/// How many rows one statement writes: databases limit the number of values.
fn at_once(table: &Table) -> usize {
    (16_000 / table.columns.len().max(1)).clamp(1, 500)
}

async fn insert(
    connection: &impl ConnectionTrait,
    table: &Table,
    waiting: &mut Vec<Row>,
) -> Result<(), Fault> {
    let backend = connection.get_database_backend();
    let columns: Vec<_> = table.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let mut place = 0;
    let mut places = || {
        place += 1;
        if backend == DbBackend::Postgres { format!("${place}") } else { "?".to_owned() }
    };
    let rows: Vec<_> = waiting
        .iter()
        .map(|row| format!("({})", row.iter().map(|_| places()).collect::<Vec<_>>().join(", ")))
        .collect();
    let sql = format!(
        "INSERT INTO \"{}\" ({}) VALUES {}",
        table.name,
        columns.join(", "),
        rows.join(", ")
    );
    let values = waiting.drain(..).flat_map(|row| {
        row.into_iter()
            .zip(&table.columns)
            .map(|(cell, (_, of))| value(cell, *of))
            .collect::<Vec<_>>()
    });
    let statement = Statement::from_sql_and_values(backend, sql, values);
    connection.execute_raw(statement).await.map(drop).map_err(while_doing(RESTORING))
}

fn value(cell: Cell, of: ColumnType) -> Value {
    match cell {
        Cell::Int(number) => Value::BigInt(Some(number)),
        Cell::Bool(flag) => Value::Bool(Some(flag)),
        Cell::Text(text) => Value::String(Some(text)),
        Cell::Bytes(bytes) => Value::Bytes(Some(bytes)),
        Cell::Null => match of {
            ColumnType::Int => Value::BigInt(None),
            ColumnType::Bool => Value::Bool(None),
            ColumnType::Text => Value::String(None),
            ColumnType::Bytes => Value::Bytes(None),
        },
    }
}

/// The tables that all migrations make, with the number of rows that they write into each.
async fn fresh_tables() -> Result<Vec<(String, i64)>, Fault> {
    let memory = SqliteConnectOptions::new().in_memory(true).disable_statement_logging();
    let database = sqlite(memory).await?;
    Migrator::up(&database, None).await.map_err(while_doing(RESTORING))?;
    let mut tables = Vec::new();
    for name in table_names(&database).await? {
        let rows = count(&database, &name, i64::MAX).await?;
        tables.push((name, rows));
    }
    database.close().await.map_err(while_doing(RESTORING))?;
    Ok(tables)
}

async fn table_names(connection: &impl ConnectionTrait) -> Result<Vec<String>, Fault> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT table_name::text AS name FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    };
    let fault = while_doing(RESTORING);
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await;
    let rows = rows.map_err(&fault)?;
    rows.iter().map(|row| row.try_get("", "name").map_err(&fault)).collect()
}

/// How many rows a table has; it stops counting there.
async fn count(connection: &impl ConnectionTrait, table: &str, at_most: i64) -> Result<i64, Fault> {
    let fault = while_doing(RESTORING);
    let sql =
        format!("SELECT count(*) AS n FROM (SELECT 1 FROM \"{table}\" LIMIT {at_most}) AS counted");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.map_err(&fault)?;
    row.map_or(Ok(0), |row| row.try_get("", "n").map_err(&fault))
}

/// A table with more rows than the migrations write, if there is one.
async fn a_used_table(connection: &impl ConnectionTrait) -> Result<Option<String>, Fault> {
    let there = table_names(connection).await?;
    for (table, fresh) in fresh_tables().await? {
        if there.contains(&table) && count(connection, &table, fresh + 1).await? > fresh {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

async fn postgres(place: &place::Postgres, options: &Options) -> Result<DatabaseConnection, Fault> {
    let host = migrating::writable(place, options).await?;
    let options = host.on(&server::options(place, options));
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await;
    let pool = pool.map_err(|error| cause::fault(RESTORING, &error))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Whether a server renewed the lease of a job lately.
async fn is_served(connection: &impl ConnectionTrait) -> Result<bool, Fault> {
    if !table_names(connection).await?.iter().any(|name| name == "leader") {
        return Ok(false);
    }
    let sql = "SELECT 1 AS it FROM leader \
               WHERE ends_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint LIMIT 1";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let found = connection.query_one_raw(statement).await.map_err(while_doing(RESTORING))?;
    Ok(found.is_some())
}

#[expect(clippy::disallowed_methods, reason = "the migrations want a transaction of this kind")]
async fn restore_server<R: AsyncBufRead + Unpin>(
    from: BackupReader<R>,
    place: &place::Postgres,
    options: &Options,
    how: How,
    check: Option<KeyCheck<'_>>,
) -> OrRejected<Restored> {
    let fault = while_doing(RESTORING);
    let database = postgres(place, options).await?;
    let restored = async {
        let filling = Filling(database.begin().await.map_err(&fault)?);
        let restored = fill_server(from, &filling, how, check).await;
        match &restored {
            Ok(_) => filling.0.commit().await.map_err(&fault)?,
            // A connection that fails here is closed, which undoes the transaction as well.
            Err(_) => drop(filling.0.rollback().await),
        }
        restored
    };
    let restored = restored.await;
    let closed = database.close().await;
    let restored = restored?;
    closed.map_err(&fault)?;
    Ok(restored)
}

async fn fill_server<R: AsyncBufRead + Unpin>(
    from: BackupReader<R>,
    filling: &Filling,
    how: How,
    check: Option<KeyCheck<'_>>,
) -> OrRejected<Restored> {
    let fault = while_doing(RESTORING);
    let tx = &filling.0;
    // The lock of the migrations: no server starts to migrate meanwhile.
    let alone = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0; DEALLOCATE ALL; \
                 SELECT pg_advisory_xact_lock(7020370001)";
    tx.execute_unprepared(alone).await.map_err(&fault)?;
    if is_served(tx).await? {
        return reject(SERVED);
    }
    let there = table_names(tx).await?;
    let fresh = fresh_tables().await?;
    if there.iter().any(|name| name == "seaql_migrations") {
        let sql = "SELECT version FROM seaql_migrations ORDER BY version";
        let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
        let rows = rows.map_err(&fault)?;
        let applied: Result<Vec<String>, _> =
            rows.iter().map(|row| row.try_get("", "version")).collect();
        migrating::refuse_newer(&applied.map_err(&fault)?)?;
    }
    if !how.force
        && let Some(table) = a_used_table(tx).await?
    {
        return reject(not_empty(&table));
    }
    // Only our own: others may share the schema.
    let ours = fresh.iter().map(|(name, _)| name).filter(|name| there.contains(name));
    let ours: Vec<_> = ours.map(|name| format!("\"{name}\"")).collect();
    if !ours.is_empty() {
        let drop = format!("DROP TABLE {}", ours.join(", "));
        tx.execute_unprepared(&drop).await.map_err(&fault)?;
    }
    Migrator::up(tx, Some(steps(&from.header)?)).await.map_err(&fault)?;
    let restored = fill(from, filling).await?;
    Migrator::up(tx, None).await.map_err(&fault)?;
    let closed_lists = close_lists(filling, how).await?;
    check_keys(filling, check).await?;
    tx.execute_unprepared("DEALLOCATE ALL").await.map_err(&fault)?;
    Ok(Restored { closed_lists, ..restored })
}
