//! The command line: one family of verbs a file. Exit codes: 0 done, 1 failed, 2 usage.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use tracing::level_filters::LevelFilter;

use crate::app::config::{self, Loaded, Settings};
use crate::app::{self, telemetry};
use crate::domain::clock::Clock;
use crate::domain::verdict::{Error, Rejected};
use crate::store::Store;

mod audit;
mod client;
mod config_verbs;
mod demo;
mod doctor;
mod duties;
mod key;
mod migrate;
mod output;
mod provider;
mod serve;
mod token;
mod user;

use output::Output;

/// A self-hosted OAuth 2 / OpenID Connect authorization server.
#[derive(Debug, Parser)]
#[command(name = "mapae", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct Global {
    /// The settings file (TOML); `MAPAE_CONFIG` names it too
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON document on standard output, everything else on standard error
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server
    Serve(serve::Serve),
    /// Run a throw-away server with a client, a user and a tour
    Demo(demo::Demo),
    /// Look at or apply migrations
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Signing keys
    #[command(subcommand)]
    Key(key::Key),
    /// Registered clients
    #[command(subcommand)]
    Client(client::Verbs),
    /// People
    #[command(subcommand)]
    User(user::Verbs),
    /// Providers of social login
    #[command(subcommand)]
    Provider(provider::Verbs),
    /// Tokens
    #[command(subcommand)]
    Token(token::Token),
    /// What happened: audit events
    #[command(subcommand)]
    Audit(audit::Verbs),
    /// Settings
    #[command(subcommand)]
    Config(config_verbs::Config),
    /// Find out what is wrong with this installation
    Doctor,
}

/// How a verb ends.
type Outcome<T = ()> = Result<T, Error<Rejected>>;

/// A usage error that only the verb can see.
const USAGE: &str = "usage: ";

/// For the last lines of the log, where nobody reads them.
const FLUSH: Duration = Duration::from_millis(500);

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell when the terminal is gone.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    let output = Output { json: cli.global.json };
    let code = match dispatch(cli, output) {
        Ok(code) => code,
        Err(error) => {
            let text = error.to_string();
            let usage = text.strip_prefix(USAGE);
            output::note(usage.unwrap_or(&text));
            ExitCode::from(if usage.is_some() { 2 } else { 1 })
        }
    };
    telemetry::flush(FLUSH);
    code
}

fn dispatch(cli: Cli, output: Output) -> Outcome<ExitCode> {
    let at = Installation {
        file: cli.global.config,
        output,
        clock: Clock::system(),
        store: OnceLock::new(),
    };
    let serves = matches!(cli.verb, Verb::Serve(_) | Verb::Demo(_));
    let runtime = if serves {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()
    } else {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    };
    let runtime = runtime.map_err(|error| Rejected(format!("cannot start: {error}")))?;
    let code = runtime.block_on(async {
        let code = match cli.verb {
            Verb::Serve(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Demo(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Migrate(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Key(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Client(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::User(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Provider(verb) => verb.run(&at).await,
            Verb::Token(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Audit(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Config(verb) => verb.run(&at),
            Verb::Doctor => Box::pin(doctor::run(&at)).await,
        };
        if let Some(store) = at.store.get() {
            store.close().await;
        }
        code
    });
    // A job that waits for its next round must not hold the exit.
    runtime.shutdown_background();
    code
}

/// What a verb does to the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It makes and migrates nothing.
    Reads,
    /// It changes what is there, so a database is.
    Changes,
    /// It may be the first verb of an installation.
    Adds,
}

/// The installation that a verb works on.
#[derive(Debug)]
struct Installation {
    file: Option<PathBuf>,
    output: Output,
    clock: Clock,
    /// What a verb opened: it is closed when the verb ended.
    store: OnceLock<Arc<Store>>,
}

impl Installation {
    #[expect(clippy::disallowed_methods, reason = "the one place that names the settings file")]
    fn file(&self) -> Option<PathBuf> {
        let named = || std::env::var("MAPAE_CONFIG").ok().filter(|file| !file.is_empty());
        self.file.clone().or_else(|| named().map(PathBuf::from))
    }

    fn load(&self, flags: &[(&str, String)]) -> Loaded {
        config::load(self.file().as_deref(), std::env::vars(), flags)
    }

    /// The settings of a server, whose logs go by a queue.
    fn settings(&self, flags: &[(&str, String)]) -> Outcome<Settings> {
        let loaded = self.load(flags);
        if let Ok(settings) = &loaded.settings {
            telemetry::log_in_background(settings.log);
        }
        checked(loaded)
    }

    /// The settings for a verb that prints its own result: only what is wrong is logged.
    fn quiet_settings(&self) -> Outcome<Settings> {
        telemetry::log(LevelFilter::WARN);
        checked(self.load(&[]))
    }

    /// The database for this kind of verb.
    async fn store(&self, settings: &Settings, kind: Kind) -> Outcome<Arc<Store>> {
        let options = settings.database.patient();
        let is_new = app::is_missing(settings)?;
        let store = match kind {
            Kind::Reads => app::open_existing_store(settings, &options).await?,
            Kind::Changes => {
                app::check_existing_store(settings)?;
                app::open_store(settings, &options).await?
            }
            Kind::Adds => app::open_store(settings, &options).await?,
        };
        if is_new {
            output::note(&format!("made a new database at {}", settings.database()));
        }
        // A verb opens one database; a second call of it gets the same.
        Ok(Arc::clone(self.store.get_or_init(|| store)))
    }

    /// Prints a result: JSON, or words for people.
    fn print(&self, json: &serde_json::Value, words: &str) {
        self.output.print(json, words);
    }

    /// Prints that something was done.
    fn done(&self, what: &str) {
        self.print(&json!({ "done": true }), what);
    }
}

fn checked(loaded: Loaded) -> Outcome<Settings> {
    let settings = loaded.settings.map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Rejected(format!("the settings are not good:\n  {}", lines.join("\n  ")))
    })?;
    for unknown in loaded.unknown_env {
        tracing::warn!(name = unknown.name, "{unknown}");
    }
    Ok(settings)
}

/// Refuses by exit code 2.
fn usage<T>(why: impl std::fmt::Display) -> Outcome<T> {
    Err(Error::Refused(Rejected(format!("{USAGE}{why}"))))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
