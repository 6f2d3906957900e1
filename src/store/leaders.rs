//! `leader`: which server does a job that only one may do at a time. The server holds a lease, which
//! it renews; if it dies, the lease ends and another server takes it.
//!
//! Only the clock of the database is asked, so servers whose clocks differ agree. Every question is
//! one statement that waits for nobody, so it also works behind a pooler that gives each transaction
//! another connection. SQLite has one server, which leads every job.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use super::cause::while_doing;
use super::connection::Committed;
use super::database::Store;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock::from_millis;
use crate::domain::verdict::Fault;

/// A job that only one server does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Deleting rows that are not needed any more.
    CleanUp,
}

impl Job {
    /// Every job.
    pub const ALL: &[Self] = &[Self::CleanUp];

    /// Its name in the table and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CleanUp => "clean_up",
        }
    }
}

/// How long a lease lasts that is not renewed.
pub const LEASE: Duration = Duration::from_secs(15);

const WRITING: &str = "writing the table leader";

/// The clock of the database, in milliseconds.
const CLOCK: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Takes the lease of a job for this holder, or renews it. Returns whether this holder has it now.
pub async fn lead(store: &Store, job: Job, holder: &str) -> Result<bool, Fault> {
    let backend = store.writer().get_database_backend();
    took(backend, store.writer(), job, holder).await
}

/// The same in a transaction. Nobody else gets the lease before the transaction has ended.
pub async fn lead_in(tx: &Tx, job: Job, holder: &str) -> Result<bool, Fault> {
    took(tx.connection().get_database_backend(), tx.connection(), job, holder).await
}

async fn took(
    backend: DbBackend,
    connection: &impl ConnectionTrait,
    job: Job,
    holder: &str,
) -> Result<bool, Fault> {
    if backend != DbBackend::Postgres {
        return Ok(true);
    }
    // A row that somebody has locked is about to be theirs: a question never waits for it. A lease
    // that ends later than any that is given now is from before the clock went back.
    let sql = format!(
        "UPDATE leader SET holder = $2, ends_at = {CLOCK} + $3 \
         WHERE job = (SELECT job FROM leader WHERE job = $1 \
         AND (holder = $2 OR ends_at <= {CLOCK} OR ends_at > {CLOCK} + $3) \
         FOR UPDATE SKIP LOCKED) RETURNING job"
    );
    let lease = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
    let rows = query(connection, &sql, [job.name().into(), holder.into(), lease.into()]).await;
    Ok(!rows.map_err(while_doing(WRITING))?.is_empty())
}

/// Gives the lease back, so that another server need not wait until it ends.
pub async fn resign(store: &Store, job: Job, holder: &str) -> Result<(), Fault> {
    if store.writer().get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let sql = "UPDATE leader SET ends_at = 0 WHERE job = $1 AND holder = $2 RETURNING job";
    let resigned = query(store.writer(), sql, [job.name().into(), holder.into()]).await;
    resigned.map(drop).map_err(while_doing(WRITING))
}

/// Looks how far the standby is behind: the leases are renewed every few seconds, by the clock of
/// the primary. Until a look finds it good, lists are read from the primary.
pub async fn look_at_standby(store: &Store) {
    let lists = store.lists();
    if let Some(standby) = lists.standby() {
        lists.trust(age(store, standby).await);
    }
}

async fn age(store: &Store, standby: &Committed) -> Result<TimeDelta, Fault> {
    let fault = while_doing("looking how old the data of the standby are");
    let now = store.clock().await?.unwrap_or_default();
    let rows = query(standby, "SELECT max(ends_at) AS ends_at FROM leader", []).await;
    let rows = rows.map_err(&fault)?;
    let ends_at = rows.first().map(|row| row.try_get::<Option<i64>>("", "ends_at")).transpose();
    let ends_at = ends_at.map_err(&fault)?.flatten().unwrap_or_default();
    Ok(now - (from_millis(ends_at) - LEASE))
}

async fn query<const N: usize>(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    connection.query_all_raw(statement).await
}
