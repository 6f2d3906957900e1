//! `mapae config`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::output::{note, table};
use super::{Installation, Outcome};

/// Settings.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Report every problem of the settings
    Check,
    /// Every setting as it is in force, without secrets
    Show,
}

impl Config {
    #[expect(clippy::unnecessary_wraps, reason = "the shape of every verb")]
    pub(super) fn run(self, at: &Installation) -> Outcome<ExitCode> {
        let loaded = at.load(&[]);
        let mut problems = loaded.settings.err().unwrap_or_default();
        problems.extend(loaded.files);
        let lines: Vec<_> =
            problems.iter().map(|one| format!("{} {}", one.key, one.problem)).collect();
        for name in &loaded.unknown_env {
            note(&format!("the environment variable {name} is not a setting; it is ignored"));
        }
        match self {
            Self::Check => {
                let words = if lines.is_empty() {
                    "the settings are good".to_owned()
                } else {
                    lines.join("\n")
                };
                at.print(&json!({ "good": problems.is_empty(), "problems": problems }), &words);
                Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Show => {
                let rows: Vec<_> = loaded
                    .shown
                    .iter()
                    .map(|one| {
                        vec![
                            one.key.clone(),
                            one.value.clone(),
                            one.source.to_owned(),
                            one.env.clone(),
                        ]
                    })
                    .collect();
                let head = ["SETTING", "VALUE", "FROM", "ENVIRONMENT"];
                at.print(&json!({ "settings": loaded.shown }), &table(&head, &rows));
                for line in &lines {
                    note(line);
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
