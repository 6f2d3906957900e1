//! The form of an app: what is changed about its registration.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::apps::{self, lines};
use super::visit::Visit;
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::admin::clients::{self, Target};
use crate::admin::refused::{AdminResult, Refused};
use crate::clients::sector::{self, CheckedChange};
use crate::domain::claim_rule::{self, ClaimRule};
use crate::domain::client::Client;
use crate::domain::client_metadata::ClientChange;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::verdict::Error;
use crate::domain::version::Version;
use crate::pages::console::app_settings::RefusedInput;
use crate::settings::time;
use crate::web::page::Answered;

/// How a field of the form is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text that is always there.
    Text,
    /// A text, or nothing.
    Optional,
    /// A list, one a line.
    Lines,
    /// A tick.
    Tick,
    /// A duration, or nothing.
    Duration,
    /// JSON, or nothing.
    Json,
    /// Claim rules, one a line.
    Rules,
}

/// Every field that the form may have: an attribute of a client, and how it is read.
const FIELDS: [(&str, Kind); 37] = [
    ("client_name", Kind::Text),
    ("redirect_uris", Kind::Lines),
    ("post_logout_redirect_uris", Kind::Lines),
    ("allowed_origins", Kind::Lines),
    ("scope", Kind::Text),
    ("audiences", Kind::Lines),
    ("backchannel_logout_uri", Kind::Optional),
    ("first_party", Kind::Tick),
    ("access_lifetime", Kind::Duration),
    ("id_lifetime", Kind::Duration),
    ("refresh_idle", Kind::Duration),
    ("refresh_absolute", Kind::Duration),
    ("session_lifetime", Kind::Duration),
    ("token_endpoint_auth_method", Kind::Text),
    ("jwks_uri", Kind::Optional),
    ("jwks", Kind::Json),
    ("tls_client_auth_subject_dn", Kind::Optional),
    ("tls_client_auth_san_dns", Kind::Optional),
    ("tls_client_auth_san_uri", Kind::Optional),
    ("tls_client_auth_san_ip", Kind::Optional),
    ("tls_client_auth_san_email", Kind::Optional),
    ("require_pushed_authorization_requests", Kind::Tick),
    ("require_signed_request_object", Kind::Tick),
    ("request_object_signing_alg", Kind::Optional),
    ("device_max_age", Kind::Duration),
    ("token_alg", Kind::Text),
    ("id_token_signed_response_alg", Kind::Optional),
    ("userinfo_signed_response_alg", Kind::Optional),
    ("authorization_signed_response_alg", Kind::Optional),
    ("introspection_signed_response_alg", Kind::Optional),
    ("dpop_bound_access_tokens", Kind::Tick),
    ("tls_client_certificate_bound_access_tokens", Kind::Tick),
    ("claims", Kind::Rules),
    ("status_list", Kind::Text),
    ("profile", Kind::Optional),
    ("subject_type", Kind::Text),
    ("sector_identifier_uri", Kind::Optional),
];

/// What was typed into a field, as the attribute that it is; `None` if the form does not have it.
pub(super) fn read(
    visit: &Visit<ChangeClients>,
    name: &'static str,
    kind: Kind,
) -> Option<Result<Value, String>> {
    let form = &visit.page_request.form;
    // A browser sends a tick that is not set as nothing. `version` is in every form of our page.
    let is_there = form.names(if kind == Kind::Tick { "version" } else { name });
    let (typed, given) = (visit.field(name), visit.given(name));
    is_there.then(|| match (kind, given) {
        (Kind::Tick, given) => Ok(json!(given.is_some())),
        (Kind::Text, _) => Ok(json!(typed)),
        (Kind::Lines, _) => Ok(json!(lines(typed))),
        (Kind::Rules, _) => claim_rules(typed).map(|rules| json!(rules)),
        (Kind::Optional | Kind::Duration | Kind::Json, None) => Ok(Value::Null),
        (Kind::Optional, Some(text)) => Ok(json!(text)),
        (Kind::Duration, Some(text)) => {
            let read = time::parse(text).map_err(|why| format!("{name} {why}"))?;
            Ok(json!(read.num_seconds()))
        }
        (Kind::Json, Some(text)) => {
            serde_json::from_str(text).map_err(|error| format!("{name} is not JSON: {error}"))
        }
    })
}

/// Reads claim rules, one a line.
fn claim_rules(text: &str) -> Result<Vec<ClaimRule>, String> {
    let read = |(number, line): (usize, &str)| {
        let rule = line.trim().parse::<ClaimRule>();
        rule.map_err(|why| format!("claims, line {number}: {why}"))
    };
    let typed = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    typed.map(read).collect()
}

/// Checks claim rules that are others now beside the audiences as they are now. What is said of a rule
/// names a claim, which may have the name of another field.
fn check_rules(client: &Client, change: &ClientChange) -> Result<(), String> {
    let Some(rules) = change.0.get("claims") else { return Ok(()) };
    let rules = Vec::<ClaimRule>::deserialize(rules).map_err(|error| error.to_string())?;
    let audiences = match change.0.get("audiences") {
        Some(typed) => Vec::<String>::deserialize(typed).map_err(|error| error.to_string())?,
        None => client.metadata.audiences.clone(),
    };
    claim_rule::check(&rules, client.id.as_str(), &audiences)
}

/// What the form changes: the attributes that are another now. A profile sets what a change does not
/// name, and new credentials need a fresh proof, so what stays is not named.
fn typed_change(
    visit: &Visit<ChangeClients>,
    client: &Client,
) -> Result<ClientChange, RefusedInput> {
    let before = client.metadata.to_json();
    let mut change = Map::new();
    for (name, kind) in FIELDS {
        match read(visit, name, kind) {
            Some(Ok(value)) if before.get(name) != Some(&value) => {
                change.insert(name.to_owned(), value);
            }
            Some(Err(why)) => return Err(refused_input(visit, why, Some(name))),
            Some(Ok(_)) | None => {}
        }
    }
    let change = ClientChange(change);
    match check_rules(client, &change) {
        Ok(()) => Ok(change),
        Err(why) => Err(refused_input(visit, why, Some("claims"))),
    }
}

fn refused_input(
    visit: &Visit<ChangeClients>,
    why: String,
    field: Option<&'static str>,
) -> RefusedInput {
    let form = &visit.page_request.form;
    let sent = FIELDS.iter().filter(|(name, _)| form.names(name));
    let typed = sent.map(|(name, _)| ((*name).to_owned(), visit.field(name).to_owned())).collect();
    RefusedInput { typed, why, field }
}

/// The field that a refusal is about: one that was changed and whose name or value is in the words, or
/// any that they name, or the only one that was changed.
fn field_of(why: &str, change: &ClientChange) -> Option<&'static str> {
    let is_changed = |name: &&str| change.0.contains_key(*name);
    let names = || FIELDS.iter().map(|(name, _)| *name);
    let place = |name: &str| place_of(why, name);
    let quoted = |name: &str| {
        let texts = match change.0.get(name) {
            Some(Value::Array(texts)) => texts.as_slice(),
            Some(text) => std::slice::from_ref(text),
            None => &[],
        };
        texts.iter().filter_map(Value::as_str).any(|text| why.contains(&format!("{text:?}")))
    };
    let named = |names: &mut dyn Iterator<Item = &'static str>| {
        names.filter_map(|name| Some((place(name)?, name))).min().map(|(_, name)| name)
    };
    let mut changed = names().filter(is_changed);
    let only = changed.next().filter(|_| changed.next().is_none());
    named(&mut names().filter(is_changed))
        .or_else(|| names().find(|name| quoted(name)))
        .or_else(|| named(&mut names()))
        .or(only)
}

/// Where a name stands in a text as a word of its own.
pub(super) fn place_of(text: &str, name: &str) -> Option<usize> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let (before, behind) = (text.get(..*at), text.get(at + name.len()..));
        !before.is_some_and(|it| it.ends_with(is_of_name))
            && !behind.is_some_and(|it| it.starts_with(is_of_name))
    })
}

/// `POST /admin/apps/{id}`
pub(super) async fn change(visit: Visit<ChangeClients>) -> Answered {
    let client = clients::of_id(&visit.may, &*visit.shared.flows.store, visit.name()).await;
    let client = match client {
        Ok(client) => client,
        Err(error) => return visit.app_changed(Err(error)),
    };
    let change = match typed_change(&visit, &client) {
        Ok(change) => change,
        Err(refused) => return shown_again(&visit, &refused).await,
    };
    match Box::pin(changed(&visit, &change)).await {
        Err(Error::Refused(Refused::Invalid(why))) => {
            let field = field_of(&why, &change);
            shown_again(&visit, &refused_input(&visit, why, field)).await
        }
        other => visit.app_changed(other.map(|()| ConsoleNotice::Saved)),
    }
}

async fn changed(visit: &Visit<ChangeClients>, change: &ClientChange) -> AdminResult {
    let version = Version::from_etag(visit.field("version"));
    let target = Target { id: visit.name(), version: version.as_ref() };
    let flows = &visit.shared.flows;
    let rules = (&flows.url, &visit.shared.token.mint.lifetimes);
    let (store, clock) = (&flows.store, &flows.clock);
    let sector = clients::of_sector(&visit.may, &**store, target, change).await?;
    if let Some(changed) = &sector {
        sector::check(flows.providers.outbound(), changed).await.map_err(Error::Refused)?;
    }
    let checked = CheckedChange { change, seen: sector.as_ref() };
    clients::update(&visit.may, store, clock, rules, target, checked).await?;
    Ok(())
}

/// The page of the app with what was typed. Whoever may not see it reads only what was wrong.
async fn shown_again(visit: &Visit<ChangeClients>, refused: &RefusedInput) -> Answered {
    let why = Refused::Invalid(refused.why.clone());
    let Some(may) = visit.may_also::<ReadClients>() else {
        return visit.app_changed(Err(why));
    };
    visit.problem(why)?;
    Box::pin(apps::page(visit, &may, Some(refused))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_shown_at_the_field_that_it_is_about() {
        for (why, change, field) in [
            (
                "device_max_age is not less than 0",
                json!({ "device_max_age": -1 }),
                Some("device_max_age"),
            ),
            (
                "the profile fapi2 needs dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens",
                json!({ "dpop_bound_access_tokens": false, "token_alg": "ES256" }),
                Some("dpop_bound_access_tokens"),
            ),
            (
                "a client has jwks or jwks_uri, not both",
                json!({ "jwks_uri": "https://a.example" }),
                Some("jwks_uri"),
            ),
            (
                "private_key_jwt needs jwks, jwks_uri or an issuer that the client trusts",
                json!({ "token_alg": "ES256", "scope": "a" }),
                Some("jwks"),
            ),
            (
                "\"http://a.example\" is not https",
                json!({ "scope": "a", "redirect_uris": ["https://b.example", "http://a.example"] }),
                Some("redirect_uris"),
            ),
            ("the JWK Set has no keys", json!({ "jwks": {} }), Some("jwks")),
            ("something else", json!({ "scope": "a", "token_alg": "ES256" }), None),
            ("my_profile_x", json!({}), None),
        ] {
            let Value::Object(change) = change else { panic!("{change}") };
            assert_eq!(field_of(why, &ClientChange(change)), field, "{why}");
        }
    }
}
