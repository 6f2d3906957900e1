//! The code that the OpenID providers share.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::grant::{Grant, Refused};
use super::messages::{Answer, RecordedRequest};
use super::records::ProviderRecords;

pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The scopes of a native app, in the words of all providers together.
pub(super) const EVERYTHING: &str = "openid profile email name profile_nickname profile_image \
                                     account_email read:user user:email public_profile";

/// The paths of the endpoints.
pub(super) struct Paths {
    pub(super) authorize: &'static str,
    pub(super) token: &'static str,
    pub(super) jwks: &'static str,
    pub(super) userinfo: Option<&'static str>,
}

/// A discovery document with the members that every provider has, and with `more`.
pub(super) fn discovery(records: &ProviderRecords, paths: &Paths, alg: &str, more: Value) -> Value {
    let mut document = json!({
        "issuer": records.base(),
        "authorization_endpoint": records.url(paths.authorize),
        "token_endpoint": records.url(paths.token),
        "jwks_uri": records.url(paths.jwks),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [alg],
    });
    if let Some(path) = paths.userinfo {
        document["userinfo_endpoint"] = json!(records.url(path));
    }
    let Value::Object(more) = more else { return document };
    document.as_object_mut().expect("an object").extend(more);
    document
}

/// The published keys.
pub(super) fn jwks(records: &ProviderRecords) -> Answer {
    let keys: Vec<_> = records.keys().iter().map(|key| key.jwk()).collect();
    Answer::json(200, &json!({ "keys": keys }))
}

/// The claims that every `id_token` has.
pub(super) fn claims(records: &ProviderRecords, grant: &Grant) -> Value {
    let now = records.now();
    let mut claims = json!({
        "iss": records.base(),
        "sub": grant.person.id,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + 3600,
    });
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    if let Some(auth_time) = grant.auth_time {
        claims["auth_time"] = json!(auth_time);
    }
    claims
}

/// The `at_hash` of an access token (OpenID Connect Core §3.1.3.6).
pub(super) fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token.as_bytes())[..16])
}

/// Checks that a request has these parameters.
pub(super) fn says(asked: &RecordedRequest, wanted: &[&str]) -> Result<(), String> {
    if asked.query.get("response_type") != "code" {
        return Err("response_type is not code".to_owned());
    }
    let missing = wanted.iter().find(|name| asked.query.get(name).is_empty());
    missing.map_or(Ok(()), |name| Err(format!("{name} is missing")))
}

/// A refusal in the form of RFC 6749 §5.2.
pub(super) fn refusal(refused: Refused) -> Answer {
    let (status, error, description) = match refused {
        Refused::GrantType => (400, "unsupported_grant_type", "The grant_type is not supported."),
        Refused::Client => (401, "invalid_client", "The client is not known."),
        Refused::Secret => (401, "invalid_client", "The client_secret is wrong."),
        Refused::Code => (400, "invalid_grant", "The code is not known, spent or expired."),
        Refused::RedirectUri => (400, "invalid_grant", "The redirect_uri is another one."),
        Refused::Verifier => (400, "invalid_grant", "The code_verifier is wrong."),
    };
    error_of(status, error, description)
}

/// An error with its description.
pub(super) fn error_of(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}
