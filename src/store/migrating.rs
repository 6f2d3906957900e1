//! Migrations: one process at a time applies them, the others wait.

use std::path::Path;

use mapae_migrations::Migrator;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::cause::{self, while_doing};
use super::connection::Committed;
use super::options::Options;
use super::place::{self, DatabasePlace};
use super::pool::{How, Pool, Target};
use super::{file, server};
use crate::domain::verdict::{Fault, OrRejected, reject};

/// A migration, and whether it was applied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MigrationState {
    /// Its name.
    pub name: String,
    /// Whether it was applied to the database.
    pub applied: bool,
}

const READING: &str = "reading the migrations";
const APPLYING: &str = "migrating the database";

/// Applies the missing migrations. Refuses a database that a newer version changed.
pub async fn migrate(url: &str, options: &Options) -> OrRejected {
    let place = place::read(url)?;
    if let DatabasePlace::Sqlite(given) = &place {
        file::make(given.get_filename())?;
    }
    if pending(&place, options).await?.is_empty() {
        return Ok(());
    }
    match &place {
        DatabasePlace::Sqlite(given) => migrate_file(given.get_filename(), given, options).await,
        DatabasePlace::Postgres(place) => migrate_server(place, options).await,
    }
}

async fn migrate_file(path: &Path, given: &SqliteConnectOptions, options: &Options) -> OrRejected {
    const LOCKING: &str = "locking the database for migration";
    let locking = |error: std::io::Error| file::unwritable(LOCKING, path, &error);
    let lock = file::lock(path, "migrate-lock").map_err(locking)?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
        .await
        .map_err(|error| Fault::internal("waiting for the migration lock", error))?
        .map_err(locking)?;
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(file::options(given, options.lock_timeout))
        .await
        .map_err(|error| cause::fault(APPLYING, &error))?;
    let database = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    let applied: OrRejected = async {
        // Another version may have held the lock.
        refuse_newer(&applied_in(&database).await.map_err(while_doing(READING))?)?;
        Ok(Migrator::up(&database, None).await.map_err(while_doing(APPLYING))?)
    }
    .await;
    let closed = database.close().await.map_err(while_doing(APPLYING));
    drop(lock);
    applied?;
    Ok(closed?)
}

/// Applies the migrations in one transaction that holds the lock for which other processes wait. So
/// it also works behind a pooler that uses another server connection for each transaction.
#[expect(clippy::disallowed_methods, reason = "the driver of the migrations wants its own kind")]
async fn migrate_server(place: &place::Postgres, options: &Options) -> OrRejected {
    let fault = while_doing(APPLYING);
    let host = writable(place, options).await?;
    let options = host.on(&server::options(place, options));
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .map_err(|error| cause::fault(APPLYING, &error))?;
    let database: DatabaseConnection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    let applied: OrRejected = async {
        let tx = database.begin().await.map_err(&fault)?;
        // Another process may need long for the same work, so there are no time limits here.
        // Statements that a pooler has kept from other clients have the same names as ours, so they
        // are removed.
        let alone = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                     SET LOCAL idle_in_transaction_session_timeout = 0; DEALLOCATE ALL; \
                     SELECT pg_advisory_xact_lock(7020370001)";
        tx.execute_unprepared(alone).await.map_err(&fault)?;
        // Another version may have held the lock.
        refuse_newer(&applied_in(&tx).await.map_err(while_doing(READING))?)?;
        Migrator::up(&tx, None).await.map_err(&fault)?;
        tx.execute_unprepared("DEALLOCATE ALL").await.map_err(&fault)?;
        Ok(tx.commit().await.map_err(&fault)?)
    }
    .await;
    let closed = database.close().await;
    applied?;
    Ok(closed.map_err(&fault)?)
}

/// Every migration, and whether it was applied. It writes nothing. Refuses a database that a newer
/// version changed.
pub async fn migration_status(url: &str, options: &Options) -> OrRejected<Vec<MigrationState>> {
    let every = every().into_iter();
    let pending = match place::read(url)? {
        DatabasePlace::Sqlite(given) if !given.get_filename().exists() => None,
        place => Some(pending(&place, options).await?),
    };
    Ok(every
        .map(|name| {
            let applied = pending.as_ref().is_some_and(|pending| !pending.contains(&name));
            MigrationState { name, applied }
        })
        .collect())
}

/// The name of every migration, oldest first.
pub(super) fn every() -> Vec<String> {
    Migrator::migrations().into_iter().map(|migration| migration.name().to_owned()).collect()
}

/// Those of these migrations that are known, oldest first.
pub(super) fn in_order(applied: &[String]) -> Vec<String> {
    every().into_iter().filter(|name| applied.contains(name)).collect()
}

/// Those of these migrations that are not known: a newer version applied them.
pub(super) fn unknown_among(applied: &[String]) -> Vec<String> {
    let known = every();
    applied.iter().filter(|name| !known.contains(name)).cloned().collect()
}

/// Refuses a database that has migrations that are not known. Only a start asks: a server that runs
/// goes on while a newer version takes its place.
pub(super) fn refuse_newer(applied: &[String]) -> OrRejected {
    match unknown_among(applied).first() {
        None => Ok(()),
        Some(unknown) => reject(format!(
            "the database was changed by a newer version of mapae: it has {unknown}, which this version does not know. Start that version, or restore a backup from before it into an empty database"
        )),
    }
}

/// The migrations that a database has; none if it is empty.
async fn applied_in(connection: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = connection.get_database_backend();
    let table = match backend {
        DbBackend::Postgres => {
            "SELECT 1 AS it FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'seaql_migrations'"
        }
        _ => "SELECT 1 AS it FROM sqlite_master WHERE name = 'seaql_migrations'",
    };
    if connection.query_one_raw(Statement::from_string(backend, table)).await?.is_none() {
        return Ok(Vec::new());
    }
    let select = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = connection.query_all_raw(Statement::from_string(backend, select)).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// The migrations that are missing in this list.
pub(super) fn not_among(applied: &[String]) -> Vec<String> {
    every().into_iter().filter(|name| !applied.contains(name)).collect()
}

async fn pending(place: &DatabasePlace, options: &Options) -> OrRejected<Vec<String>> {
    let fault = while_doing(READING);
    let target = match place {
        DatabasePlace::Sqlite(given) => {
            let path = given.get_filename().to_path_buf();
            Target::Sqlite(Box::new(file::options(given, options.lock_timeout)), path)
        }
        DatabasePlace::Postgres(place) => server::target(place, options),
    };
    let how = How::new(options).alone();
    let database = Committed::new(Pool::new(target, how).map_err(&fault)?.into());
    let applied = applied_in(&database).await;
    database.pool().close().await;
    let applied = applied.map_err(&fault)?;
    refuse_newer(&applied)?;
    Ok(not_among(&applied))
}

/// The first host that answers and can be written to.
pub(super) async fn writable(
    place: &place::Postgres,
    options: &Options,
) -> Result<place::Host, Fault> {
    let fault = while_doing(APPLYING);
    let mut last = None;
    for host in &place.hosts {
        let place = place::Postgres { hosts: vec![host.clone()], ..place.clone() };
        let how = How { prepared: true, ..How::new(options).alone() };
        let pool = Pool::new(server::target(&place, options), how).map_err(&fault)?;
        match pool.take().await {
            Ok(held) => {
                held.close().await;
                return Ok(host.clone());
            }
            Err(error) => last = Some(fault(error)),
        }
    }
    Err(last.unwrap_or_else(|| Fault::internal(APPLYING, "the database URL names no host")))
}
