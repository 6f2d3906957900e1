//! How the database is used: its settings.

use std::time::Duration;

use super::place::{check_url, shown_url, with_ca};
use crate::settings::kinds::{duration, duration_or_zero, flag, optional_path, whole};
use crate::settings::value_type::{Holds, ValueType};
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

/// The setting that names the certificate authority of Postgres.
const CA_FILE: &str = "database.ca_file";

/// Declares and reads the URL of the database. The certificate authority becomes a part of it.
pub fn url(from: &mut Collector) -> String {
    from.begin("Database");
    let parse = |text: &str| check_url(text).map(|()| Some(text.to_owned()));
    let show = |url: &Option<String>| shown_url(url.as_deref().unwrap_or(DEFAULT_URL));
    let (path, file) = ("database.url", "database.url_file");
    let setting = Setting::new(path, ValueType::Text("URL"), None, parse, show);
    let setting = setting.or_as(&["database_url"]).words(
        "`sqlite://` and the path of a file, or `postgres://user:password@host/database`. Several hosts, IPv6, sockets and TLS: see [operators.md](operators.md#data).",
    );
    let aliases = &["database_url_file"];
    let url = from.take_secret_or_as(setting, file, aliases, |text| text.expose().clone());
    let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
    let ca = optional_path(CA_FILE, Holds::File).words(
        "The certificate authority of Postgres, in PEM. With it, connections are encrypted and the certificate must be for the host of the URL, as with `sslmode=verify-full`.",
    );
    from.take(ca);
    checked(from, path, file, url)
}

/// Declares and reads the URL of a standby.
pub fn read_url(from: &mut Collector) -> Option<String> {
    from.begin("Database");
    let parse = |text: &str| check_url(text).map(|()| Some(text.to_owned()));
    let show = |url: &Option<String>| url.as_deref().map(shown_url).unwrap_or_default();
    let (path, file) = ("database.read_url", "database.read_url_file");
    let setting = Setting::new(path, ValueType::Text("URL"), None, parse, show).words(
        "A standby of Postgres, from which lists are read that may be some seconds old: see [operators.md](operators.md#many-replicas). Everything else, and these lists while the standby is away or far behind, is read from `database.url`.",
    );
    let url = from.take_secret(setting, file, |text| text.expose().clone())?;
    let url = checked(from, path, file, url);
    let is_file = |url: &str| !url.starts_with("postgres");
    let primary = from.shown("database.url");
    if is_file(&url) || (!from.is_given("database.url_file") && primary.is_none_or(is_file)) {
        from.problem(path, "is for Postgres: it and database.url must begin with postgres://");
    }
    Some(url)
}

/// The URL of a setting or of its file, with the certificate authority. Problems are reported.
fn checked(from: &mut Collector, path: &str, file: &str, url: String) -> String {
    // A URL that was given as text was already checked when it was read.
    if from.is_given(file)
        && let Err(problem) = check_url(&url)
    {
        from.problem(file, format!("names a file whose URL {problem}"));
        return url;
    }
    let Some(ca) = from.shown(CA_FILE) else { return url };
    match with_ca(&url, ca) {
        Ok(url) => url,
        Err(problem) => {
            let given = if from.is_given(file) { file } else { path };
            from.problem(given, format!("{problem} ({CA_FILE} is given)"));
            url
        }
    }
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
