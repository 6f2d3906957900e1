//! The open database.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::sync::watch;
use tokio::time::Instant;

use super::cause::while_doing;
use super::connection::{Committed, Connection};
use super::known_subscriptions::Subscriptions;
use super::options::Options;
use super::place::{self, DatabasePlace};
use super::pool::{How, Load, Pool, Target};
use super::reader::Reader;
use super::standby::Lists;
use super::tx::Tx;
use super::{file, migrating, server};
use crate::domain::actor::Acting;
use crate::domain::verdict::Fault;
use crate::store::webhooks;

/// How long the result of the readiness check is remembered.
const REMEMBERED: Duration = Duration::from_secs(1);
/// The longest time that a small write takes in a database that counts as ready.
const READY: Duration = Duration::from_secs(2);

/// The open database. A clone shares the connections.
#[derive(Clone, Debug)]
pub struct Store {
    reader: Committed,
    writer: Committed,
    lists: Lists,
    ready: Arc<tokio::sync::Mutex<Option<(Instant, bool)>>>,
    changes: watch::Sender<u64>,
    acting: Option<Acting>,
    subscriptions: Arc<Subscriptions>,
}

impl Reader for Store {
    type Connection = Committed;

    fn connection(&self) -> &Committed {
        &self.reader
    }
}

impl Store {
    /// Opens the database. An SQLite file that is missing is created, readable only by its owner.
    pub async fn open(url: &str, options: &Options) -> Result<Self, Fault> {
        let fault = while_doing("opening the database");
        let how = How::new(options);
        let (writer, reader) = match place::read(url)? {
            DatabasePlace::Sqlite(given) => {
                let path = given.get_filename().to_path_buf();
                file::make(&path)?;
                let target = |options| Target::Sqlite(Box::new(options), path.clone());
                let to_write = target(file::options_to_write(&given, options.lock_timeout));
                let to_read = target(file::options(&given, options.lock_timeout));
                let writer = Pool::new(to_write, How { connections: 1, ..how }).map_err(&fault)?;
                let reader = Pool::new(to_read, How { connections: 2, ..how }).map_err(&fault)?;
                (Arc::new(writer), Arc::new(reader))
            }
            DatabasePlace::Postgres(place) => {
                let target = server::target(&place, options);
                let pool = Arc::new(Pool::new(target, how).map_err(&fault)?);
                (Arc::clone(&pool), pool)
            }
        };
        for pool in [&writer, &reader] {
            pool.take().await.map_err(&fault)?.give_back();
        }
        let reader = Committed::new(reader);
        Ok(Self {
            lists: Lists::of(&reader),
            reader,
            writer: Committed::new(writer),
            ready: Arc::default(),
            changes: watch::Sender::new(0),
            acting: None,
            subscriptions: Arc::default(),
        })
    }

    /// The same database, whose lists are read from the standby at this URL.
    pub fn with_standby(self, url: &str, options: &Options) -> Result<Self, Fault> {
        Ok(Self { lists: self.lists.with(url, options)?, ..self })
    }

    /// The same database, in whose transactions somebody acts in the administration: the audit
    /// events say who, and from where.
    #[must_use]
    pub fn acting_as(&self, acting: &Acting) -> Self {
        Self { acting: Some(acting.clone()), ..self.clone() }
    }

    /// Whether there is a standby.
    #[must_use]
    pub fn has_standby(&self) -> bool {
        self.lists.standby().is_some()
    }

    /// Where lists for people and numbers for operators are read: they may be some seconds old.
    /// Nothing else may be read from here: not whether something still counts, no throttle, no code,
    /// no session.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The connections through which single statements may write.
    pub(super) fn writer(&self) -> &Committed {
        &self.writer
    }

    /// How many batches of changes are best at work at the same time. SQLite has one writer:
    /// several small batches would only share it, at a commit each.
    #[must_use]
    pub fn batches_at_once(&self) -> usize {
        match self.writer.get_database_backend() {
            DbBackend::Postgres => 3,
            _ => 1,
        }
    }

    /// The use of the connections at this moment. For SQLite it is the sum of two pools.
    #[must_use]
    pub fn load(&self) -> Load {
        let (writer, reader) = (self.writer.pool(), self.reader.pool());
        if Arc::ptr_eq(writer, reader) { writer.load() } else { writer.load() + reader.load() }
    }

    /// Begins a transaction at this instant.
    pub async fn begin(&self, now: DateTime<Utc>) -> Result<Tx, Fault> {
        let begun = Connection::begin(self.writer.pool()).await;
        let begun = begun.map_err(while_doing("beginning a transaction"))?;
        let (changes, acting) = (self.changes.clone(), self.acting.clone());
        Ok(Tx::new(begun, now, changes, acting, Arc::clone(&self.subscriptions)))
    }

    /// Reads again who is told of audit events: another process has changed it.
    pub async fn learn_subscriptions(&self) -> Result<(), Fault> {
        self.subscriptions.set(Some(webhooks::subscriptions(self).await?));
        Ok(())
    }

    /// Forgets who is told of audit events, until the next one is written.
    pub fn forget_subscriptions(&self) {
        self.subscriptions.set(None);
    }

    /// How often this process has changed a table that servers watch
    /// ([`revisions`](super::revisions)).
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the database can be written to and has all current tables. Reads alone would not
    /// notice a full disk, a read-only server, a file that was deleted, or the copy of an older
    /// version. The result is remembered for a second, for all callers.
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
            tracing::warn!(cause, "not ready: the database cannot be used as it is");
        }
        *known = Some((Instant::now(), ready));
        ready
    }

    async fn write_something(&self, now: DateTime<Utc>) -> Result<(), Fault> {
        let tx = self.begin(now).await?;
        if let Err(fault) = migrated(&tx).await {
            tx.abandon().await;
            return Err(fault);
        }
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

    /// The clock of the database; `None` for SQLite, which has none of its own.
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

    /// The name and version of the database, as it says them itself.
    pub async fn version(&self) -> Result<String, Fault> {
        let fault = while_doing("asking the database for its version");
        let backend = self.reader.get_database_backend();
        let (name, sql) = match backend {
            DbBackend::Postgres => ("Postgres", "SELECT current_setting('server_version') AS it"),
            _ => ("SQLite", "SELECT sqlite_version() AS it"),
        };
        let statement = Statement::from_string(backend, sql);
        let row = self.reader.query_one_raw(statement).await.map_err(&fault)?;
        let version = row.map(|row| row.try_get::<String>("", "it")).transpose().map_err(&fault)?;
        Ok(format!("{name} {}", version.unwrap_or_default()))
    }

    /// Closes every connection. For SQLite, everything is then in the one file.
    pub async fn close(&self) {
        self.lists.close().await;
        self.reader.pool().close().await;
        if self.reader.get_database_backend() == DbBackend::Sqlite
            && let Ok(writer) = self.writer.pool().take().await
        {
            file::fold(self.writer.pool(), writer).await;
        }
        self.writer.pool().close().await;
    }
}

/// Whether all migrations are applied: the database may have been replaced by an older copy.
async fn migrated(tx: &Tx) -> Result<(), Fault> {
    let doing = "looking which migrations were applied";
    let select = "SELECT version FROM seaql_migrations";
    let statement = Statement::from_string(tx.connection().get_database_backend(), select);
    let rows = tx.connection().query_all_raw(statement).await.map_err(while_doing(doing))?;
    let applied: Result<Vec<String>, _> =
        rows.iter().map(|row| row.try_get("", "version")).collect();
    let pending = migrating::not_among(&applied.map_err(while_doing(doing))?);
    if pending.is_empty() {
        return Ok(());
    }
    let why = format!("{} pending: {}", pending.len(), pending.join(", "));
    Err(Fault::unavailable(doing, why))
}
