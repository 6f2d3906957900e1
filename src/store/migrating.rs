//! Migrations: one process at a time applies them, the others wait.

use std::path::Path;

use mapae_migrations::Migrator;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, SqlxPostgresConnector, SqlxSqliteConnector,
    TransactionTrait,
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
use crate::domain::verdict::Fault;

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

/// Applies the missing migrations.
pub async fn migrate(url: &str, options: &Options) -> Result<(), Fault> {
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

async fn migrate_file(
    path: &Path,
    given: &SqliteConnectOptions,
    options: &Options,
) -> Result<(), Fault> {
    let locking = |error| Fault::unavailable("locking the database for migration", error);
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
    let applied = Migrator::up(&database, None).await.map_err(while_doing(APPLYING));
    let closed = database.close().await.map_err(while_doing(APPLYING));
    drop(lock);
    applied.and(closed)
}

/// Applies the migrations in one transaction that holds the lock for which other processes wait. So
/// it also works behind a pooler that uses another server connection for each transaction.
#[expect(clippy::disallowed_methods, reason = "the driver of the migrations wants its own kind")]
async fn migrate_server(place: &place::Postgres, options: &Options) -> Result<(), Fault> {
    let fault = while_doing(APPLYING);
    let host = writable(place, options).await?;
    let options = host.on(&server::options(place, options));
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .map_err(|error| cause::fault(APPLYING, &error))?;
    let database: DatabaseConnection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    let applied = async {
        let tx = database.begin().await?;
        // Another process may need long for the same work, so there are no time limits here.
        // Statements that a pooler has kept from other clients have the same names as ours, so they
        // are removed.
        let alone = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                     SET LOCAL idle_in_transaction_session_timeout = 0; DEALLOCATE ALL; \
                     SELECT pg_advisory_xact_lock(7020370001)";
        tx.execute_unprepared(alone).await?;
        Migrator::up(&tx, None).await?;
        tx.execute_unprepared("DEALLOCATE ALL").await?;
        tx.commit().await
    };
    let applied: Result<(), DbErr> = applied.await;
    let closed = database.close().await;
    applied.and(closed).map_err(&fault)
}

/// Every migration, and whether it was applied. It writes nothing.
pub async fn migration_status(url: &str, options: &Options) -> Result<Vec<MigrationState>, Fault> {
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

/// The migrations that are missing in this list.
pub(super) fn not_among(applied: &[String]) -> Vec<String> {
    every().into_iter().filter(|name| !applied.contains(name)).collect()
}

async fn pending(place: &DatabasePlace, options: &Options) -> Result<Vec<String>, Fault> {
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
    let pending = Migrator::get_pending_migrations_read_only(&database).await;
    database.pool().close().await;
    let pending = pending.map_err(&fault)?;
    Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
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
