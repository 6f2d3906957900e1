//! `mapae migrate`.

use clap::Subcommand;
use serde_json::json;

use super::installation::Installation;
use super::output::{note, table};
use crate::domain::verdict::{OrRejected, reject};
use crate::{app, store};

/// Look at or apply migrations.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// What was applied and what is pending
    Status,
    /// Apply what is pending
    Up,
}

impl Migrate {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
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
