//! A standby of Postgres, and the lists that are read from it. They may be some seconds old: never
//! read from here whether something still counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::cause::while_doing;
use super::connection::Committed;
use super::options::Options;
use super::place::{self, DatabasePlace};
use super::pool::{How, Pool};
use super::reader::Reader;
use super::server;
use crate::domain::verdict::Fault;

/// The longest that a list waits for the standby. Then the primary still has time to answer.
const WAIT: Duration = Duration::from_secs(1);
/// After a list that failed there, the standby is left alone for so long.
const REST: Duration = Duration::from_secs(30);
/// A standby that shows the primary as it was longer ago is not read from.
const BEHIND: TimeDelta = TimeDelta::seconds(15);
/// One that seems to be ahead by more follows another clock, so nobody knows how old it is.
const AHEAD: TimeDelta = TimeDelta::seconds(-5);

/// The standby of a database.
#[derive(Debug)]
struct Standby {
    connections: Committed,
    name: String,
    is_good: AtomicBool,
    rests_until: Mutex<Option<Instant>>,
}

/// Reads from the standby while it is good, else from the primary.
#[derive(Clone, Debug)]
pub struct Lists {
    primary: Committed,
    standby: Option<Arc<Standby>>,
}

impl Lists {
    /// Reads from the primary only.
    pub(super) fn of(primary: &Committed) -> Self {
        Self { primary: Committed::new(Arc::clone(primary.pool())), standby: None }
    }

    /// Reads from this standby when it has proven good. No connection is made yet.
    pub(super) fn with(self, url: &str, options: &Options) -> Result<Self, Fault> {
        let fault = while_doing("reading the URL of the standby");
        let DatabasePlace::Postgres(place) = place::read(url)? else {
            return Err(fault(DbErr::Custom("it must begin with postgres://".to_owned())));
        };
        let place = place::Postgres { must_write: false, ..*place };
        let options = Options {
            pool_wait: options.pool_wait.min(WAIT),
            statement_timeout: options.statement_timeout.min(WAIT),
            lock_timeout: options.lock_timeout.min(WAIT),
            ..*options
        };
        let pool = Pool::new(server::target(&place, &options), How::new(&options));
        let connections = Committed::new(Arc::new(pool.map_err(&fault)?));
        let (name, is_good) = (place::shown_url(url), AtomicBool::new(false));
        let standby = Standby { connections, name, is_good, rests_until: Mutex::default() };
        Ok(Self { standby: Some(Arc::new(standby)), ..self })
    }

    /// The connections to the standby, if there is one.
    pub(super) fn standby(&self) -> Option<&Committed> {
        self.standby.as_ref().map(|standby| &standby.connections)
    }

    /// Notes how old the data of the standby are: if they are too old, it is not read from.
    pub(super) fn trust(&self, age: Result<TimeDelta, Fault>) {
        let Some(standby) = self.standby.as_ref().filter(|standby| !standby.rests()) else {
            return;
        };
        match age {
            Ok(age) if (AHEAD..=BEHIND).contains(&age) => standby.note(true, ""),
            Ok(age) => {
                let seconds = age.num_seconds();
                standby.note(false, &format!("it shows the database as it was {seconds} s ago"));
            }
            Err(fault) => standby.note(false, &fault.to_string()),
        }
    }

    /// Closes the connections to the standby.
    pub(super) async fn close(&self) {
        if let Some(standby) = &self.standby {
            standby.connections.pool().close().await;
        }
    }

    fn good(&self) -> Option<&Standby> {
        self.standby.as_deref().filter(|standby| standby.is_good.load(Ordering::SeqCst))
    }
}

impl Standby {
    fn rests(&self) -> bool {
        let until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Notes that a list could not be read there.
    fn failed(&self, cause: &str) {
        let until = Some(Instant::now() + REST);
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        self.note(false, cause);
    }

    fn note(&self, is_good: bool, cause: &str) {
        metrics::gauge!("mapae_database_standby").set(f64::from(u8::from(is_good)));
        if self.is_good.swap(is_good, Ordering::SeqCst) == is_good {
            return;
        }
        let standby = &self.name;
        if is_good {
            tracing::info!(standby, "lists are read from the standby");
        } else {
            tracing::warn!(standby, cause, "lists are read from the primary");
        }
    }
}

impl Reader for Lists {
    type Connection = Self;

    fn connection(&self) -> &Self {
        self
    }
}

#[async_trait]
impl ConnectionTrait for Lists {
    fn get_database_backend(&self) -> DbBackend {
        self.primary.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.primary.execute_raw(stmt).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.primary.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(stmt).await?.into_iter().next())
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Some(standby) = self.good() {
            let list = standby.connections.query_all_raw(stmt.clone());
            match tokio::time::timeout(WAIT, list).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) => {
                    standby.failed(&while_doing("reading a list")(error).to_string());
                }
                Err(_) => standby.failed("a list took too long"),
            }
        }
        self.primary.query_all_raw(stmt).await
    }
}
