//! The two connections through which statements are sent: the one of a transaction, and any free
//! one for single statements. Both keep the deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::cause::REPEATS;
use super::nesting::InTransaction;
use super::pool::{Held, Pool, Raw, StatementFailure};
use super::statement::limits;
use crate::domain::request;

const ROLLBACK: &str = "ROLLBACK";
/// The statements are written for this level, whatever the default of a Postgres server is: each
/// sees what was committed before it, and an UPDATE decides by the newest row.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The connection of a transaction. Dropping it rolls back.
#[derive(Debug)]
pub struct Connection {
    pool: Arc<Pool>,
    held: Mutex<Option<Held>>,
    deadline: Instant,
    failed: AtomicBool,
    _task: InTransaction,
}

impl Connection {
    /// Begins a transaction. A pooled connection may have died since it was last used; then the
    /// begin is tried once more with another connection.
    pub(super) async fn begin(pool: &Arc<Pool>) -> Result<Self, DbErr> {
        let mut again = true;
        loop {
            let mut held = pool.take().await?;
            let within = request::at_most(pool.how().statement);
            let (begin, deadline) = (begin(pool, within), Instant::now() + within);
            match pool.within(&mut held, deadline, async |raw| raw.run(&begin).await).await {
                Ok(_) => {
                    let held = Mutex::new(Some(held));
                    return Ok(Self {
                        pool: Arc::clone(pool),
                        held,
                        deadline,
                        failed: false.into(),
                        _task: InTransaction::begin(&**pool),
                    });
                }
                Err(failed) if again && failed.was_dead() => {
                    pool.doubt();
                    again = false;
                }
                // A connection whose BEGIN failed is dropped, so it is closed.
                Err(failed) => return Err(failed.into()),
            }
        }
    }

    /// Whether one of its statements failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Commits. If that fails, the connection is closed, so the transaction ends whatever its state
    /// is.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        if self.has_failed() {
            // After a failed statement, Postgres answers COMMIT with success although it rolls
            // back.
            self.roll_back().await?;
            return Err(DbErr::Custom("a statement of this transaction failed".to_owned()));
        }
        self.end("COMMIT", self.deadline).await
    }

    /// Rolls back. If the request has no time left, that is done in the background.
    pub(super) async fn roll_back(self) -> Result<(), DbErr> {
        let within = request::at_most(self.pool.how().statement);
        if within.is_zero() {
            drop(self);
            return Ok(());
        }
        self.end(ROLLBACK, Instant::now() + within).await
    }

    async fn end(&self, sql: &str, deadline: Instant) -> Result<(), DbErr> {
        let held = self.held.lock().await.take();
        let mut held = match held {
            Some(held) => held,
            // The connection is closed, so the transaction was rolled back.
            None if sql == ROLLBACK => return Ok(()),
            None => return Err(StatementFailure::Gone.into()),
        };
        self.pool.within(&mut held, deadline, async |raw| raw.run(sql).await).await?;
        held.give_back();
        Ok(())
    }

    async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut Raw, bool) -> Result<T, sqlx::Error>,
    ) -> Result<T, DbErr> {
        let mut slot = self.held.lock().await;
        let held = slot.as_mut().ok_or(StatementFailure::Gone)?;
        let keep = self.pool.how().prepared;
        let done = self.pool.within(held, self.deadline, async |raw| work(raw, keep).await).await;
        if done.is_err() {
            self.failed.store(true, Ordering::SeqCst);
        }
        if !held.is_good() {
            *slot = None;
        }
        Ok(done?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut held) = self.held.get_mut().take() else { return };
        let (Ok(runtime), true) = (tokio::runtime::Handle::try_current(), held.listens()) else {
            return;
        };
        let pool = Arc::clone(&self.pool);
        runtime.spawn(async move {
            let deadline = Instant::now() + pool.how().statement;
            let ended = pool.within(&mut held, deadline, async |raw| raw.run(ROLLBACK).await);
            if ended.await.is_ok() {
                held.give_back();
            }
        });
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.with(async |raw, keep| raw.execute(&stmt, keep).await).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.with(async |raw, _| raw.run(sql).await).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.with(async |raw, keep| raw.one(&stmt, keep).await).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.with(async |raw, keep| raw.all(&stmt, keep).await).await
    }
}

#[derive(Clone, Copy, Debug)]
enum Rows {
    One,
    All,
}

impl Rows {
    async fn of(
        self,
        raw: &mut Raw,
        statement: &Statement,
        keep: bool,
    ) -> Result<Vec<QueryResult>, sqlx::Error> {
        match self {
            Self::One => Ok(raw.one(statement, keep).await?.into_iter().collect()),
            Self::All => raw.all(statement, keep).await,
        }
    }
}

/// Single statements without a transaction, sent through any free connection. A statement that
/// writes must have no further effect when it is sent twice: a connection may have died before or
/// after the statement took effect.
#[derive(Clone, Debug)]
pub struct Committed(Arc<Pool>);

impl Committed {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self(pool)
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.0
    }

    /// Sends a statement, and sends it once more if the connection had died. If another transaction
    /// was in its way, the database undid it, and it is sent again some times.
    async fn ask(&self, statement: &Statement, which: Rows) -> Result<Vec<QueryResult>, DbErr> {
        let pool = &self.0;
        let how = pool.how();
        let pooled = pool.backend() == DbBackend::Postgres && !how.prepared;
        let (mut again, mut repeats) = (true, REPEATS);
        loop {
            let mut held = pool.take().await?;
            let within = request::at_most(how.statement);
            let deadline = Instant::now() + within;
            let read = pool.within(&mut held, deadline, async |raw| {
                if !pooled {
                    return which.of(raw, statement, how.prepared).await;
                }
                raw.run(&begin(pool, within)).await?;
                let read = which.of(raw, statement, false).await;
                raw.run("COMMIT").await?;
                read
            });
            match read.await {
                Ok(read) => {
                    held.give_back();
                    return Ok(read);
                }
                Err(failed) if again && failed.was_dead() => {
                    pool.doubt();
                    again = false;
                }
                Err(failed) if repeats > 0 && failed.is_conflict() => {
                    held.give_back();
                    repeats -= 1;
                }
                Err(failed) => {
                    held.give_back();
                    return Err(failed.into());
                }
            }
        }
    }
}

#[async_trait]
impl ConnectionTrait for Committed {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend()
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("statements that stand alone say what they did".to_owned()))
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("statements that stand alone say what they did".to_owned()))
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.ask(&stmt, Rows::One).await?.pop())
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(&stmt, Rows::All).await
    }
}

/// The statement that begins a transaction of this length.
fn begin(pool: &Pool, within: Duration) -> String {
    let how = pool.how();
    match pool.backend() {
        // A deferred transaction that reads and then writes fails at the upgrade in SQLite.
        DbBackend::Sqlite => "BEGIN IMMEDIATE".to_owned(),
        // Otherwise the limits were set when the connection was made. A pooler would not keep
        // those.
        _ if how.prepared && within == how.statement => BEGIN.to_owned(),
        _ => {
            let limits =
                limits(&how, within).map(|(name, value)| format!("SET LOCAL {name} = {value}"));
            format!("{BEGIN}; {}", limits.join("; "))
        }
    }
}
