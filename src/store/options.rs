//! How the database is used: its settings.

use std::time::Duration;

use super::place::{check_url, shown_url};
use crate::settings::kinds::{duration, duration_or_zero, flag, whole};
use crate::settings::value_type::ValueType;
use crate::settings::{Collector, Setting, settings};

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
        pub pool_size: u32 = whole("database.pool_size", 1..=1000, 10),
        /// For a connection to be free or to be made. Afterwards the answer is 503.
        pub pool_wait: Duration = duration("database.pool_wait", Duration::from_secs(3)),
        /// So many may wait for a connection, to SQLite too; who comes then gets 503 at once.
        pub pool_queue: u32 = whole("database.pool_queue", 1..=1_000_000, 1000),
        /// For a statement, and for all statements of a transaction together. A Postgres server gives up
        /// a little before; where it does not answer, the connection is closed. The answer is 503.
        pub statement_timeout: Duration = duration("database.statement_timeout", Duration::from_secs(5)),
        /// For a lock that somebody else has: a row of Postgres, the whole file of SQLite.
        pub lock_timeout: Duration = duration("database.lock_timeout", Duration::from_secs(2)),
        /// A Postgres server undoes a transaction in which nothing was asked for so long: whoever began
        /// it is gone.
        pub idle_in_transaction_timeout: Duration = duration("database.idle_in_transaction_timeout", Duration::from_secs(10)),
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
    let setting = Setting::new("database_url", ValueType::Text("URL"), None, parse, show);
    let setting = setting.words(
        "`sqlite://` and the path of a file, or `postgres://user:password@host/database`. Several hosts, IPv6 and sockets: see [operators.md](operators.md#data).",
    );
    let file = "database_url_file";
    let url = from.take_secret(setting, file, |text| text.expose().clone());
    let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
    // A URL that was given as text was already checked when it was read.
    if from.is_given(file)
        && let Err(problem) = check_url(&url)
    {
        from.problem(file, format!("names a file whose URL {problem}"));
    }
    url
}

impl Options {
    /// The options for a command: no browser waits for it, and it may change very many rows, so its
    /// limits are longer.
    #[must_use]
    pub fn patient(self) -> Self {
        Self {
            pool_wait: self.pool_wait.max(LONG),
            statement_timeout: self.statement_timeout.max(LONG),
            lock_timeout: self.lock_timeout.max(LONG),
            idle_in_transaction_timeout: self.idle_in_transaction_timeout.max(LONG * 2),
            ..self
        }
    }
}

/// The shortest limit for the waits of a command.
const LONG: Duration = Duration::from_mins(1);
