//! The pool of connections: their number and the queue for them are bounded, and a connection in an
//! uncertain state never returns to the pool.
//!
//! The driver's own transactions count their depth on their own, and this count is wrong after a
//! COMMIT that failed. So BEGIN, COMMIT and ROLLBACK are ordinary statements here, and a connection
//! returns to the pool only if the statement that ended its transaction succeeded.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
use super::nesting;
use super::options::Options;
use super::place::Host;
use crate::domain::request;
use crate::runtime::spans;

/// A connection of the driver.
#[derive(Debug)]
pub(super) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// The result of a statement.
type Answer<T> = Result<T, sqlx::Error>;

impl Raw {
    /// Runs a text without values, which may contain several statements.
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

/// The database to which connections are made.
#[derive(Debug)]
pub(super) enum Target {
    /// A file. Its identity is kept too, so that a replaced file is noticed.
    Sqlite(Box<SqliteConnectOptions>, PathBuf),
    /// Servers, which are tried in this order. The flag says whether a server must accept writes.
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

    pub(super) async fn connect(&self, connect_timeout: Duration) -> Result<Raw, ConnectFailure> {
        match self {
            Self::Sqlite(options, path) => {
                let raw = options.connect().await;
                raw.map(Raw::Sqlite)
                    .map_err(|error| ConnectFailure::of(&path.display().to_string(), &error))
            }
            Self::Postgres(options, hosts, must_write) => {
                postgres(options, hosts, *must_write, connect_timeout).await.map(Raw::Postgres)
            }
        }
    }
}

/// A connection to the first server that answers and, if required, can be written to.
async fn postgres(
    options: &PgConnectOptions,
    hosts: &[Host],
    must_write: bool,
    connect_timeout: Duration,
) -> Result<PgConnection, ConnectFailure> {
    let share = connect_timeout / u32::try_from(hosts.len()).unwrap_or(1).max(1);
    let mut refused = Vec::new();
    for host in hosts {
        let name = format!("Postgres at {host}");
        let open = async {
            let mut raw = host.on(options).connect().await?;
            if must_write {
                // Not as a prepared statement, which a pooler would lose.
                let row = raw.fetch_one("SHOW transaction_read_only").await?;
                let state: String = row.try_get(0)?;
                return Ok((raw, state == "off"));
            }
            Ok((raw, true))
        };
        refused.push(match timeout(share, open).await {
            Ok(Ok((raw, true))) => return Ok(raw),
            Ok(Ok((_, false))) => ConnectFailure::passing(format!("{name} cannot be written to")),
            Ok(Err(error)) => ConnectFailure::of(&name, &error),
            Err(_) => ConnectFailure::passing(format!("{name} did not answer within {share:?}")),
        });
    }
    let passes = refused.iter().any(|one| one.passes) || refused.is_empty();
    let causes: Vec<_> = refused.into_iter().map(|one| one.cause).collect();
    Err(ConnectFailure { cause: causes.join("; "), passes })
}

/// Why no connection could be made.
#[derive(Debug)]
pub(super) struct ConnectFailure {
    cause: String,
    passes: bool,
}

impl ConnectFailure {
    fn of(name: &str, error: &sqlx::Error) -> Self {
        let cause = format!("{name}: {}", words(error));
        Self { cause, passes: super::cause::is_passing(error) }
    }

    fn passing(cause: String) -> Self {
        Self { cause, passes: true }
    }
}

impl From<ConnectFailure> for DbErr {
    fn from(refused: ConnectFailure) -> Self {
        if refused.passes { unavailable(refused.cause) } else { Self::Custom(refused.cause) }
    }
}

/// Makes connections, and checks them before they are used again.
#[derive(Debug)]
struct Maker {
    target: Target,
    /// The longest time to make a connection.
    connect_timeout: Duration,
    /// When a connection last failed. Connections that were made before this instant are not
    /// trusted.
    doubted: Mutex<Option<std::time::Instant>>,
}

/// A connection in the pool.
#[derive(Debug)]
struct Pooled {
    raw: Option<Raw>,
    file: Option<FileIdentity>,
}

/// The longest time to make a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a caller waits until others have found out whether the database is back.
const PROBED: Duration = Duration::from_millis(500);
/// A connection that was unused for this long is checked before it is used again. Under load, the
/// time between two uses is shorter.
const RESTED: Duration = Duration::from_secs(1);
/// The longest time for the answer to that check.
const LOOK: Duration = Duration::from_secs(1);
/// The age at which a connection is replaced, so that servers and proxies can free memory and
/// changed addresses take effect.
const OLD: Duration = Duration::from_mins(30);

impl Maker {
    fn doubt(&self) {
        let now = Instant::now().into_std();
        *self.doubted.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

impl managed::Manager for Maker {
    type Type = Pooled;
    type Error = ConnectFailure;

    async fn create(&self) -> Result<Pooled, ConnectFailure> {
        let file = match &self.target {
            Target::Sqlite(_, path) => Some(FileIdentity::of(path).ok_or_else(|| {
                ConnectFailure::passing(format!("{}: the database file is gone", path.display()))
            })?),
            Target::Postgres(..) => None,
        };
        let raw = timeout(self.connect_timeout, self.target.connect(self.connect_timeout)).await;
        let raw = raw.map_err(|_| {
            ConnectFailure::passing(format!(
                "{} did not answer within {:?}",
                self.target.name(),
                self.connect_timeout
            ))
        })??;
        Ok(Pooled { raw: Some(raw), file })
    }

    async fn recycle(&self, pooled: &mut Pooled, seen: &Metrics) -> RecycleResult<ConnectFailure> {
        let unusable = |why: &'static str| Err(RecycleError::message(why));
        match (&self.target, &mut pooled.raw) {
            (Target::Sqlite(_, path), Some(_)) if FileIdentity::of(path) != pooled.file => {
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

/// The identity of a file, whatever its path is: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity(u64, u64);

impl FileIdentity {
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
    /// No connection is left and none can be made. Then one caller at a time tries, and the others
    /// are refused.
    away: AtomicBool,
    probe: tokio::sync::Mutex<()>,
    /// How many of those who tried have failed.
    failed_probes: AtomicU64,
    how: How,
}

/// The use of the connections at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections that are open and not in use.
    pub idle: usize,
    /// Connections that are in use.
    pub in_use: usize,
    /// Callers that wait for a connection.
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

/// How connections are used: the limits and time limits from the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// The most connections at the same time.
    pub(super) connections: usize,
    /// The most callers that wait for a connection.
    pub(super) queue: usize,
    /// The longest time until a connection is free or made.
    pub(super) wait: Duration,
    /// The longest time for all work with a connection until it is given back.
    pub(super) statement: Duration,
    /// The longest time to wait for a lock that another transaction has.
    pub(super) lock: Duration,
    /// The longest time until the next statement of a transaction.
    pub(super) idle: Duration,
    /// Whether statements stay prepared at the server. If not, every statement runs in a
    /// transaction, so that a pooler keeps the same server for it.
    pub(super) prepared: bool,
}

impl How {
    /// Reads the limits from the settings.
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

    /// The same limits, with only one connection.
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
        let failed_probes = AtomicU64::default();
        Ok(Self { inner, queue, away, probe, failed_probes, how })
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

    /// Takes a connection out of the pool.
    pub(super) async fn take(&self) -> Result<Held, DbErr> {
        debug_assert!(
            nesting::may_take(self),
            "a task with a transaction takes a second connection"
        );
        let Ok(_place) = self.queue.try_acquire() else {
            return Err(unavailable("too many wait for a database connection"));
        };
        if !self.away.load(Ordering::SeqCst) {
            return self.wait().await;
        }
        // Whoever is trying already may have begun when the database was still away. So a caller is
        // refused only after an attempt that began later than this call.
        let failed_before = self.failed_probes.load(Ordering::SeqCst);
        let (probing, begun_before) = match self.probe.try_lock() {
            Ok(probing) => (Some(probing), 0),
            Err(_) => (timeout(request::at_most(PROBED), self.probe.lock()).await.ok(), 1),
        };
        if !self.away.load(Ordering::SeqCst) {
            drop(probing);
            return self.wait().await;
        }
        let failed = self.failed_probes.load(Ordering::SeqCst) - failed_before;
        if probing.is_none() || failed > begun_before {
            let name = self.inner.manager().target.name();
            return Err(unavailable(format!("{name} does not answer")));
        }
        let got = self.wait().await;
        if got.is_err() {
            self.failed_probes.fetch_add(1, Ordering::SeqCst);
        }
        got
    }

    async fn wait(&self) -> Result<Held, DbErr> {
        let _span = spans::of_part("database connection");
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
        // A request that had hardly any time left tells nothing about the state of the database.
        if got.is_err() && wait < self.how.wait {
            return got;
        }
        self.away.store(got.is_err() && self.inner.status().size == 0, Ordering::SeqCst);
        got
    }

    /// The use of the pool at this moment.
    pub(super) fn load(&self) -> Load {
        let status = self.inner.status();
        let in_use = status.size.saturating_sub(status.available);
        Load { idle: status.available, in_use, waiting: status.waiting }
    }

    /// Records that a connection died or stopped answering. Older connections are not trusted any
    /// more either.
    pub(super) fn doubt(&self) {
        self.inner.manager().doubt();
    }

    /// Does work with a connection, within the deadline. If the work fails in a way that leaves the
    /// state of the connection uncertain, or this future is dropped before it ends, the connection
    /// is not used again.
    pub(super) async fn within<T>(
        &self,
        held: &mut Held,
        deadline: Instant,
        work: impl AsyncFnOnce(&mut Raw) -> Answer<T>,
    ) -> Result<T, StatementFailure> {
        let began = Instant::now();
        // If the deadline has already passed, the work is not begun, and the connection stays
        // usable.
        if held.is_good() && deadline <= began {
            return Err(StatementFailure::Late(Duration::ZERO));
        }
        let raw = held.enter().ok_or(StatementFailure::Gone)?;
        let _span = spans::of_part("database statement");
        let watch = Watch { pool: self, began, answered: false };
        let Ok(done) = timeout_at(deadline, work(raw)).await else {
            held.state = State::Lost;
            return Err(StatementFailure::Late(began.elapsed()));
        };
        watch.answered();
        let lost = done.as_ref().is_err_and(is_of_connection);
        held.state = if lost { State::Lost } else { State::Good };
        done.map_err(StatementFailure::Error)
    }

    /// Closes the connections that are not in use. Those in use are closed when they are given
    /// back.
    pub(super) async fn close(&self) {
        for pooled in self.inner.retain(|_, _| false).removed {
            if let Some(raw) = pooled.raw {
                raw.close().await;
            }
        }
        self.inner.close();
    }
}

/// Watches a running statement. If it is dropped without an answer after a long time, the
/// connection has stopped answering. If it is dropped after a short time, the delay was our own.
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

/// Why a statement has no result.
#[derive(Debug)]
pub(super) enum StatementFailure {
    Error(sqlx::Error),
    Late(Duration),
    Gone,
}

impl StatementFailure {
    pub(super) fn was_dead(&self) -> bool {
        matches!(self, Self::Error(error) if super::cause::was_dead(error))
    }

    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Error(error) if super::cause::is_conflict(error))
    }
}

impl From<StatementFailure> for DbErr {
    fn from(failed: StatementFailure) -> Self {
        match failed {
            StatementFailure::Error(error) => Self::Query(RuntimeErr::SqlxError(error.into())),
            StatementFailure::Late(Duration::ZERO) => {
                unavailable("there is no time left for a statement")
            }
            StatementFailure::Late(waited) => {
                unavailable(format!("the database did not answer within {waited:.1?}"))
            }
            StatementFailure::Gone => unavailable("the connection of this transaction was closed"),
        }
    }
}

/// A connection that is in use.
#[derive(Debug)]
pub(super) struct Held {
    object: Option<Object<Maker>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// A statement is running.
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

    /// Whether it can still be used.
    pub(super) fn is_good(&self) -> bool {
        self.state == State::Good
    }

    /// Whether a statement can be sent to it, even while another one is running: connections to
    /// SQLite work off their statements one after the other.
    pub(super) fn listens(&mut self) -> bool {
        let is_sqlite =
            self.object.as_ref().is_some_and(|object| matches!(object.raw, Some(Raw::Sqlite(_))));
        if self.state == State::Busy && is_sqlite {
            self.state = State::Good;
        }
        self.is_good()
    }

    /// Gives it back to the pool. It must not be in a transaction.
    pub(super) fn give_back(mut self) {
        if self.is_good() {
            self.object = None;
        }
    }

    /// Closes the connection, and waits until it is closed.
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
        // Dropping a connection of the driver closes it without waiting.
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
