//! `mapae provider list` and `show`.

use serde_json::{Value, json};

use crate::admin::providers::Listed;
use crate::cli::installation::Installation;
use crate::cli::output::table;
use crate::domain::urls::Issuer;
use crate::social::registry::redirect_uri;

fn from(one: &Listed) -> &'static str {
    if one.is_of_file { "file" } else { "database" }
}

fn row(one: &Listed) -> Vec<String> {
    let terms = &one.terms;
    let clients = match terms.allowed_clients.len() {
        0 => "all".to_owned(),
        some => some.to_string(),
    };
    vec![
        one.slug.to_string(),
        terms.preset.to_string(),
        terms.name.clone().unwrap_or_default(),
        terms.client_id.clone(),
        clients,
        if terms.only { "only" } else { "" }.to_owned(),
        if one.disabled { "disabled" } else { "enabled" }.to_owned(),
        from(one).to_owned(),
    ]
}

fn described(one: &Listed, issuer: &Issuer) -> Value {
    let Listed { slug, terms, disabled, .. } = one;
    let audiences = terms.audiences.iter();
    let audiences: Vec<_> =
        audiences.map(|one| json!({ "id": one.id, "clients": one.clients })).collect();
    json!({
        "slug": slug, "preset": terms.preset, "name": terms.name, "issuer": terms.issuer,
        "client_id": terms.client_id, "tenant": terms.tenant, "scopes": terms.scopes,
        "audiences": audiences, "allowed_clients": terms.allowed_clients,
        "allowed_domains": terms.allowed_domains, "only": terms.only,
        "follow_profile": terms.follow_profile, "enabled": !disabled, "from": from(one),
        "redirect_uri": redirect_uri(issuer, slug),
    })
}

pub(super) fn list(at: &Installation, issuer: &Issuer, every: &[Listed]) {
    let rows: Vec<_> = every.iter().map(row).collect();
    let described: Vec<_> = every.iter().map(|one| described(one, issuer)).collect();
    let head = ["SLUG", "PRESET", "NAME", "CLIENT ID", "CLIENTS", "ONLY", "STATE", "FROM"];
    at.print(&json!({ "providers": described }), &table(&head, &rows));
}

pub(super) fn show(at: &Installation, issuer: &Issuer, one: &Listed) {
    let described = described(one, issuer);
    let members = described.as_object().into_iter().flatten();
    let rows: Vec<_> = members.map(|(key, value)| vec![key.clone(), plain(value)]).collect();
    at.print(&described, &table(&["KEY", "VALUE"], &rows));
}

/// A value as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
