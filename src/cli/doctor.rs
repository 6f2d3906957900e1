//! `mapae doctor`: finds what is wrong with this installation. It changes nothing.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::installation::Installation;
use super::output::table;
use crate::admin::installation_checks::{self, Checked};
use crate::app;
use crate::app::config::Settings;
use crate::domain::verdict::OrRejected;
use crate::keys::seal::{MasterKey, MasterKeySource, Sealer};
use crate::store::{self, Store, migration_status};

struct CheckResult {
    check: &'static str,
    good: bool,
    detail: String,
}

impl CheckResult {
    fn of(check: &'static str, found: Checked) -> Self {
        let good = found.is_ok();
        Self { check, good, detail: found.unwrap_or_else(|detail| detail) }
    }
}

pub(super) async fn run(at: &Installation) -> OrRejected<ExitCode> {
    let settings = at.quiet_settings();
    let mut findings = Vec::new();
    let found = settings.as_ref().map(|one| one.issuer.as_str().to_owned());
    findings.push(CheckResult::of("settings", found.map_err(ToString::to_string)));
    if let Ok(settings) = &settings {
        let look = app::look(settings).map(|look| format!("pages of {}", look.name()));
        findings.push(CheckResult::of("branding", look.map_err(|error| error.to_string())));
        let outbound = app::outbound(settings).map(|_| "calls can be made".to_owned());
        findings.push(CheckResult::of("outbound", outbound.map_err(|error| error.to_string())));
        findings.push(CheckResult::of("mail", mail(settings).await));
        findings.push(CheckResult::of("migrations", migrations(settings).await));
        findings.extend(clock(at, settings).await.map(|found| CheckResult::of("clock", found)));
        findings.push(CheckResult::of("master key", master_key(settings)));
        findings.push(CheckResult::of("signing keys", signing_keys(at, settings).await));
        findings.push(CheckResult::of("providers", social(settings).await));
        findings.push(CheckResult::of("user names", user_names(settings).await));
    }
    let all_good = findings.iter().all(|finding| finding.good);
    let rows: Vec<_> = findings
        .iter()
        .map(|one| {
            let state = if one.good { "good" } else { "BAD" };
            vec![one.check.to_owned(), state.to_owned(), one.detail.clone()]
        })
        .collect();
    let checks: Vec<_> = findings
        .iter()
        .map(|one| json!({ "check": one.check, "good": one.good, "detail": one.detail }))
        .collect();
    at.print(
        &json!({ "good": all_good, "checks": checks }),
        &table(&["CHECK", "STATE", "DETAIL"], &rows),
    );
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Connects to the mail server and signs in, without sending a mail.
async fn mail(settings: &Settings) -> Checked {
    let look = app::look(settings).map_err(|error| error.to_string())?;
    match app::post(settings, Arc::new(look)).map_err(|error| error.to_string())? {
        Some(post) => post.check().await.map_err(|failure| failure.to_string()),
        None => Ok("there is no mail.url: nothing is mailed".to_owned()),
    }
}

async fn migrations(settings: &Settings) -> Checked {
    let states = migration_status(&settings.database_url, &settings.database)
        .await
        .map_err(|fault| fault.to_string())?;
    let pending = states.iter().filter(|one| !one.applied).count();
    if pending == 0 {
        Ok("all applied".to_owned())
    } else {
        Err(format!("{pending} pending: serve or migrate up applies them"))
    }
}

/// Compares the clock of this machine with that of the database, if the database has its own.
async fn clock(at: &Installation, settings: &Settings) -> Option<Checked> {
    if migrations(settings).await.is_err()
        || store::sqlite_path(&settings.database_url).ok()?.is_some()
    {
        return None;
    }
    let words = |fault: crate::domain::verdict::Fault| fault.to_string();
    let store = match Store::open(&settings.database_url, &settings.database).await {
        Ok(store) => store,
        Err(fault) => return Some(Err(words(fault))),
    };
    let skew = app::clock_skew(&store, &at.clock).await;
    store.close().await;
    let skew = match skew {
        Ok(skew) => skew?,
        Err(fault) => return Some(Err(words(fault))),
    };
    let seconds = skew.as_seconds_f64();
    let way = if seconds < 0.0 { "behind" } else { "ahead of" };
    let told = format!("{:.1} s {way} the clock of the database", seconds.abs());
    Some(if skew.abs() <= app::SKEW { Ok(told) } else { Err(told) })
}

fn master_key(settings: &Settings) -> Checked {
    if let MasterKeySource::Folder(folder) = &settings.master_key
        && !MasterKey::is_in(folder)
    {
        return Err(format!("{} has none yet: the first start makes it", folder.display()));
    }
    MasterKey::load(&settings.master_key)
        .map(|_| "it is there, and kept from others".to_owned())
        .map_err(|error| error.to_string())
}

async fn signing_keys(at: &Installation, settings: &Settings) -> Checked {
    master_key(settings).map_err(|_| "cannot be opened without the master key".to_owned())?;
    let sealer = sealer(settings)?;
    let store = existing(settings).await?;
    let (now, lead) = (at.clock.now(), settings.keys.lead);
    let found = installation_checks::signing_keys(&store, &sealer, now, lead).await;
    store.close().await;
    found
}

fn sealer(settings: &Settings) -> Result<Sealer, String> {
    let master = MasterKey::load(&settings.master_key).map_err(|error| error.to_string())?;
    Sealer::new(&master).map_err(|fault| fault.to_string())
}

async fn existing(settings: &Settings) -> Result<Arc<Store>, String> {
    app::open_existing_store(settings, &settings.database).await.map_err(|error| error.to_string())
}

async fn user_names(settings: &Settings) -> Checked {
    if migrations(settings).await.is_err() {
        return Ok("not looked at before the migrations".to_owned());
    }
    let store = existing(settings).await?;
    let found = installation_checks::user_names(&store).await;
    store.close().await;
    found
}

/// Checks the registered providers without calling them; `provider check` calls them.
async fn social(settings: &Settings) -> Checked {
    let of_file = settings.social.len();
    let is_current = migrations(settings).await.is_ok() && master_key(settings).is_ok();
    if !is_current {
        return Ok(format!("{of_file} in the settings, those of the database not looked at"));
    }
    let sealer = sealer(settings)?;
    let store = existing(settings).await?;
    let found = installation_checks::registered_providers(&store, &sealer, &settings.social).await;
    store.close().await;
    found
}
