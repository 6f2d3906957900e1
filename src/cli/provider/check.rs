//! `mapae provider check`: what to paste at a provider, and what is wrong.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::slug::slug;
use crate::admin::provider_check::{ProviderCheck, ProviderFinding};
use crate::app;
use crate::app::config::Settings;
use crate::cli::installation::{DatabaseUse, Installation};
use crate::cli::output::note;
use crate::domain::nearest::nearest;
use crate::domain::provider::{Preset, Registration, Slug};
use crate::domain::urls::Issuer;
use crate::domain::verdict::OrRejected;
use crate::keys::seal::Sealer;
use crate::social::{profiles, registry};
use crate::store::Store;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Its name here; every provider without one
    slug: Option<String>,
    /// The same
    #[arg(long = "slug", value_name = "SLUG", conflicts_with = "slug")]
    named: Option<String>,
}

impl Check {
    pub(super) async fn run(self, at: &Installation, settings: &Settings) -> OrRejected<ExitCode> {
        // The check also works before there is a database, since it prints the redirect URI to
        // register.
        let store = if app::is_missing(settings)? {
            None
        } else {
            Some(at.store(settings, DatabaseUse::Reads).await?)
        };
        if store.is_none() {
            note(&format!("there is no database {} yet", settings.database()));
        }
        let store = store.as_deref();
        let every = every(settings, store).await?;
        let checking = ProviderCheck {
            issuer: &settings.issuer,
            store,
            outbound: &app::outbound(settings)?,
            clock: &at.clock,
            allow_private: settings.outbound.allow_private,
        };
        let mut findings = Vec::new();
        match self.slug.or(self.named) {
            None => {
                for one in &every {
                    findings.push(checking.check(one).await?);
                }
            }
            Some(named) => {
                let slug = slug(&named)?;
                findings.push(match every.iter().find(|one| one.slug == slug) {
                    Some(one) => checking.check(one).await?,
                    None => not_yet(&settings.issuer, slug, &every),
                });
            }
        }
        let good = findings.iter().all(|finding| finding.said.is_ok());
        let shown: Vec<_> = findings.iter().map(described).collect();
        let words = match findings.as_slice() {
            [] => "there is no provider; mapae provider add --help says how to add one".to_owned(),
            some => some.iter().map(words).collect::<Vec<_>>().join("\n\n"),
        };
        at.print(&json!({ "good": good, "providers": shown }), &words);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn described(finding: &ProviderFinding) -> Value {
    let ProviderFinding { slug, redirect_uri, enabled, said, notes } = finding;
    json!({
        "slug": slug, "redirect_uri": redirect_uri, "enabled": enabled, "good": said.is_ok(),
        "findings": said.as_ref().ok(), "problem": said.as_ref().err(), "notes": notes,
    })
}

fn words(finding: &ProviderFinding) -> String {
    let mut lines = vec![
        finding.slug.to_string(),
        format!("  redirect URI to register there: {}", finding.redirect_uri),
    ];
    lines.extend(finding.notes.iter().map(|note| format!("  note: {note}")));
    match &finding.said {
        Ok(found) => lines.extend(found.iter().map(|good| format!("  good: {good}"))),
        Err(problem) => lines.push(format!("  BAD: {problem}")),
    }
    lines.join("\n")
}

/// Every provider, with its credential.
async fn every(settings: &Settings, store: Option<&Store>) -> OrRejected<Vec<Registration>> {
    let mut every = settings.social.clone();
    let Some(store) = store else { return Ok(every) };
    // A server that was never started has no master key, and has sealed nothing.
    if !crate::store::providers::list_all(store).await?.is_empty() {
        let sealer = Sealer::new(&app::existing_master_key(settings, store).await?)?;
        every.extend(registry::stored(store, &sealer).await?);
    }
    Ok(every)
}

/// What to do first for a provider that is not registered yet.
fn not_yet(issuer: &Issuer, slug: Slug, every: &[Registration]) -> ProviderFinding {
    let what_to_do = match Preset::parse(slug.as_str()) {
        Some(preset) => adding(&slug, preset),
        None => what_there_is(&slug, every),
    };
    let problem = format!("it is not registered yet{what_to_do}");
    ProviderFinding::new(issuer, slug, Err(problem))
}

fn adding(slug: &Slug, preset: Preset) -> String {
    format!(
        ". Register the redirect URI at {}, then: mapae provider add --slug {slug} --preset {preset} \
         {}",
        profiles::of(preset).title,
        what_it_needs(preset)
    )
}

fn what_there_is(slug: &Slug, every: &[Registration]) -> String {
    let names: Vec<_> = every.iter().map(|one| one.slug.as_str()).collect();
    let these = match names.as_slice() {
        [] => "no provider is".to_owned(),
        some => format!("these are: {}", some.join(", ")),
    };
    let known = names.into_iter().chain(Preset::ALL.map(Preset::as_str));
    let meant = nearest(slug.as_str(), known);
    let meant = meant.map(|meant| format!(". Did you mean {meant}?")).unwrap_or_default();
    format!("; {these}{meant}")
}

/// The flags without which no provider of this kind can be added.
fn what_it_needs(preset: Preset) -> &'static str {
    match preset {
        Preset::Apple => "--client-id ID --team-id TEAM --key-id KEY --private-key-file FILE",
        Preset::Oidc => "--issuer URL --client-id ID --client-secret-stdin",
        _ => "--client-id ID --client-secret-stdin",
    }
}
