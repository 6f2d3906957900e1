//! The installation that a verb works on: its settings and its database.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::output::{self, Output};
use crate::app::config::{self, Loaded, Settings};
use crate::app::{self, telemetry};
use crate::domain::actor::Actor;
use crate::domain::clock::Clock;
use crate::domain::verdict::{OrRejected, Rejected};
use crate::store::{self, Store};

/// What a verb does with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseUse {
    /// It only reads: it creates nothing and applies no migrations.
    Reads,
    /// It changes existing data, so there must be a database.
    Changes,
    /// It may be the first verb of an installation, so it creates the database if there is none.
    Adds,
}

/// The installation that a verb works on.
#[derive(Debug)]
pub(super) struct Installation {
    file: Option<PathBuf>,
    pub(super) output: Output,
    pub(super) clock: Clock,
    /// The database that a verb opened. It is closed when the verb ends.
    store: OnceLock<(Arc<Store>, Box<Settings>)>,
}

impl Installation {
    /// The installation of this settings file, and how its verbs print.
    pub(super) fn new(file: Option<PathBuf>, output: Output) -> Self {
        Self { file, output, clock: Clock::system(), store: OnceLock::new() }
    }

    /// The settings file, if one is named.
    #[expect(clippy::disallowed_methods, reason = "the one place that names the settings file")]
    pub(super) fn file(&self) -> Option<PathBuf> {
        let named = || std::env::var("MAPAE_CONFIG").ok().filter(|file| !file.is_empty());
        self.file.clone().or_else(|| named().map(PathBuf::from))
    }

    /// The files with which this installation works: no verb writes its result over one of them, also
    /// where one is empty or not there now.
    pub(super) fn files_at_work(&self, settings: &Settings) -> OrRejected<Vec<PathBuf>> {
        let mut files = store::sqlite_files(&settings.database_url)?;
        files.extend(settings.master_key.files());
        files.extend(app::epoch_files(settings)?);
        files.extend(self.file());
        Ok(files)
    }

    pub(super) fn load(&self, flags: &[(&str, String)]) -> Loaded {
        config::load(self.file().as_deref(), std::env::vars(), flags)
    }

    /// The settings for a server, which logs through a queue.
    pub(super) fn settings(&self, flags: &[(&str, String)]) -> OrRejected<Settings> {
        let loaded = self.load(flags);
        if let Ok(settings) = &loaded.settings {
            telemetry::log_in_background(settings.log);
        }
        checked(loaded)
    }

    /// The settings for a verb that prints its result: only warnings and errors are logged.
    pub(super) fn quiet_settings(&self) -> OrRejected<Settings> {
        telemetry::log(LevelFilter::WARN);
        checked(self.load(&[]))
    }

    /// Opens the database for this kind of verb.
    pub(super) async fn store(
        &self,
        settings: &Settings,
        database_use: DatabaseUse,
    ) -> OrRejected<Arc<Store>> {
        let options = settings.database.patient();
        let is_new = app::is_missing(settings)?;
        let store = match database_use {
            DatabaseUse::Reads => app::open_existing_store(settings, &options).await?,
            DatabaseUse::Changes => {
                app::check_existing_store(settings)?;
                app::open_store(settings, &options).await?
            }
            DatabaseUse::Adds => app::open_store(settings, &options).await?,
        };
        if is_new {
            output::note(&format!("made a new database at {}", settings.database()));
        }
        // A verb has one database: a second call returns the same.
        let opened =
            || (Arc::new(store.acting_as(&Actor::Operator.into())), Box::new(settings.clone()));
        let (store, _) = self.store.get_or_init(opened);
        Ok(Arc::clone(store))
    }

    /// Closes the database that a verb opened, and tells the servers if the verb changed something
    /// that they keep in memory.
    pub(super) async fn close(&self) {
        if let Some((store, settings)) = self.store.get() {
            if *store.changes().borrow() > 0 {
                app::tell_servers(settings).await;
            }
            store.close().await;
        }
    }

    /// Prints a result: JSON, or words for people.
    pub(super) fn print(&self, json: &serde_json::Value, words: &str) {
        self.output.print(json, words);
    }

    /// Says that the list which was printed goes on after this.
    pub(super) fn more(&self, next: Option<impl Display>) {
        if let (Some(next), false) = (next, self.output.json) {
            output::note(&format!("there are more: --after {next}"));
        }
    }

    /// Prints that something was done.
    pub(super) fn done(&self, what: &str) {
        self.print(&json!({ "done": true }), what);
    }
}

fn checked(loaded: Loaded) -> OrRejected<Settings> {
    let settings = loaded.settings.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Rejected(format!("the settings are not good:\n  {}", lines.join("\n  ")))
    })?;
    for unknown in loaded.unknown_env {
        tracing::warn!(name = unknown.name, "{unknown}");
    }
    Ok(settings)
}
