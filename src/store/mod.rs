//! The database: one file = one table, free functions that take a [`Reader`] to read and a
//! [`Tx`] to write. SQLite and Postgres run the same code.
//!
//! Invariants: every write happens in a [`Tx`]; on SQLite there is one writer connection, begun
//! IMMEDIATE, with WAL and `synchronous=FULL`, so what was answered is on the disk. Everything that
//! is asked of the database has a deadline ([`Options::deadline`]).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::time::Instant;

use crate::domain::verdict::Fault;
use crate::settings::declare::Form;
use crate::settings::kinds::{duration, duration_or_zero, flag, whole};
use crate::settings::{Collector, Setting, settings};

mod account_keys;
pub mod apps;
pub mod audit_events;
pub mod authorization_codes;
pub mod browsers;
mod cause;
pub mod client_changes;
pub mod clients;
mod column;
mod connection;
pub mod consents;
pub mod endings;
pub mod families;
mod file;
pub mod identities;
pub mod interactions;
pub mod known_addresses;
pub mod live;
pub mod logout_notices;
mod migrating;
mod place;
mod pool;
pub mod providers;
pub mod revisions;
pub mod revoked_access_tokens;
pub mod sealed_keys;
pub mod sessions;
pub mod signing_keys;
pub mod successions;
pub mod throttles;
mod tx;
pub mod upstream_logins;
pub mod used_assertions;
pub mod users;

use cause::while_doing;
use connection::Committed;
pub use connection::Connection;
pub use file::{ServeLock, sqlite_path};
pub use migrating::{MigrationState, migrate, migration_status};
use place::Place;
pub use pool::Load;
use pool::{How, Pool, Target};
pub use tx::Tx;

/// Whoever can read: the [`Store`] for what is committed, a [`Tx`] for what it sees itself.
pub trait Reader: Sync {
    /// The connection behind it.
    type Connection: ConnectionTrait;

    /// The connection behind it.
    fn connection(&self) -> &Self::Connection;
}

settings! {
    /// How the database is used.
    #[derive(Clone, Copy, Debug)]
    pub struct Options in "Database" {
        /// A start waits for so long for a Postgres that does not answer; `0` does not wait. Verbs of
        /// the command line never wait.
        pub wait: Duration = duration_or_zero("database.wait", Duration::from_mins(1)),
        /// Whether statements stay prepared at a Postgres server. `false` behind a pooler that gives
        /// each transaction another connection, like `PgBouncer` with `pool_mode = transaction`.
        pub prepared_statements: bool = flag("database.prepared_statements", true),
        /// The most connections to Postgres that one server opens.
        pub connections: u32 = whole("database.connections", 1..=1000, 10),
        /// For a connection to be free, and then for everything in a transaction or read. Afterwards
        /// the connection is closed and the answer is 503.
        pub deadline: Duration = duration("database.deadline", Duration::from_secs(3)),
        /// So many may wait for a connection, to SQLite too; who comes then gets 503 at once.
        pub queue: u32 = whole("database.queue", 1..=1_000_000, 1000),
    }
}

impl Default for Options {
    fn default() -> Self {
        crate::settings::defaults()
    }
}

const DEFAULT_URL: &str = "sqlite://data/mapae.db";

/// Declares and reads the URL of the database.
pub fn url(from: &mut Collector) -> String {
    from.begin("Database");
    let parse = |text: &str| check_url(text).map(|()| Some(text.to_owned()));
    let show = |url: &Option<String>| shown_url(url.as_deref().unwrap_or(DEFAULT_URL));
    let setting = Setting::new("database_url", Form::Text("URL"), None, parse, show);
    let setting = setting.words(
        "`sqlite://` and the path of a file, or `postgres://user:password@host/database`. Several hosts, IPv6 and sockets: see [operators.md](operators.md#data).",
    );
    let file = "database_url_file";
    let url = from.take_secret(setting, file, |text| text.to_string());
    let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
    // A text was checked when it was read.
    if from.is_given(file)
        && let Err(problem) = check_url(&url)
    {
        from.problem(file, format!("names a file whose URL {problem}"));
    }
    url
}

impl Options {
    /// For a verb of the command line: nobody waits for an answer in a browser.
    #[must_use]
    pub fn patient(self) -> Self {
        Self { deadline: self.deadline.max(LONG), ..self }
    }
}

/// For a transaction that may change very many rows.
const LONG: Duration = Duration::from_mins(1);
/// How long the answer to "can it be written to?" is remembered.
const REMEMBERED: Duration = Duration::from_secs(1);
/// The longest that a ready database takes for a small write.
const READY: Duration = Duration::from_secs(2);

/// The open database.
#[derive(Debug)]
pub struct Store {
    reader: Committed,
    writer: Committed,
    ready: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl Reader for Store {
    type Connection = Committed;

    fn connection(&self) -> &Committed {
        &self.reader
    }
}

/// What is wrong with a database URL, without a word of it: it may hold a password.
pub fn check_url(url: &str) -> Result<(), String> {
    Place::parse(url).map(drop)
}

/// A database URL without its secrets.
#[must_use]
pub fn shown_url(url: &str) -> String {
    place::shown(url)
}

fn read_place(url: &str) -> Result<Place, Fault> {
    Place::parse(url).map_err(|problem| {
        Fault::internal("reading the database URL", format!("database_url {problem}"))
    })
}

impl Store {
    /// Opens the database; makes an SQLite file that is missing, readable by its owner alone.
    pub async fn open(url: &str, options: &Options) -> Result<Self, Fault> {
        let fault = while_doing("opening the database");
        let how = How {
            connections: usize::try_from(options.connections).unwrap_or(1),
            queue: usize::try_from(options.queue).unwrap_or(1),
            deadline: options.deadline,
            prepared: options.prepared_statements,
        };
        let (writer, reader) = match read_place(url)? {
            Place::Sqlite(given) => {
                let path = given.get_filename().to_path_buf();
                file::make(&path)?;
                let target = || {
                    Target::Sqlite(Box::new(file::options(&given, options.deadline)), path.clone())
                };
                let writer = Pool::new(target(), How { connections: 1, ..how }).map_err(&fault)?;
                let reader = Pool::new(target(), How { connections: 2, ..how }).map_err(&fault)?;
                (Arc::new(writer), Arc::new(reader))
            }
            Place::Postgres(place) => {
                let target = migrating::postgres(&place, options);
                let pool = Arc::new(Pool::new(target, how).map_err(&fault)?);
                (Arc::clone(&pool), pool)
            }
        };
        for pool in [&writer, &reader] {
            pool.take().await.map_err(&fault)?.give_back();
        }
        Ok(Self {
            reader: Committed::new(reader),
            writer: Committed::new(writer),
            ready: tokio::sync::Mutex::default(),
        })
    }

    /// How the connections stand at this moment. SQLite has them in two pools.
    #[must_use]
    pub fn load(&self) -> Load {
        let (writer, reader) = (self.writer.pool(), self.reader.pool());
        if Arc::ptr_eq(writer, reader) { writer.load() } else { writer.load() + reader.load() }
    }

    /// Begins a transaction at this instant.
    pub async fn begin(&self, now: DateTime<Utc>) -> Result<Tx, Fault> {
        self.begin_within(now, self.writer.pool().how().deadline).await
    }

    /// Begins a transaction at this instant that may take a minute: for one that changes as many
    /// rows as somebody happens to have.
    pub async fn begin_long(&self, now: DateTime<Utc>) -> Result<Tx, Fault> {
        self.begin_within(now, self.writer.pool().how().deadline.max(LONG)).await
    }

    async fn begin_within(&self, now: DateTime<Utc>, within: Duration) -> Result<Tx, Fault> {
        let begun = Connection::begin(self.writer.pool(), within).await;
        Ok(Tx::new(begun.map_err(while_doing("beginning a transaction"))?, now))
    }

    /// Whether the database can be written to: a full disk, a read-only server or a file that was
    /// deleted answer reads as before. Remembered for a second, whoever asks.
    pub async fn is_ready(&self, now: DateTime<Utc>) -> bool {
        let mut known = self.ready.lock().await;
        if let Some((at, ready)) = *known
            && at.elapsed() < REMEMBERED
        {
            return ready;
        }
        let written = tokio::time::timeout(READY, self.write_something(now)).await;
        let ready = matches!(written, Ok(Ok(())));
        if !ready && known.is_none_or(|(_, ready)| ready) {
            let cause = match written {
                Ok(Err(fault)) => fault.to_string(),
                _ => format!("no small write within {READY:?}"),
            };
            tracing::warn!(cause, "not ready: the database cannot be written to");
        }
        *known = Some((Instant::now(), ready));
        ready
    }

    async fn write_something(&self, now: DateTime<Utc>) -> Result<(), Fault> {
        let tx = self.begin(now).await?;
        let update = format!("UPDATE readiness SET written_at = {}", now.timestamp_millis());
        let written = tx.connection().execute_unprepared(&update).await;
        match written.map_err(while_doing("looking whether the database can be written to")) {
            Ok(_) => tx.commit().await,
            Err(fault) => {
                tx.abandon().await;
                Err(fault)
            }
        }
    }

    /// The clock of the database, where it has one of its own: Postgres.
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>, Fault> {
        if self.reader.get_database_backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let fault = while_doing("reading the clock of the database");
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.reader.query_one_raw(statement).await.map_err(&fault)?;
        let millis = row.map(|row| row.try_get::<i64>("", "now")).transpose().map_err(&fault)?;
        Ok(millis.map(crate::domain::clock::from_millis))
    }

    /// Closes every connection. Of SQLite everything stands in the one file then.
    pub async fn close(&self) {
        self.reader.pool().close().await;
        if self.reader.get_database_backend() == DbBackend::Sqlite
            && let Ok(writer) = self.writer.pool().take().await
        {
            file::fold(self.writer.pool(), writer).await;
        }
        self.writer.pool().close().await;
    }
}

/// What a Postgres server limits by itself, so that no lock outlives who asked for it: it gives up
/// a little before we do, and so the connection can be used on.
fn limits(within: Duration) -> [(&'static str, String); 3] {
    let millis = within.as_millis();
    [
        ("statement_timeout", (millis * 9 / 10).to_string()),
        ("lock_timeout", (millis * 9 / 10).to_string()),
        ("idle_in_transaction_session_timeout", (millis * 2).to_string()),
    ]
}

/// Room for every statement and for the batched ones in each of their sizes.
const STATEMENT_CACHE: usize = 512;

/// Rows that one statement writes: a statement of both databases has room for so many values, and
/// whatever has more rows is written by several.
const ROWS: usize = 500;

/// Deletes at most this many rows that nobody asks for any more: expiry is decided when a row is
/// read, so this is housekeeping alone, in steps short enough for the one writer of SQLite.
/// Who works with such a row at this moment keeps it: cleaning up never waits for anybody.
async fn housekeep<E: sea_orm::EntityTrait>(
    tx: &Tx,
    table: E,
    key: E::Column,
    expired: sea_orm::sea_query::SimpleExpr,
    at_most: u64,
) -> Result<u64, Fault> {
    housekeep_by(tx, table, &[key], expired, at_most).await
}

/// The same for a key of several columns.
async fn housekeep_by<E: sea_orm::EntityTrait>(
    tx: &Tx,
    table: E,
    key: &[E::Column],
    expired: sea_orm::sea_query::SimpleExpr,
    at_most: u64,
) -> Result<u64, Fault> {
    use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query};
    let old = Query::select()
        .columns(key.iter().copied())
        .from(table)
        .and_where(expired)
        .limit(at_most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let key = Expr::tuple(key.iter().map(|column| Expr::col(*column)));
    let delete = Query::delete().from_table(table).and_where(key.in_subquery(old)).to_owned();
    let deleted = tx.connection().execute(&delete).await;
    Ok(deleted.map_err(while_doing("cleaning up"))?.rows_affected())
}

/// Whether no other replica cleans up until this transaction ends. SQLite has one server.
pub async fn cleans_alone(tx: &Tx) -> Result<bool, Fault> {
    if tx.connection().get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let fault = while_doing("asking whether others clean up");
    let sql = "SELECT pg_try_advisory_xact_lock(7020370002) AS is_alone";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = tx.connection().query_one_raw(statement).await.map_err(&fault)?;
    let alone = row.map(|row| row.try_get("", "is_alone")).transpose().map_err(&fault)?;
    Ok(alone.unwrap_or(false))
}
