//! `mapae provider list` and `show`.

use serde_json::{Value, json};

use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::cli::outcome::Outcome;
use crate::cli::output::table;
use crate::domain::provider::{Registration, Slug, Terms};
use crate::domain::verdict::reject;
use crate::social::registry::redirect_uri;
use crate::store::Store;

/// A provider as the list shows it.
struct Listed {
    slug: Slug,
    terms: Terms,
    disabled: bool,
    /// Where it stands.
    from: &'static str,
}

impl Listed {
    fn of_file(one: &Registration) -> Self {
        let (slug, terms) = (one.slug.clone(), one.terms.clone());
        Self { slug, terms, disabled: one.disabled, from: "file" }
    }

    fn row(&self) -> Vec<String> {
        let terms = &self.terms;
        let clients = match terms.allowed_clients.len() {
            0 => "all".to_owned(),
            some => some.to_string(),
        };
        vec![
            self.slug.to_string(),
            terms.preset.to_string(),
            terms.name.clone().unwrap_or_default(),
            terms.client_id.clone(),
            clients,
            if terms.only { "only" } else { "" }.to_owned(),
            if self.disabled { "disabled" } else { "enabled" }.to_owned(),
            self.from.to_owned(),
        ]
    }

    fn described(&self, settings: &Settings) -> Value {
        let Self { slug, terms, disabled, from } = self;
        let audiences = terms.audiences.iter();
        let audiences: Vec<_> =
            audiences.map(|one| json!({ "id": one.id, "clients": one.clients })).collect();
        json!({
            "slug": slug, "preset": terms.preset, "name": terms.name, "issuer": terms.issuer,
            "client_id": terms.client_id, "tenant": terms.tenant, "scopes": terms.scopes,
            "audiences": audiences, "allowed_clients": terms.allowed_clients,
            "allowed_domains": terms.allowed_domains, "only": terms.only,
            "follow_profile": terms.follow_profile, "enabled": !disabled, "from": from,
            "redirect_uri": redirect_uri(&settings.issuer, slug),
        })
    }
}

/// Every provider. No credential is shown, so none is opened.
async fn every(settings: &Settings, store: &Store) -> Outcome<Vec<Listed>> {
    let mut every: Vec<_> = settings.social.iter().map(Listed::of_file).collect();
    for stored in crate::store::providers::list_all(store).await? {
        let (terms, disabled) = (stored.terms()?, stored.disabled);
        every.push(Listed { slug: stored.slug, terms, disabled, from: "database" });
    }
    Ok(every)
}

pub(super) async fn list(at: &Installation, settings: &Settings, store: &Store) -> Outcome {
    let every = every(settings, store).await?;
    let rows: Vec<_> = every.iter().map(Listed::row).collect();
    let described: Vec<_> = every.iter().map(|one| one.described(settings)).collect();
    let head = ["SLUG", "PRESET", "NAME", "CLIENT ID", "CLIENTS", "ONLY", "STATE", "FROM"];
    at.print(&json!({ "providers": described }), &table(&head, &rows));
    Ok(())
}

pub(super) async fn show(
    at: &Installation,
    settings: &Settings,
    store: &Store,
    slug: &Slug,
) -> Outcome {
    let every = every(settings, store).await?;
    let Some(one) = every.iter().find(|one| one.slug == *slug) else {
        return reject(format!("there is no provider {slug}"));
    };
    let described = one.described(settings);
    let members = described.as_object().into_iter().flatten();
    let rows: Vec<_> = members.map(|(key, value)| vec![key.clone(), plain(value)]).collect();
    at.print(&described, &table(&["KEY", "VALUE"], &rows));
    Ok(())
}

/// A value as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
