//! `mapae migrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::backup::counted;
use super::installation::Installation;
use super::output::{note, secret_from_file, table};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::backups;
use crate::domain::verdict::{OrRejected, reject};
use crate::{app, store};

/// Look at or apply migrations.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// What was applied and what is pending
    Status,
    /// Apply what is pending
    Up,
    /// Copy the whole database to another one, and compare every row. No server may run meanwhile
    Copy(Copy),
}

#[derive(Debug, Args)]
pub(super) struct Copy {
    /// Where to: `sqlite://` and the path of a file, or `postgres://…`. A file with the URL in it keeps
    /// a password out of the list of processes: `--to-file`
    #[arg(long, value_name = "URL", required_unless_present = "to_file")]
    to: Option<String>,
    /// The file that holds the URL
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    to_file: Option<PathBuf>,
    /// Replace everything that is in the other database
    #[arg(long)]
    force: bool,
}

impl Copy {
    async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        app::check_existing_store(&settings)?;
        let to = match (self.to, &self.to_file) {
            (Some(to), _) => to,
            (None, Some(file)) => secret_from_file(file)?.expose().trim().to_owned(),
            (None, None) => String::new(),
        };
        if let Err(problem) = store::check_url(&to) {
            return usage(format!("--to {problem}"));
        }
        if to == settings.database_url {
            return usage("--to is the same database");
        }
        let options = settings.database.patient();
        let from = &settings.database_url;
        let compared =
            backups::copy(&May::operator(), from, &to, &options, self.force, &at.clock).await?;
        at.print(
            &json!({ "rows": compared.rows, "tables": counted(&compared.tables) }),
            &format!(
                "{} rows of {} tables copied to {}, every one compared\n\nName it in database.url and start the servers with the same master key. The old database must not be used any more.",
                compared.rows,
                compared.tables.len(),
                store::shown_url(&to)
            ),
        );
        Ok(())
    }
}

impl Migrate {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        if let Self::Copy(copy) = self {
            return Box::pin(copy.run(at)).await;
        }
        let settings = at.quiet_settings()?;
        let is_new = app::is_missing(&settings)?;
        if matches!(self, Self::Up) {
            store::migrate(&settings.database_url, &settings.database).await?;
        }
        let states = store::migration_status(&settings.database_url, &settings.database).await?;
        if is_new && matches!(self, Self::Up) {
            note(&format!("made a new database at {}", settings.database()));
        }
        let rows: Vec<_> = states
            .iter()
            .map(|one| {
                vec![one.name.clone(), if one.applied { "applied" } else { "pending" }.to_owned()]
            })
            .collect();
        at.print(&json!({ "migrations": states }), &table(&["MIGRATION", "STATE"], &rows));
        let pending = states.iter().filter(|one| !one.applied).count();
        match pending {
            0 => Ok(()),
            _ if is_new => reject(format!("there is no database {}", settings.database())),
            _ => reject(format!(
                "{pending} migrations are pending: serve or migrate up applies them"
            )),
        }
    }
}
