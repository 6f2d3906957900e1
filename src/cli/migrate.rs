//! `mapae migrate`.

use clap::Subcommand;
use serde_json::json;

use super::output::table;
use super::{Installation, Outcome};
use crate::store;

/// Look at or apply migrations.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// What was applied and what is pending
    Status,
    /// Apply what is pending
    Up,
}

impl Migrate {
    pub(super) async fn run(self, at: &Installation) -> Outcome {
        let settings = at.quiet_settings()?;
        if matches!(self, Self::Up) {
            store::migrate(&settings.database_url, &settings.database).await?;
        }
        let states = store::migration_status(&settings.database_url, &settings.database).await?;
        let rows: Vec<_> = states
            .iter()
            .map(|one| {
                vec![one.name.clone(), if one.applied { "applied" } else { "pending" }.to_owned()]
            })
            .collect();
        at.print(&json!({ "migrations": states }), &table(&["MIGRATION", "STATE"], &rows));
        Ok(())
    }
}
