//! `mapae provider check`: what to paste at a provider, and what is wrong.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::slug::slug;
use crate::admin::providers;
use crate::app;
use crate::app::config::Settings;
use crate::cli::installation::{Installation, Kind};
use crate::cli::outcome::Outcome;
use crate::cli::output::note;
use crate::domain::nearest::nearest;
use crate::domain::provider::{Preset, Registration, Slug};
use crate::domain::urls::Issuer;
use crate::keys::seal::Sealer;
use crate::social::registry::{self, redirect_uri};
use crate::social::{self, profiles};
use crate::store::Store;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Its name here; every provider without one
    slug: Option<String>,
    /// The same
    #[arg(long = "slug", value_name = "SLUG", conflicts_with = "slug")]
    named: Option<String>,
}

/// What a check found.
struct Finding {
    slug: Slug,
    redirect_uri: String,
    enabled: bool,
    said: Result<Vec<String>, String>,
    notes: Vec<String>,
}

impl Check {
    pub(super) async fn run(self, at: &Installation, settings: &Settings) -> Outcome<ExitCode> {
        // It says what to paste there before anything is here.
        let store = if app::is_missing(settings)? {
            None
        } else {
            Some(at.store(settings, Kind::Reads).await?)
        };
        if store.is_none() {
            note(&format!("there is no database {} yet", settings.database()));
        }
        let store = store.as_deref();
        let every = every(settings, store).await?;
        let mut findings = Vec::new();
        match self.slug.or(self.named) {
            None => {
                for one in &every {
                    findings.push(check(at, settings, store, one).await?);
                }
            }
            Some(named) => {
                let slug = slug(&named)?;
                findings.push(match every.iter().find(|one| one.slug == slug) {
                    Some(one) => check(at, settings, store, one).await?,
                    None => not_yet(settings, slug, &every),
                });
            }
        }
        let good = findings.iter().all(|finding| finding.said.is_ok());
        let shown: Vec<_> = findings.iter().map(Finding::described).collect();
        let words = match findings.as_slice() {
            [] => "there is no provider; mapae provider add --help says how to add one".to_owned(),
            some => some.iter().map(Finding::words).collect::<Vec<_>>().join("\n\n"),
        };
        at.print(&json!({ "good": good, "providers": shown }), &words);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Finding {
    fn new(settings: &Settings, slug: Slug, said: Result<Vec<String>, String>) -> Self {
        let mut notes = Vec::new();
        if settings.issuer == Issuer::localhost() {
            notes.push(format!(
                "the issuer is {}: set MAPAE_ISSUER first if people reach this server elsewhere",
                settings.issuer.as_str()
            ));
        }
        let redirect_uri = redirect_uri(&settings.issuer, &slug);
        Self { slug, redirect_uri, enabled: true, said, notes }
    }

    fn described(&self) -> Value {
        let Self { slug, redirect_uri, enabled, said, notes } = self;
        json!({
            "slug": slug, "redirect_uri": redirect_uri, "enabled": enabled, "good": said.is_ok(),
            "findings": said.as_ref().ok(), "problem": said.as_ref().err(), "notes": notes,
        })
    }

    fn words(&self) -> String {
        let mut lines = vec![
            self.slug.to_string(),
            format!("  redirect URI to register there: {}", self.redirect_uri),
        ];
        lines.extend(self.notes.iter().map(|note| format!("  note: {note}")));
        match &self.said {
            Ok(found) => lines.extend(found.iter().map(|good| format!("  good: {good}"))),
            Err(problem) => lines.push(format!("  BAD: {problem}")),
        }
        lines.join("\n")
    }
}

/// Every provider, with its credential.
async fn every(settings: &Settings, store: Option<&Store>) -> Outcome<Vec<Registration>> {
    let mut every = settings.social.clone();
    let Some(store) = store else { return Ok(every) };
    // A server that was never started has no master key, and nothing that it sealed.
    if !crate::store::providers::list_all(store).await?.is_empty() {
        let sealer = Sealer::new(&app::existing_master_key(settings, store).await?)?;
        every.extend(registry::stored(store, &sealer).await?);
    }
    Ok(every)
}

async fn check(
    at: &Installation,
    settings: &Settings,
    store: Option<&Store>,
    one: &Registration,
) -> Outcome<Finding> {
    let mut said = said(at, settings, one).await?;
    let missing = match store {
        Some(store) => providers::missing_client(store, &one.terms).await?,
        None => one.terms.clients().next().cloned(),
    };
    if let Some(client) = missing {
        let problem = format!("it is for {:?}, and there is no such client", client.as_str());
        said = Err(said.err().into_iter().chain([problem]).collect::<Vec<_>>().join("; "));
    }
    let mut finding = Finding::new(settings, one.slug.clone(), said);
    if one.disabled {
        finding.enabled = false;
        finding.notes.push("it is turned off: nobody can sign in with it".to_owned());
    }
    Ok(finding)
}

/// What the provider says.
async fn said(
    at: &Installation,
    settings: &Settings,
    one: &Registration,
) -> Outcome<Result<Vec<String>, String>> {
    if let Err(problems) = social::check(one, settings.outbound.allow_private) {
        return Ok(Err(problems.to_string()));
    }
    let outbound = app::outbound(settings)?;
    Ok(match social::provider(one, &outbound, &at.clock) {
        Err(problems) => Err(problems.to_string()),
        Ok(provider) => {
            let uri = redirect_uri(&settings.issuer, &one.slug);
            let said = social::with_deadline(None, provider.check(&uri)).await;
            said.map_err(|error| error.to_string())
        }
    })
}

/// What to do first with a provider that is not there yet.
fn not_yet(settings: &Settings, slug: Slug, every: &[Registration]) -> Finding {
    let what_to_do = match Preset::parse(slug.as_str()) {
        Some(preset) => adding(&slug, preset),
        None => what_there_is(&slug, every),
    };
    let problem = format!("it is not registered yet{what_to_do}");
    Finding::new(settings, slug, Err(problem))
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
