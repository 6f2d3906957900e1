//! `mapae config`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::installation::Installation;
use super::output::{note, table};
use crate::app;
use crate::app::config::{self, Loaded};
use crate::domain::verdict::OrRejected;

/// Settings.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Report every problem of the settings, and of the files that they name
    Check,
    /// Every setting as it is in force, without secrets
    Show,
    /// Every setting that there is: its value, default and meaning, in Markdown
    Reference,
    /// The JSON Schema of the settings file, for editors
    Schema,
}

impl Config {
    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        match self {
            Self::Check => return Ok(check(at).await),
            Self::Show => show(at),
            Self::Reference => {
                let words = config::reference();
                at.print(&json!({ "settings": config::declared() }), words.trim_end());
            }
            Self::Schema => {
                let schema = config::schema();
                at.print(&schema, &format!("{schema:#}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn check(at: &Installation) -> ExitCode {
    let loaded = load(at);
    let unusable = app::unusable(&loaded, &at.clock).await;
    let mut problems = loaded.settings.err().unwrap_or_default();
    problems.extend(loaded.files);
    problems.extend(unusable);
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let good = "the settings are good".to_owned();
    let words = if lines.is_empty() { good } else { lines.join("\n") };
    at.print(&json!({ "good": problems.is_empty(), "problems": problems }), &words);
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(at: &Installation) {
    let loaded = load(at);
    let rows: Vec<_> = loaded
        .shown
        .iter()
        .map(|one| {
            let from = one.line.map(|line| format!("{}, line {line}", one.source));
            let from = from.unwrap_or_else(|| one.source.to_owned());
            let default = one.default.clone().unwrap_or_default();
            vec![one.key.clone(), one.value.clone(), from, default, one.env.clone()]
        })
        .collect();
    let head = ["SETTING", "VALUE", "FROM", "DEFAULT", "ENVIRONMENT"];
    at.print(&json!({ "settings": loaded.shown }), &table(&head, &rows));
    for problem in loaded.settings.err().unwrap_or_default().iter().chain(&loaded.files) {
        note(&problem.to_string());
    }
}

fn load(at: &Installation) -> Loaded {
    let loaded = at.load(&[]);
    for unknown in &loaded.unknown_env {
        note(&unknown.to_string());
    }
    loaded
}
