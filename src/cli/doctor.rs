//! `mapae doctor`: what is wrong with this installation. It changes nothing.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::installation::Installation;
use super::output::table;
use crate::app;
use crate::app::config::Settings;
use crate::domain::client::TokenAlg;
use crate::domain::verdict::OrRejected;
use crate::keys::seal::{MasterKey, Sealer, Source};
use crate::keys::{keyring, ring};
use crate::social::registry;
use crate::store::{self, Store, migration_status, signing_keys, users};

struct CheckResult {
    check: &'static str,
    good: bool,
    detail: String,
}

impl CheckResult {
    fn of(check: &'static str, found: Result<String, String>) -> Self {
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
        findings.push(CheckResult::of("migrations", migrations(settings).await));
        findings.extend(clock(at, settings).await.map(|found| CheckResult::of("clock", found)));
        findings.push(CheckResult::of("master key", master_key(settings)));
        findings.push(CheckResult::of("signing keys", signing_keys(at, settings).await));
        findings.push(CheckResult::of("providers", social(settings).await));
        findings.push(CheckResult::of("user names", names(settings).await));
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

async fn migrations(settings: &Settings) -> Result<String, String> {
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

/// How far the clock of this machine is from that of the database, where it has one of its own.
async fn clock(at: &Installation, settings: &Settings) -> Option<Result<String, String>> {
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

fn master_key(settings: &Settings) -> Result<String, String> {
    if let Source::Folder(folder) = &settings.master_key
        && !MasterKey::is_in(folder)
    {
        return Err(format!("{} has none yet: the first start makes it", folder.display()));
    }
    MasterKey::load(&settings.master_key)
        .map(|_| "it is there, and kept from others".to_owned())
        .map_err(|error| error.to_string())
}

async fn signing_keys(at: &Installation, settings: &Settings) -> Result<String, String> {
    master_key(settings).map_err(|_| "cannot be opened without the master key".to_owned())?;
    let words = |fault: crate::domain::verdict::Fault| fault.to_string();
    let store = existing(settings).await?;
    let keys = signing_keys::list_all(&*store).await.map_err(words);
    store.close().await;
    let keys = keys?;
    let master = MasterKey::load(&settings.master_key).map_err(|error| error.to_string())?;
    let sealer = Sealer::new(&master).map_err(words)?;
    if let Some(key) = keys.iter().find(|key| sealer.open(&key.kid, &key.sealed_private).is_none())
    {
        return Err(format!("the master key does not open {}", key.kid));
    }
    keys.iter().try_for_each(|key| keyring::inspect(&sealer, key)).map_err(words)?;
    let (now, lead) = (at.clock.now(), settings.keys.lead);
    if let Some(stray) = keys.iter().find(|key| ring::is_stray(now, key.signs_from, lead)) {
        return Err(format!(
            "{} signs from {} on: a clock that was far ahead made it. mapae key drop {}",
            stray.kid, stray.signs_from, stray.kid
        ));
    }
    for alg in TokenAlg::ALL {
        if !keys.iter().any(|key| key.alg == *alg) {
            return Err(format!("there is none for {}: the first start makes it", alg.as_str()));
        }
    }
    Ok(format!("{} keys, all of them open", keys.len()))
}

async fn existing(settings: &Settings) -> Result<Arc<Store>, String> {
    app::open_existing_store(settings, &settings.database).await.map_err(|error| error.to_string())
}

/// A user name that is the verified address of somebody else keeps that one out.
async fn names(settings: &Settings) -> Result<String, String> {
    if migrations(settings).await.is_err() {
        return Ok("not looked at before the migrations".to_owned());
    }
    let store = existing(settings).await?;
    let clashes = users::clashes(&*store, 10).await.map_err(|fault| fault.to_string());
    store.close().await;
    let clashes = clashes?;
    if clashes.is_empty() {
        return Ok("none is the verified address of another account".to_owned());
    }
    let of = |(name, owner): &(String, String)| {
        format!(
            "{name} is a user name, and the verified address of {owner}, who cannot sign in by it"
        )
    };
    Err(clashes.iter().map(of).collect::<Vec<_>>().join("; "))
}

/// The providers as they are registered; `provider check` asks them.
async fn social(settings: &Settings) -> Result<String, String> {
    let of_file = settings.social.len();
    let is_current = migrations(settings).await.is_ok() && master_key(settings).is_ok();
    if !is_current {
        return Ok(format!("{of_file} in the settings, those of the database not looked at"));
    }
    let words = |fault: crate::domain::verdict::Fault| fault.to_string();
    let store = existing(settings).await?;
    let master = MasterKey::load(&settings.master_key).map_err(|error| error.to_string())?;
    let sealer = Sealer::new(&master).map_err(words)?;
    let stored = registry::stored(&*store, &sealer).await.map_err(|error| error.to_string());
    store.close().await;
    let stored = stored?;
    let twice = stored.iter().find(|one| settings.social.iter().any(|it| it.slug == one.slug));
    match twice {
        Some(one) => Err(format!("{} stands in the settings and in the database", one.slug)),
        None => Ok(format!("{of_file} in the settings, {} in the database", stored.len())),
    }
}
