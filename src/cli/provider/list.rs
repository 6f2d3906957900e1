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
    let metadata = &one.metadata;
    let clients = match metadata.allowed_clients.len() {
        0 => "all".to_owned(),
        some => some.to_string(),
    };
    vec![
        one.slug.to_string(),
        metadata.preset.to_string(),
        metadata.name.clone().unwrap_or_default(),
        metadata.client_id.clone(),
        clients,
        if metadata.only { "only" } else { "" }.to_owned(),
        if one.disabled { "disabled" } else { "enabled" }.to_owned(),
        from(one).to_owned(),
    ]
}

/// The registered metadata of a provider, and what else is known about it.
fn described(one: &Listed, issuer: &Issuer) -> Value {
    let Listed { slug, metadata, disabled, .. } = one;
    let mut described = metadata.to_json();
    described.extend([
        ("slug".to_owned(), json!(slug)),
        ("enabled".to_owned(), json!(!disabled)),
        ("from".to_owned(), json!(from(one))),
        ("redirect_uri".to_owned(), json!(redirect_uri(issuer, slug))),
    ]);
    Value::Object(described)
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
