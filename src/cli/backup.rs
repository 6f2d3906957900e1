//! `mapae backup`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::installation::Installation;
use crate::admin::authority::May;
use crate::admin::backups;
use crate::admin::replacing::{Content, Place};
use crate::app;
use crate::domain::verdict::OrRejected;

/// Write a backup of the database, while servers work on it. The master key is not in it
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file, which only its owner may read. A backup of the same name is replaced, anything else is
    /// not; a fifo or a device is written into
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        app::check_existing_store(&settings)?;
        let options = settings.database.patient();
        let to = Place::of(&self.file, Content::Backup, &at.files_at_work(&settings)?)?;
        let written =
            backups::back_up(&May::operator(), &settings.database_url, &options, &to, &at.clock)
                .await?;
        let shown = json!({
            "file": self.file, "rows": written.rows, "tables": counted(&written.tables),
            "sha256": written.sha256,
        });
        at.print(
            &shown,
            &format!(
                "{} rows of {} tables in {}\n\nThe master key is not in it, and nothing in it can be opened without: keep both, apart from each other.",
                written.rows,
                written.tables.len(),
                self.file.display()
            ),
        );
        Ok(())
    }
}

/// The numbers of rows, by table.
pub(super) fn counted(tables: &[(String, u64)]) -> Value {
    tables.iter().map(|(name, rows)| (name.clone(), json!(rows))).collect()
}
