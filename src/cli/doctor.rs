//! `mapae doctor`: finds what is wrong with this installation, and says how to mend it. It changes
//! nothing.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::finding::{Finding, Level};
use super::installation::Installation;
use super::output::table;
use crate::app;
use crate::app::config::Settings;
use crate::domain::verdict::OrRejected;

mod database;
mod files;
mod finding;
mod from_outside;
mod weak_settings;

/// Find out what is wrong with this installation.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Also send a forged X-Forwarded-For through the proxy in front, and say which client address
    /// the server believed
    #[arg(long)]
    through: bool,
}

impl Doctor {
    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let settings = at.quiet_settings();
        let mut findings = Vec::new();
        let found = settings.as_ref().map(|one| one.issuer.as_str().to_owned());
        let mend = "correct the settings that are named; docs/settings.md has all of them";
        findings.push(Finding::of("settings", found.map_err(ToString::to_string), mend));
        if let Ok(settings) = &settings {
            findings.extend(weak_settings::look(settings));
            findings.extend(files::look(at, settings));
            findings.extend(can_be_used(settings).await);
            findings.extend(redis(settings).await);
            let seen = database::look(at, settings).await;
            findings.extend(seen.findings);
            findings.push(from_outside::metadata(settings, &seen.kids).await);
            if self.through {
                findings.push(from_outside::forged_address(at, settings).await);
            }
        }
        let good = findings.iter().all(|finding| finding.level != Level::Error);
        print(at, &findings, good);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print(at: &Installation, findings: &[Finding], good: bool) {
    let rows: Vec<_> = findings
        .iter()
        .map(|one| {
            let detail = match one.mend.as_str() {
                "" => one.detail.clone(),
                mend => format!("{}. To mend it: {mend}", one.detail),
            };
            vec![one.check.to_owned(), one.level.as_str().to_owned(), detail]
        })
        .collect();
    let checks: Vec<_> = findings.iter().map(Finding::json).collect();
    at.print(
        &json!({ "checks": checks, "good": good }),
        &table(&["CHECK", "LEVEL", "DETAIL"], &rows),
    );
}

/// What the settings name and what can be tried without the database.
async fn can_be_used(settings: &Settings) -> [Finding; 3] {
    let look = app::look(settings).map(|look| format!("pages of {}", look.name()));
    let outbound = app::outbound(settings).map(|_| "calls can be made".to_owned());
    [
        Finding::of(
            "branding",
            look.map_err(|error| error.to_string()),
            "correct the files in branding_dir, or unset it",
        ),
        Finding::of(
            "outbound",
            outbound.map_err(|error| error.to_string()),
            "correct outbound.ca_file and outbound.proxy",
        ),
        mail(settings).await,
    ]
}

/// Whether Redis answers, if there is one. Without it the database counts, so this is no error.
async fn redis(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "redis";
    let mend = "correct redis.url, or start Redis; until then the database counts";
    match app::redis_answers(settings).await {
        Ok(None) => None,
        Ok(Some(true)) => Some(Finding::good(CHECK, "it answers")),
        Ok(Some(false)) => Some(Finding::warning(CHECK, "it does not answer", mend)),
        Err(error) => Some(Finding::error(CHECK, error.to_string(), mend)),
    }
}

/// Connects to the mail server and signs in, without sending a mail.
async fn mail(settings: &Settings) -> Finding {
    let mend = "correct mail.url, or ask whoever runs the mail server; `mapae mail test --to ADDRESS` sends one";
    let checked = async {
        let look = app::look(settings).map_err(|error| error.to_string())?;
        match app::post(settings, Arc::new(look)).map_err(|error| error.to_string())? {
            Some(post) => post.check().await.map_err(|failure| failure.to_string()),
            None => Ok("there is no mail.url: nothing is mailed".to_owned()),
        }
    };
    Finding::of("mail", checked.await, mend)
}
