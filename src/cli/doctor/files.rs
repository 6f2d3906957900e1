//! Files that other users of the machine can read or change.

use super::finding::Finding;
use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::keys::secret_file::{self, Exposure};
use crate::store;

const CHECK: &str = "files";

pub(super) fn look(at: &Installation, settings: &Settings) -> Vec<Finding> {
    // The master key has a check of its own.
    let named = at.load(&[]).files;
    let mut found: Vec<_> = named
        .iter()
        .map(|problem| {
            let mend = "correct the path or the permissions: chmod o-rw for what is secret";
            Finding::error(CHECK, problem.to_string(), mend)
        })
        .collect();
    if let Ok(Some(file)) = store::sqlite_path(&settings.database_url)
        && let Ok(Some(exposure)) = secret_file::looked_at(&file)
    {
        let may = match exposure {
            Exposure::Write => "write",
            Exposure::Read => "read",
        };
        let file = file.display();
        let detail = format!("everybody on this machine can {may} the database {file}");
        found.push(Finding::error(CHECK, detail, format!("chmod o-rw {file}*")));
    }
    if found.is_empty() {
        found.push(Finding::good(CHECK, "what is secret is kept from others"));
    }
    found
}
