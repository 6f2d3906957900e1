//! `mapae restore`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::backup::counted;
use super::installation::Installation;
use crate::admin::authority::May;
use crate::admin::backups::{self, Destination};
use crate::app;
use crate::domain::verdict::OrRejected;

mod drill;

/// Fill the database with a backup, of SQLite or of Postgres. No server may run on it
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
    /// Replace everything that is in the database
    #[arg(long)]
    force: bool,
    /// Only try it: restore beside, in a folder that is removed again, start a server on it, let it sign
    /// a token and verify it. Nothing of this installation is touched
    #[arg(long, conflicts_with = "force")]
    drill: bool,
}

impl Restore {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        if self.drill {
            return Box::pin(drill::run(at, &settings, &self.file)).await;
        }
        let options = settings.database.patient();
        let last = app::last_epoch(&settings).await?.unwrap_or_default();
        let (url, master_key) = (settings.database_url.as_str(), &settings.master_key);
        let into = Destination { url, options: &options, last, master_key };
        let restored =
            backups::restore(&May::operator(), &self.file, into, self.force, &at.clock).await?;
        let shown = json!({
            "rows": restored.rows, "tables": counted(&restored.tables),
            "closed_status_lists": restored.closed_lists,
        });
        at.print(
            &shown,
            &format!(
                "{} rows of {} tables restored, {} status lists closed\n\nWhat happened after the backup is lost: what was revoked then is to be revoked again, and whoever refreshed then signs in again. The runbook says it all.",
                restored.rows,
                restored.tables.len(),
                restored.closed_lists
            ),
        );
        Ok(())
    }
}
