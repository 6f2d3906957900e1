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
    let setting = Setting::new("database_url", ValueType::Text("URL"), None, parse, show);
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
pub(super) const LONG: Duration = Duration::from_mins(1);
