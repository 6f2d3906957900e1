//! The connections: a bounded number of them, a bounded queue for them, and no way back into the
//! pool for one that is in doubt.
//!
//! The driver's own transactions keep a depth beside the database's, and the two differ after a
//! COMMIT that failed. So BEGIN, COMMIT and ROLLBACK are statements like others here, and a
//! connection goes back only when the statement that ended its transaction succeeded.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sea_orm::{DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::cause::{is_of_connection, unavailable, words};
use super::options::Options;
use super::place::Host;
use crate::domain::request;

/// A connection of the driver.
#[derive(Debug)]
pub(super) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// What a statement brings.
type Answer<T> = Result<T, sqlx::Error>;

impl Raw {
    /// Runs a text that may be several statements and has no values.
    pub(super) async fn run(&mut self, sql: &str) -> Answer<ExecResult> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(raw) => raw.execute(sql).await?.into(),
            Self::Postgres(raw) => raw.execute(sql).await?.into(),
        })
    }

    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        keep: bool,
    ) -> Answer<ExecResult> {
        let (sql, values) = parts(statement);
        Ok(match self {
            Self::Sqlite(raw) => sqlx::query_with(sql, values).execute(raw).await?.into(),
            Self::Postgres(raw) => {
                sqlx::query_with(sql, values).persistent(keep).execute(raw).await?.into()
            }
        })
    }

    pub(super) async fn one(
        &mut self,
        statement: &Statement,
        keep: bool,
    ) -> Answer<Option<QueryResult>> {
        let (sql, values) = parts(statement);
        Ok(match self {
            Self::Sqlite(raw) => {
                sqlx::query_with(sql, values).fetch_optional(raw).await?.map(Into::into)
            }
            Self::Postgres(raw) => sqlx::query_with(sql, values)
                .persistent(keep)
                .fetch_optional(raw)
                .await?
                .map(Into::into),
        })
    }

    pub(super) async fn all(
        &mut self,
        statement: &Statement,
        keep: bool,
    ) -> Answer<Vec<QueryResult>> {
        let (sql, values) = parts(statement);
        Ok(match self {
            Self::Sqlite(raw) => {
                let rows = sqlx::query_with(sql, values).fetch_all(raw).await?;
                rows.into_iter().map(Into::into).collect()
            }
            Self::Postgres(raw) => {
                let rows = sqlx::query_with(sql, values).persistent(keep).fetch_all(raw).await?;
                rows.into_iter().map(Into::into).collect()
            }
        })
    }

    async fn close(self) {
        let closed = match self {
            Self::Sqlite(raw) => raw.close().await,
            Self::Postgres(raw) => raw.close().await,
        };
        if let Err(error) = closed {
            tracing::warn!(cause = words(&error), "a database connection did not close well");
        }
    }
}

fn parts(statement: &Statement) -> (AssertSqlSafe<&str>, SqlxValues) {
    let values = statement.values.clone();
    (
        AssertSqlSafe(statement.sql.as_str()),
        SqlxValues(values.unwrap_or_else(|| Values(Vec::new()))),
    )
}

/// Whom to connect to.
#[derive(Debug)]
pub(super) enum Target {
    /// A file: it and its identity, so that one which was replaced is noticed.
    Sqlite(Box<SqliteConnectOptions>, PathBuf),
    /// Servers, tried in this order.
    Postgres(Box<PgConnectOptions>, Vec<Host>, bool),
}

impl Target {
    fn name(&self) -> String {
        match self {
            Self::Sqlite(_, path) => path.display().to_string(),
            Self::Postgres(_, hosts, _) => {
                let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
                format!("Postgres at {}", hosts.join(", "))
            }
        }
    }

    async fn connect(&self, connect_timeout: Duration) -> Result<Raw, Refused> {
        match self {
            Self::Sqlite(options, path) => {
                let raw = options.connect().await;
                raw.map(Raw::Sqlite)
                    .map_err(|error| Refused::of(&path.display().to_string(), &error))
            }
            Self::Postgres(options, hosts, must_write) => {
                postgres(options, hosts, *must_write, connect_timeout).await.map(Raw::Postgres)
            }
        }
    }
}

/// The first of the servers that answers, and can be written to where that is asked.
async fn postgres(
    options: &PgConnectOptions,
    hosts: &[Host],
    must_write: bool,
    connect_timeout: Duration,
) -> Result<PgConnection, Refused> {
    let share = connect_timeout / u32::try_from(hosts.len()).unwrap_or(1).max(1);
    let mut refused = Vec::new();
    for host in hosts {
        let name = format!("Postgres at {host}");
        let open = async {
            let mut raw = host.on(options).connect().await?;
            if must_write {
                // Without a prepared statement, which a pooler would lose.
                let row = raw.fetch_one("SHOW transaction_read_only").await?;
                let state: String = row.try_get(0)?;
                return Ok((raw, state == "off"));
            }
            Ok((raw, true))
        };
        refused.push(match timeout(share, open).await {
            Ok(Ok((raw, true))) => return Ok(raw),
            Ok(Ok((_, false))) => Refused::passing(format!("{name} cannot be written to")),
            Ok(Err(error)) => Refused::of(&name, &error),
            Err(_) => Refused::passing(format!("{name} did not answer within {share:?}")),
        });
    }
    let passes = refused.iter().any(|one| one.passes) || refused.is_empty();
    let causes: Vec<_> = refused.into_iter().map(|one| one.cause).collect();
    Err(Refused { cause: causes.join("; "), passes })
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct Refused {
    cause: String,
    passes: bool,
}

impl Refused {
    fn of(name: &str, error: &sqlx::Error) -> Self {
        let cause = format!("{name}: {}", words(error));
        Self { cause, passes: super::cause::is_passing(error) }
    }

    fn passing(cause: String) -> Self {
        Self { cause, passes: true }
    }
}

impl From<Refused> for DbErr {
    fn from(refused: Refused) -> Self {
        if refused.passes { unavailable(refused.cause) } else { Self::Custom(refused.cause) }
    }
}

/// Makes connections, and looks at them before they are used again.
#[derive(Debug)]
struct Maker {
    target: Target,
    /// For a connection to be made.
    connect_timeout: Duration,
    /// What is older was beside one that failed.
    doubted: Mutex<Option<std::time::Instant>>,
}

/// A connection in the pool.
#[derive(Debug)]
struct Pooled {
    raw: Option<Raw>,
    file: Option<Identity>,
}

/// The most for a connection to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Longer than a connection rests between two uses under load.
const RESTED: Duration = Duration::from_secs(1);
/// For one that rested to answer.
const LOOK: Duration = Duration::from_secs(1);
/// Servers and what stands between give memory back, and addresses change.
const OLD: Duration = Duration::from_mins(30);

impl Maker {
    fn doubt(&self) {
        let now = Instant::now().into_std();
        *self.doubted.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

impl managed::Manager for Maker {
    type Type = Pooled;
    type Error = Refused;

    async fn create(&self) -> Result<Pooled, Refused> {
        let file = match &self.target {
            Target::Sqlite(_, path) => Some(Identity::of(path).ok_or_else(|| {
                Refused::passing(format!("{}: the database file is gone", path.display()))
            })?),
            Target::Postgres(..) => None,
        };
        let raw = timeout(self.connect_timeout, self.target.connect(self.connect_timeout)).await;
        let raw = raw.map_err(|_| {
            Refused::passing(format!(
                "{} did not answer within {:?}",
                self.target.name(),
                self.connect_timeout
            ))
        })??;
        Ok(Pooled { raw: Some(raw), file })
    }

    async fn recycle(&self, pooled: &mut Pooled, seen: &Metrics) -> RecycleResult<Refused> {
        let unusable = |why: &'static str| Err(RecycleError::message(why));
        match (&self.target, &mut pooled.raw) {
            (Target::Sqlite(_, path), Some(_)) if Identity::of(path) != pooled.file => {
                unusable("the file was replaced")
            }
            (Target::Postgres(..), Some(Raw::Postgres(raw))) => {
                let doubted = *self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
                if doubted.is_some_and(|at| seen.created <= at) || seen.created.elapsed() > OLD {
                    return unusable("another one failed since, or it is old");
                }
                if seen.last_used() < RESTED {
                    return Ok(());
                }
                if let Ok(Ok(())) = timeout(LOOK, raw.ping()).await {
                    return Ok(());
                }
                self.doubt();
                unusable("it does not answer")
            }
            (_, None) => unusable("it was closed"),
            _ => Ok(()),
        }
    }
}

/// Which file it is, whatever leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    pub(super) fn of(path: &std::path::Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(path).ok()?;
        Some(Self(file.dev(), file.ino()))
    }
}

/// The connections to one database.
#[derive(Debug)]
pub(super) struct Pool {
    inner: managed::Pool<Maker>,
    queue: Semaphore,
    /// No connection is left and none can be made: one at a time tries, the others are refused.
    away: AtomicBool,
    probe: tokio::sync::Mutex<()>,
    how: How,
}

/// How the connections stand at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Open, and nobody uses them.
    pub idle: usize,
    /// Being used.
    pub in_use: usize,
    /// So many wait for one.
    pub waiting: usize,
}

impl std::ops::Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            idle: self.idle + other.idle,
            in_use: self.in_use + other.in_use,
            waiting: self.waiting + other.waiting,
        }
    }
}

/// How connections are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// The most at once.
    pub(super) connections: usize,
    /// The most that wait for one.
    pub(super) queue: usize,
    /// For a connection to be free or to be made.
    pub(super) wait: Duration,
    /// For what is done with it, until it is given back.
    pub(super) statement: Duration,
    /// For a lock that somebody else has.
    pub(super) lock: Duration,
    /// For the next statement of a transaction.
    pub(super) idle: Duration,
    /// Whether statements stay prepared at the server. When they do not, every statement stands in
    /// a transaction, so that a pooler keeps the server with it.
    pub(super) prepared: bool,
}

impl How {
    /// As the settings say.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            connections: usize::try_from(options.pool_size).unwrap_or(1),
            queue: usize::try_from(options.pool_queue).unwrap_or(1),
            wait: options.pool_wait,
            statement: options.statement_timeout,
            lock: options.lock_timeout,
            idle: options.idle_in_transaction_timeout,
            prepared: options.prepared_statements,
        }
    }

    /// The same for one who comes alone.
    pub(super) fn alone(self) -> Self {
        Self { connections: 1, queue: 1, ..self }
    }
}

impl Pool {
    pub(super) fn new(target: Target, how: How) -> Result<Self, DbErr> {
        let connect_timeout = how.wait.min(CONNECT);
        let maker = Maker { target, connect_timeout, doubted: Mutex::default() };
        let inner = managed::Pool::builder(maker)
            .max_size(how.connections)
            .build()
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let queue = Semaphore::new(how.queue.saturating_add(how.connections));
        let (away, probe) = (AtomicBool::default(), tokio::sync::Mutex::default());
        Ok(Self { inner, queue, away, probe, how })
    }

    pub(super) fn how(&self) -> How {
        self.how
    }

    pub(super) fn backend(&self) -> DbBackend {
        match self.inner.manager().target {
            Target::Sqlite(..) => DbBackend::Sqlite,
            Target::Postgres(..) => DbBackend::Postgres,
        }
    }

    /// A connection that nobody else uses.
    pub(super) async fn take(&self) -> Result<Held, DbErr> {
        let Ok(_place) = self.queue.try_acquire() else {
            return Err(unavailable("too many wait for a database connection"));
        };
        if !self.away.load(Ordering::SeqCst) {
            return self.wait().await;
        }
        match self.probe.try_lock() {
            Ok(_probing) => self.wait().await,
            Err(_) => {
                Err(unavailable(format!("{} does not answer", self.inner.manager().target.name())))
            }
        }
    }

    async fn wait(&self) -> Result<Held, DbErr> {
        let wait = request::at_most(self.how.wait);
        if wait.is_zero() {
            return Err(unavailable("the request has no time left"));
        }
        let got = match timeout(wait, self.inner.get()).await {
            Ok(Ok(object)) => Ok(Held { object: Some(object), state: State::Good }),
            Ok(Err(PoolError::Backend(refused))) => Err(refused.into()),
            Ok(Err(_)) => Err(unavailable("the database is being closed")),
            Err(_) => Err(unavailable(format!(
                "no connection to {} was free within {wait:?}",
                self.inner.manager().target.name(),
            ))),
        };
        // A request that had hardly any time left says nothing about the database.
        if got.is_err() && wait < self.how.wait {
            return got;
        }
        self.away.store(got.is_err() && self.inner.status().size == 0, Ordering::SeqCst);
        got
    }

    /// How it stands at this moment.
    pub(super) fn load(&self) -> Load {
        let status = self.inner.status();
        let in_use = status.size.saturating_sub(status.available);
        Load { idle: status.available, in_use, waiting: status.waiting }
    }

    /// One connection died or went deaf: the older ones are not trusted either.
    pub(super) fn doubt(&self) {
        self.inner.manager().doubt();
    }

    /// Does something with a connection, within the deadline. When it fails in a way that leaves the
    /// connection in doubt, or this future is dropped on the way, the connection is not used again.
    pub(super) async fn within<T>(
        &self,
        held: &mut Held,
        deadline: Instant,
        work: impl AsyncFnOnce(&mut Raw) -> Answer<T>,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        // What would be given up at once is not begun, and the connection stays good.
        if held.is_good() && deadline <= began {
            return Err(Failed::Late(Duration::ZERO));
        }
        let raw = held.enter().ok_or(Failed::Gone)?;
        let watch = Watch { pool: self, began, answered: false };
        let Ok(done) = timeout_at(deadline, work(raw)).await else {
            held.state = State::Lost;
            return Err(Failed::Late(began.elapsed()));
        };
        watch.answered();
        let lost = done.as_ref().is_err_and(is_of_connection);
        held.state = if lost { State::Lost } else { State::Good };
        done.map_err(Failed::Error)
    }

    /// Closes the connections that nobody uses; those in use follow when they are given back.
    pub(super) async fn close(&self) {
        for pooled in self.inner.retain(|_, _| false).removed {
            if let Some(raw) = pooled.raw {
                raw.close().await;
            }
        }
        self.inner.close();
    }
}

/// A statement is on its way. When nobody waits for it any more, and it was for long, its
/// connection went deaf; or it was we who were slow, then it was not for long.
struct Watch<'a> {
    pool: &'a Pool,
    began: Instant,
    answered: bool,
}

impl Watch<'_> {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.answered && self.began.elapsed() >= LOOK {
            self.pool.doubt();
        }
    }
}

/// Why a statement brought nothing.
#[derive(Debug)]
pub(super) enum Failed {
    Error(sqlx::Error),
    Late(Duration),
    Gone,
}

impl Failed {
    pub(super) fn was_dead(&self) -> bool {
        matches!(self, Self::Error(error) if super::cause::was_dead(error))
    }
}

impl From<Failed> for DbErr {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Error(error) => Self::Query(RuntimeErr::SqlxError(error.into())),
            Failed::Late(Duration::ZERO) => unavailable("there is no time left for a statement"),
            Failed::Late(waited) => {
                unavailable(format!("the database did not answer within {waited:.1?}"))
            }
            Failed::Gone => unavailable("the connection of this transaction was closed"),
        }
    }
}

/// A connection that is being used.
#[derive(Debug)]
pub(super) struct Held {
    object: Option<Object<Maker>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// A statement is on its way.
    Busy,
    Lost,
}

impl Held {
    fn enter(&mut self) -> Option<&mut Raw> {
        if self.state != State::Good {
            return None;
        }
        self.state = State::Busy;
        self.object.as_mut()?.raw.as_mut()
    }

    /// Whether it can be used further.
    pub(super) fn is_good(&self) -> bool {
        self.state == State::Good
    }

    /// Whether something can be said to it, though a statement is on its way: SQLite's connections
    /// do one thing after the other, whoever waits for it.
    pub(super) fn listens(&mut self) -> bool {
        let is_sqlite =
            self.object.as_ref().is_some_and(|object| matches!(object.raw, Some(Raw::Sqlite(_))));
        if self.state == State::Busy && is_sqlite {
            self.state = State::Good;
        }
        self.is_good()
    }

    /// Gives it back: it is in no transaction.
    pub(super) fn give_back(mut self) {
        if self.is_good() {
            self.object = None;
        }
    }

    /// Closes it and waits until it is closed.
    pub(super) async fn close(mut self) {
        if let Some(mut pooled) = self.object.take().map(Object::take)
            && let Some(raw) = pooled.raw.take()
        {
            raw.close().await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Dropping a connection of the driver closes it without waiting for anybody.
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
