//! `mapae import`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::installation::{DatabaseUse, Installation};
use super::output::text_of;
use crate::accounts::hashing::Hasher;
use crate::admin::authority::May;
use crate::admin::import::{
    self, Import, ImportFormat, ImportSource, ImportSummary, Importing, Skipped,
};
use crate::app;
use crate::domain::foreign_hash::FirebaseConfig;
use crate::domain::verdict::{OrRejected, Rejected};
use crate::keys::factor_key::FactorKey;
use crate::keys::seal::Sealer;

/// Move people in from another program
#[derive(Debug, Args)]
pub(super) struct ImportPeople {
    /// The program, or the form of the file
    #[arg(long, value_name = "PROGRAM", value_parser = formats())]
    from: String,
    /// The file
    file: PathBuf,
    /// Write nothing, and report what would be taken
    #[arg(long)]
    dry_run: bool,
    /// Firebase: the parameters of the project's password hashes, as its console shows them
    #[arg(long, value_name = "FILE")]
    hash_config: Option<PathBuf>,
}

fn formats() -> clap::builder::PossibleValuesParser {
    ImportFormat::ALL.map(|(name, _)| name).into()
}

impl ImportPeople {
    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let settings = at.quiet_settings()?;
        let hash_config = match &self.hash_config {
            Some(path) => {
                let read = FirebaseConfig::read(&text_of(path)?);
                Some(read.map_err(|why| Rejected(format!("{}: {why}", path.display())))?)
            }
            None => None,
        };
        let format = ImportFormat::parse(&self.from).unwrap_or(ImportFormat::Jsonl);
        let (source, dry_run) = (ImportSource::File(self.file), self.dry_run);
        let import = Import { format, source, hash_config, dry_run, at_most: None };
        let database_use = if self.dry_run { DatabaseUse::Reads } else { DatabaseUse::Adds };
        let store = at.store(&settings, database_use).await?;
        let threads = settings.hashing.threads;
        let hasher = Hasher::new(settings.hashing.cost, threads)?;
        let factors = if self.dry_run {
            None
        } else {
            let sealer = Sealer::new(&app::master_key(&settings, &store).await?)?;
            Some(FactorKey::open(&store, &at.clock, &sealer).await?)
        };
        let importing = Importing {
            store: &store,
            clock: &at.clock,
            hasher: &hasher,
            threads,
            hashes_at_once: usize::MAX,
            factors: factors.as_ref(),
            of_file: &settings.social,
        };
        let mut report = Report { json: at.output.json, begun: false };
        let done =
            import::run(&May::operator(), &importing, &import, &mut |skipped| report.row(&skipped))
                .await;
        report.end(done.as_ref().ok());
        let summary = done?;
        Ok(if summary.skipped == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The report is written row by row, so that it needs no memory. As JSON it is one document.
struct Report {
    json: bool,
    begun: bool,
}

impl Report {
    fn write(text: &str) {
        // If the reader has closed the pipe, it does not want the rest.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    fn row(&mut self, row: &Skipped) {
        let Skipped { line, username, reason } = row;
        if self.json {
            let before = if self.begun { "," } else { "{\"skipped\":[" };
            Self::write(&format!("{before}{}", json!(row)));
        } else {
            let whom = username.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
            Self::write(&format!("line {line}:{whom} {reason}\n"));
        }
        self.begun = true;
    }

    fn end(&self, summary: Option<&ImportSummary>) {
        if self.json {
            let Some(summary) = summary else {
                // What was reported before stays readable.
                if self.begun {
                    Self::write("],\"interrupted\":true}\n");
                }
                return;
            };
            let before = if self.begun { "]," } else { "{\"skipped\":[]," };
            let rest = json!(summary).to_string();
            Self::write(&format!("{before}{}\n", rest.trim_start_matches('{')));
            return;
        }
        let Some(summary) = summary else { return };
        let ImportSummary { taken, skipped, left_out, wrapped, wrapping_seconds, dry_run } =
            summary;
        let would = if *dry_run { "would be " } else { "" };
        Self::write(&format!("{would}taken: {taken}\n{would}skipped: {skipped}\n"));
        for (what, times) in left_out {
            Self::write(&format!("{would}left out: {what} of {times}\n"));
        }
        if *wrapped > 0 {
            Self::write(&format!("weak password hashes {would}wrapped: {wrapped}\n"));
        }
        if let Some(seconds) = wrapping_seconds {
            Self::write(&format!("wrapping takes about {seconds} seconds\n"));
        }
    }
}
