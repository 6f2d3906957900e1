//! The metadata of a client in the words of RFC 7591 §2, as an app or an operator writes them. It is
//! read into a [`ClientMetadata`], which is checked afterwards like any other.

use serde_json::{Map, Value, json};

use super::client_metadata::{AuthMethod, ClientChange, ClientMetadata};
use super::grant_type::GrantType;

/// The members that an app may set about itself: those of RFC 7591 §2, OpenID Connect Registration
/// §2, RFC 9101 §10.5, RFC 9126 §6, RFC 9449 §5.2 and RFC 9701 §6.
const OF_APPS: &[&str] = &[
    "application_type",
    "authorization_signed_response_alg",
    "backchannel_logout_uri",
    "client_name",
    "client_uri",
    "contacts",
    "default_acr_values",
    "dpop_bound_access_tokens",
    "grant_types",
    "id_token_signed_response_alg",
    "introspection_signed_response_alg",
    "jwks",
    "jwks_uri",
    "logo_uri",
    "policy_uri",
    "post_logout_redirect_uris",
    "redirect_uris",
    "request_object_signing_alg",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "scope",
    "software_id",
    "software_version",
    "token_endpoint_auth_method",
    "tos_uri",
    "userinfo_signed_response_alg",
];

/// The most items of a list, the longest text and the longest URI in bytes, and the most bytes of all
/// together, that an app says of itself.
const MOST_ITEMS: usize = 32;
const LONGEST: usize = 2048;
const LONGEST_URI: usize = 512;
const LONGEST_WHOLE: usize = 8 * 1024;

/// Why metadata that somebody wrote cannot be registered. The names are those of RFC 7591 §3.2.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument {
    /// A redirect URI.
    #[error("{0}")]
    RedirectUri(String),
    /// A software statement.
    #[error("software statements are not taken")]
    SoftwareStatement,
    /// Anything else.
    #[error("{0}")]
    Metadata(String),
}

fn bad<T>(why: impl Into<String>) -> Result<T, BadDocument> {
    Err(BadDocument::Metadata(why.into()))
}

/// What is done with a grant type that this server does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownGrants {
    /// The document is refused.
    Refused,
    /// The grant type is left out. A published document is for many servers.
    LeftOut,
}

/// Reads what an app says of itself. Members that this server does not know are left out, RFC 7591
/// §2; so are those that only an operator sets.
pub fn of_app(
    document: &Map<String, Value>,
    unknown: UnknownGrants,
) -> Result<ClientMetadata, BadDocument> {
    // RFC 7591 §3.2.2
    if document.get("software_statement").is_some_and(|statement| !statement.is_null()) {
        return Err(BadDocument::SoftwareStatement);
    }
    for (name, value) in document {
        if OF_APPS.contains(&name.as_str()) && !is_bounded(name, value) {
            return bad(format!("{name} is too long"));
        }
    }
    check_response_types(document, unknown)?;
    let mut given: Map<String, Value> = document
        .iter()
        .filter(|(name, value)| OF_APPS.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if Value::from(given.clone()).to_string().len() > LONGEST_WHOLE {
        return bad(format!("the metadata are longer than {LONGEST_WHOLE} bytes"));
    }
    for (name, default) in [
        // RFC 7591 §2
        ("token_endpoint_auth_method", json!(AuthMethod::ClientSecretBasic)),
        ("grant_types", json!([GrantType::AuthorizationCode])),
    ] {
        given.entry(name).or_insert(default);
    }
    if unknown == UnknownGrants::LeftOut
        && let Some(Value::Array(grants)) = given.get_mut("grant_types")
    {
        let is_known = |grant: &str| grant.parse::<GrantType>().is_ok();
        grants.retain(|grant| grant.as_str().is_none_or(is_known));
    }
    check_text(&given)?;
    let plain = ClientMetadata::new("", AuthMethod::None);
    let mut read = plain.changed(&ClientChange(given)).map_err(BadDocument::Metadata)?;
    if read.client_name.is_empty() {
        read.client_name = name_of(&read);
    }
    // RFC 7591 §2: the method is one that was registered here.
    if read.token_endpoint_auth_method == AuthMethod::ClientSecret {
        return bad("token_endpoint_auth_method: client_secret is not a method of RFC 7591");
    }
    Ok(read)
}

/// What an app may demand of itself. Once it is registered it stays: an operator may have set it.
const DEMANDS: &[&str] = &[
    "dpop_bound_access_tokens",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
];

/// The algorithms by which something is signed for an app, or by the app. One that is registered is not
/// taken away, and RS256 does not take its place.
const ALGORITHMS: &[&str] = &[
    "authorization_signed_response_alg",
    "id_token_signed_response_alg",
    "introspection_signed_response_alg",
    "request_object_signing_alg",
    "userinfo_signed_response_alg",
];

/// What is registered after an app replaced what it says of itself. What only an operator sets stays,
/// and so does what an operator restricted: nothing that the app says loosens it.
pub fn replaced(
    stored: &ClientMetadata,
    read: &ClientMetadata,
) -> Result<ClientMetadata, BadDocument> {
    let mut members = stored.to_json();
    for (name, value) in read.to_json() {
        let before = members.get(&name);
        let is_set = before.is_some_and(|before| !before.is_null() && *before != value);
        let loosens = match name.as_str() {
            demand if DEMANDS.contains(&demand) => before == Some(&Value::Bool(true)),
            alg if ALGORITHMS.contains(&alg) => {
                is_set && (value.is_null() || value.as_str() == Some("RS256"))
            }
            "default_acr_values" => is_set && (value.is_null() || value == json!([])),
            _ => false,
        };
        if OF_APPS.contains(&name.as_str()) && !loosens {
            members.insert(name, value);
        }
    }
    let mut replaced = ClientMetadata::from_json(members).map_err(BadDocument::Metadata)?;
    let is_by_key = |method: AuthMethod| method != AuthMethod::None && !method.has_secret();
    let (before, now) = (stored.token_endpoint_auth_method, replaced.token_endpoint_auth_method);
    if is_by_key(before) && !is_by_key(now) {
        return bad("an app that authenticates by a key goes back to no secret");
    }
    replaced.grant_types.retain(|grant| stored.grant_types.contains(grant));
    if replaced.grant_types.is_empty() && !stored.grant_types.is_empty() {
        return bad("none of these grant_types is registered for the app");
    }
    Ok(replaced)
}

/// Reads the metadata that an operator wrote: the same words, and this server's own. `response_types`
/// is checked and follows from the grants. A member that nobody knows is an error here, since a
/// misspelled one would be missed otherwise.
pub fn of_operator(document: &Map<String, Value>) -> Result<ClientChange, BadDocument> {
    if document.contains_key("software_statement") {
        return Err(BadDocument::SoftwareStatement);
    }
    check_response_types(document, UnknownGrants::Refused)?;
    let mut given = document.clone();
    given.remove("response_types");
    let known = ClientMetadata::default().to_json();
    match given.keys().find(|name| !known.contains_key(*name)) {
        Some(unknown) => bad(format!("{unknown:?} is not an attribute of a client")),
        None => Ok(ClientChange(given)),
    }
}

/// The metadata in the answer to an app, RFC 7591 §3.2.1: what it may set, as it is registered.
#[must_use]
pub fn shown(metadata: &ClientMetadata) -> Map<String, Value> {
    let is_given = |value: &Value| !value.is_null() && *value != json!([]);
    let members = metadata.to_json().into_iter();
    let mut shown: Map<String, Value> = members
        .filter(|(name, value)| OF_APPS.contains(&name.as_str()) && is_given(value))
        .collect();
    let uses_codes = metadata.grant_types.contains(&GrantType::AuthorizationCode);
    shown.insert("response_types".to_owned(), if uses_codes { json!(["code"]) } else { json!([]) });
    shown
}

/// RFC 7591 §2.1: the response types agree with the grant types. `code` is the only one here.
fn check_response_types(
    document: &Map<String, Value>,
    unknown: UnknownGrants,
) -> Result<(), BadDocument> {
    let Some(given) = document.get("response_types").filter(|given| !given.is_null()) else {
        return Ok(());
    };
    let Some(types) = given.as_array() else { return bad("response_types is not a list") };
    let others = types.iter().find(|one| one.as_str() != Some("code"));
    let has_code = types.iter().any(|one| one.as_str() == Some("code"));
    match others {
        Some(other) if unknown == UnknownGrants::Refused || !has_code => {
            bad(format!("the response type {other} is not supported: code is"))
        }
        _ => {
            let grants = document.get("grant_types").and_then(Value::as_array);
            let uses_codes = grants.is_none_or(|grants| {
                grants.iter().any(|one| one.as_str() == Some("authorization_code"))
            });
            if has_code == uses_codes {
                Ok(())
            } else {
                bad("the response type code goes with the grant authorization_code")
            }
        }
    }
}

/// Whether a value has a size that people and databases can bear.
fn is_bounded(name: &str, value: &Value) -> bool {
    let longest = match name {
        "client_name" => 100,
        uri if uri.ends_with("_uri") || uri.ends_with("_uris") => LONGEST_URI,
        _ => LONGEST,
    };
    match value {
        Value::String(text) => text.len() <= longest,
        Value::Array(items) => {
            items.len() <= MOST_ITEMS && items.iter().all(|item| is_bounded(name, item))
        }
        // The keys. What they are together with the rest has a limit.
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Control characters, and those that turn the direction of a text, are in no name that people see.
fn check_text(given: &Map<String, Value>) -> Result<(), BadDocument> {
    for name in ["client_name", "software_id", "software_version"] {
        let text = given.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.chars().any(is_hidden) {
            return bad(format!("{name} has characters that nobody can see"));
        }
        if !text.is_empty() && text.trim().is_empty() {
            return bad(format!("{name} has nothing but blanks"));
        }
    }
    Ok(())
}

/// Whether nobody sees this character: what controls a text, what turns its direction, and what is
/// drawn as nothing (Unicode: `Default_Ignorable_Code_Point`, and letters that are blank).
const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0e}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What an app without a name is called: the host that people are sent back to.
fn name_of(read: &ClientMetadata) -> String {
    let host = read.redirect_uris.first().map(|uri| super::redirect_uri::shown_host(uri));
    host.filter(|host| !host.is_empty()).unwrap_or_else(|| "App".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client_metadata::TokenAlg;

    fn read(document: &Value) -> Result<ClientMetadata, BadDocument> {
        of_app(document.as_object().unwrap(), UnknownGrants::Refused)
    }

    #[test]
    fn rfc7591_2_what_is_absent_has_the_default_of_the_rfc() {
        let app = read(&json!({ "redirect_uris": ["https://app.example/cb"] })).unwrap();
        assert_eq!(app.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
        assert_eq!(app.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(app.client_name, "app.example");
        let null = json!({ "grant_types": null, "client_name": null, "scope": null });
        assert_eq!(read(&null).unwrap().grant_types, [GrantType::AuthorizationCode]);
    }

    #[test]
    fn rfc7591_2_what_nobody_knows_and_what_an_operator_sets_is_left_out() {
        let app = read(&json!({
            "first_party": true, "trust_user_ip": true, "resource_servers": ["https://api.example"],
            "audiences": ["https://api.example"], "claims": [{ "claim": "x", "value": 1 }],
            "allowed_origins": ["https://app.example"], "signup": "open", "first_party_challenge": true,
            "access_lifetime": 1, "client_name#ko": "앱", "nonsense": { "a": [1] },
        }));
        let mut plain = ClientMetadata::new("App", AuthMethod::ClientSecretBasic);
        plain.grant_types = vec![GrantType::AuthorizationCode];
        assert_eq!(app, Ok(plain));
    }

    #[test]
    fn rfc7592_2_2_what_an_operator_set_stays() {
        let mut stored =
            read(&json!({ "client_name": "Old", "tos_uri": "https://a.example" })).unwrap();
        stored.audiences = vec!["https://api.example".to_owned()];
        let new = replaced(&stored, &read(&json!({ "client_name": "New" })).unwrap()).unwrap();
        assert_eq!((new.client_name.as_str(), &new.tos_uri), ("New", &None));
        assert_eq!(new.audiences, stored.audiences);
    }

    #[test]
    fn rfc7592_2_2_nothing_that_an_app_says_loosens_what_is_registered() {
        let words = ["authorization_code", "refresh_token"];
        let both = read(&json!({ "grant_types": words, "dpop_bound_access_tokens": false }));
        let both = both.unwrap();
        let mut stored = both.clone();
        stored.grant_types = vec![GrantType::AuthorizationCode];
        stored.dpop_bound_access_tokens = true;
        stored.require_pushed_authorization_requests = true;
        stored.require_signed_request_object = true;
        stored.id_token_signed_response_alg = Some(TokenAlg::Es256);
        stored.userinfo_signed_response_alg = Some(TokenAlg::Rs256);
        assert_eq!(replaced(&stored, &both), Ok(stored.clone()));
        let weaker = read(&json!({ "id_token_signed_response_alg": "RS256" })).unwrap();
        let kept = replaced(&stored, &weaker).unwrap();
        assert_eq!(kept.id_token_signed_response_alg, Some(TokenAlg::Es256));
        // What it demands of itself besides counts, and so does what is as strong.
        let stronger = json!({
            "id_token_signed_response_alg": "EdDSA", "userinfo_signed_response_alg": "ES256",
            "require_pushed_authorization_requests": true,
        });
        let kept = replaced(&both, &read(&stronger).unwrap()).unwrap();
        assert!(kept.require_pushed_authorization_requests);
        let kept = replaced(&stored, &read(&stronger).unwrap()).unwrap();
        assert_eq!(kept.id_token_signed_response_alg, Some(TokenAlg::EdDsa));
        assert_eq!(kept.userinfo_signed_response_alg, Some(TokenAlg::Es256));
        let other = json!({ "grant_types": ["client_credentials"], "response_types": [] });
        assert!(replaced(&stored, &read(&other).unwrap()).is_err());
        let strong = read(&json!({ "default_acr_values": ["2"] })).unwrap();
        assert_eq!(replaced(&strong, &both).unwrap().default_acr_values, strong.default_acr_values);
        let by_key = ClientMetadata {
            token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
            ..both.clone()
        };
        let by_secret = ClientMetadata {
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
            ..both.clone()
        };
        assert!(replaced(&by_key, &by_secret).is_err());
        assert!(replaced(&by_secret, &by_key).is_ok());
    }

    #[test]
    fn nobody_hides_in_a_name() {
        for hidden in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0041}',
            '\u{e0100}',
            '\n',
            '\u{85}',
        ] {
            assert!(read(&json!({ "client_name": format!("a{hidden}b") })).is_err(), "{hidden:?}");
        }
        for plain in ["노트 앱", "Café", "メモ", "☎️ Phone", "a b"] {
            assert!(read(&json!({ "client_name": plain })).is_ok(), "{plain}");
        }
    }

    #[test]
    fn rfc7591_3_2_2_each_line_is_refused_for_one_reason() {
        let long = "x".repeat(LONGEST + 1);
        let uri = "x".repeat(LONGEST_URI + 1);
        for (document, why) in [
            (json!({ "software_statement": "e30" }), BadDocument::SoftwareStatement.to_string()),
            (json!({ "client_name": "x".repeat(101) }), "client_name is too long".to_owned()),
            (
                json!({ "client_name": "a\u{202e}b" }),
                "client_name has characters that nobody can see".to_owned(),
            ),
            (
                json!({ "client_name": " \u{3000}" }),
                "client_name has nothing but blanks".to_owned(),
            ),
            (json!({ "client_uri": long }), "client_uri is too long".to_owned()),
            (json!({ "redirect_uris": [uri] }), "redirect_uris is too long".to_owned()),
            (
                json!({ "redirect_uris": vec![&uri[1..]; 16] }),
                "the metadata are longer than 8192 bytes".to_owned(),
            ),
            (
                json!({ "jwks": { "keys": [long, long, long, long] } }),
                "the metadata are longer than 8192 bytes".to_owned(),
            ),
            (json!({ "contacts": vec!["a"; 33] }), "contacts is too long".to_owned()),
            (json!({ "response_types": "code" }), "response_types is not a list".to_owned()),
            (
                json!({ "response_types": ["code", "token"] }),
                "the response type \"token\" is not supported: code is".to_owned(),
            ),
            (
                json!({ "response_types": ["code"], "grant_types": ["client_credentials"] }),
                "the response type code goes with the grant authorization_code".to_owned(),
            ),
            (
                json!({ "response_types": [] }),
                "the response type code goes with the grant authorization_code".to_owned(),
            ),
            (
                json!({ "token_endpoint_auth_method": "client_secret" }),
                "token_endpoint_auth_method: client_secret is not a method of RFC 7591".to_owned(),
            ),
        ] {
            assert_eq!(read(&document).unwrap_err().to_string(), why, "{document}");
        }
        for document in [
            json!({ "grant_types": ["implicit"] }),
            json!({ "grant_types": "authorization_code" }),
            json!({ "redirect_uris": "https://app.example" }),
            json!({ "redirect_uris": [1] }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
            json!({ "scope": ["openid"] }),
            json!({ "scope": "a\"b" }),
            json!({ "client_name": 7 }),
            json!({ "application_type": "other" }),
            json!({ "dpop_bound_access_tokens": "yes" }),
        ] {
            assert!(matches!(read(&document), Err(BadDocument::Metadata(_))), "{document}");
        }
    }

    #[test]
    fn a_document_for_many_servers_may_list_what_this_one_does_not_know() {
        let document = json!({
            "grant_types": ["authorization_code", "refresh_token", "implicit", "urn:x:y"],
            "response_types": ["code", "id_token"],
        });
        let app = of_app(document.as_object().unwrap(), UnknownGrants::LeftOut).unwrap();
        assert_eq!(app.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    }
}
