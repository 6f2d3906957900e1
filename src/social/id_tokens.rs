//! Verifies id tokens, OpenID Connect Core §3.1.3.7.
//!
//! The claims that identify a person or bind a token to this sign-in are checked strictly: `iss`,
//! `sub`, `aud`, `azp`, `exp`, `iat`, `nonce`. Every other claim may have any type, and is checked
//! only where it is used. The keys are kept for a while. They are fetched again when a token is
//! signed by an unknown key, but not for every such token.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::channel::Channel;
use super::error::UpstreamError;
use crate::domain::clock::from_millis;
use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::domain::hex;
use crate::domain::secret::Secret;
use crate::keys::make::left_half_hash;
use crate::keys::provider_keys::{ProviderKeys, Signed, Unsigned};
use crate::outbound::document_cache::{Cached, Keeping, ToldBy};

/// How far ahead the clock of a provider may be.
const AHEAD: Duration = Duration::minutes(5);
/// How old a token may be that an app presents without a nonce, whenever it expires: nothing else
/// shows that it was made for this sign-in.
const YOUNG: Duration = Duration::hours(1);
/// The end of the year 9999, in milliseconds. A token that never expires is remembered until then.
const LAST: i64 = 253_402_300_799_000;
/// The longest `sub` in bytes, Core §2.
const LONGEST_SUBJECT: usize = 255;

/// How long metadata and keys of a provider are kept.
pub(super) const KEEPING: Keeping = Keeping {
    fresh: Duration::hours(1),
    stale: Duration::days(1),
    cool_down: Duration::seconds(10),
    first_cool_down: Duration::zero(),
};

/// The keys of a provider, in memory.
pub(super) type Keys = Cached<ProviderKeys>;

/// Where an issuer publishes its metadata. Discovery §4.1: a slash at its end is not repeated.
pub(super) fn metadata_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Fetches the keys of a provider.
pub(super) async fn fetch(
    channel: Arc<Channel>,
    url: String,
) -> Result<ProviderKeys, UpstreamError> {
    let malformed = |why: &str| UpstreamError::refused(FailureReason::MalformedKeys, why);
    if url::Url::parse(&url).is_err() {
        return Err(malformed("the jwks_uri is not a URL"));
    }
    let (status, keys) = channel.get(&url, None).await?;
    if status != 200 {
        return Err(malformed(&format!("the jwks_uri is answered with status {status}")));
    }
    ProviderKeys::parse(&keys)
        .ok_or_else(|| malformed("the answer of the jwks_uri is not a JWK Set"))
}

/// The issuer of a token, and where its keys are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) channel: &'a Arc<Channel>,
    pub(super) keys: &'a Keys,
    pub(super) jwks_uri: &'a str,
    /// `iss`.
    pub(super) issuer: &'a str,
}

/// From whom this server received a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceivedFrom {
    /// From the provider itself, in exchange for a code. Nobody else can have chosen this token.
    Provider,
    /// From an app, which may have got it from anybody.
    App,
}

/// What an id token has to contain.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The accepted client ids. `aud` must contain one of them, and so must `azp` if it is there.
    pub(super) audiences: &'a [&'a str],
    /// Further audiences that may be in `aud`.
    pub(super) additional_audiences: &'a [&'a str],
    /// The rule for the nonce.
    pub(super) nonce: NonceRule<'a>,
    /// From whom the token was received.
    pub(super) received_from: ReceivedFrom,
    /// The secret that the token may be signed with.
    pub(super) secret: Option<&'a Secret>,
    /// The access token that came with it, Core §3.1.3.6.
    pub(super) access_token: Option<&'a str>,
}

/// The rule for the nonce.
#[derive(Clone, Copy)]
pub(super) enum NonceRule<'a> {
    /// It must be this one.
    This(&'a str),
    /// It must be this one or its SHA-256 in hex, as Apple sends it. It may be missing if the token
    /// says that nonces are not supported.
    Hashed(&'a str),
    /// It is not checked, because the app gave no nonce.
    Anything,
}

/// An id token that was verified.
#[derive(Debug)]
pub(super) struct Verified {
    /// Its claims.
    pub(super) claims: Value,
    /// The fingerprint by which the token is remembered.
    pub(super) fingerprint: [u8; 32],
    /// When it expires.
    pub(super) expires_at: DateTime<Utc>,
}

/// Verifies an id token. The claims are checked first, so that a token that can never be valid
/// causes no call to the provider.
pub(super) async fn verify(
    source: Source<'_>,
    token: &str,
    expected: Expected<'_>,
) -> Result<Verified, UpstreamError> {
    let signed = Signed::parse(token).ok_or_else(|| malformed("it is not a JWT"))?;
    let now = source.channel.clock().now();
    let expires_at = check(&signed, source.issuer, expected, now)?;
    verify_signature(source, &signed, expected.secret, expected.received_from).await?;
    Ok(Verified {
        expires_at,
        fingerprint: Sha256::digest(signed.signed().as_bytes()).into(),
        claims: signed.into_claims(),
    })
}

/// Checks that the token is signed by a key of the provider, or with this secret.
pub(super) async fn verify_signature(
    source: Source<'_>,
    signed: &Signed<'_>,
    secret: Option<&Secret>,
    received_from: ReceivedFrom,
) -> Result<(), UpstreamError> {
    let Source { channel, keys, jwks_uri, .. } = source;
    let bad = |why: Unsigned| UpstreamError::refused(FailureReason::BadSignature, why.to_string());
    let now = channel.clock().now();
    let fetched = || Box::pin(fetch(Arc::clone(channel), jwks_uri.to_owned()));
    let known = keys.get(now, fetched()).await?;
    let checked = signed.verify(&known, secret);
    if checked != Err(Unsigned::NoKey) {
        return checked.map_err(bad);
    }
    // Core §10.1.1: the provider may have new keys. Tokens from strangers have a limit of their own
    // for asking.
    let told_by = match received_from {
        ReceivedFrom::Provider => ToldBy::Provider,
        ReceivedFrom::App => ToldBy::Stranger,
    };
    match keys.instead_of(&known, now, told_by, fetched()).await? {
        Some(known) => signed.verify(&known, secret).map_err(bad),
        None => checked.map_err(bad),
    }
}

fn malformed(detail: &str) -> UpstreamError {
    UpstreamError::refused(FailureReason::MalformedToken, detail)
}

/// Checks the claims of a token, and returns when it expires.
fn check(
    signed: &Signed<'_>,
    issuer: &str,
    expected: Expected<'_>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, UpstreamError> {
    let claims = signed.claims();
    // Core §3.1.3.7: the issuer must be equal byte for byte.
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(UpstreamError::refused(FailureReason::WrongIssuer, "another issuer"));
    }
    check_audience(claims, expected)?;
    let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if sub.is_empty() || sub.len() > LONGEST_SUBJECT || sub.contains(char::is_control) {
        return Err(malformed("its sub is missing or is not a text"));
    }
    let expires_at =
        instant(claims, "exp").ok_or_else(|| malformed("its exp is missing or is not a number"))?;
    let issued_at =
        instant(claims, "iat").ok_or_else(|| malformed("its iat is missing or is not a number"))?;
    if expires_at <= now {
        return Err(UpstreamError::refused(FailureReason::Expired, "it has expired"));
    }
    // RFC 7519 §4.1.5: a token is not valid before `nbf`.
    let begins_at = instant(claims, "nbf").unwrap_or(issued_at);
    if issued_at.max(begins_at) > now + AHEAD {
        return Err(UpstreamError::refused(FailureReason::IssuedAhead, "it is not valid yet"));
    }
    let is_answer = check_nonce(claims, expected.nonce)?;
    if expected.received_from == ReceivedFrom::App {
        check_kind(signed)?;
        if !is_answer && issued_at < now - YOUNG {
            let why = "it was issued more than an hour ago, and no nonce says for what";
            return Err(UpstreamError::refused(FailureReason::TooOld, why));
        }
    }
    if let (Some(access_token), Some(hash)) = (expected.access_token, claims.get("at_hash"))
        && hash.as_str() != Some(left_half_hash(access_token).as_str())
    {
        return Err(UpstreamError::refused(
            FailureReason::WrongAtHash,
            "the access token is another one",
        ));
    }
    Ok(expires_at)
}

/// Core §3.1.3.7: `aud` must contain an accepted client id and no audience that is not trusted.
/// `azp` names the client that got the token, and must be an accepted client id, too.
fn check_audience(claims: &Value, expected: Expected<'_>) -> Result<(), UpstreamError> {
    let named = audiences(claims)
        .ok_or_else(|| malformed("its aud is missing or is not a text or a list of texts"))?;
    let is_ours = |one: &str| expected.audiences.contains(&one);
    if !named.iter().any(|one| is_ours(one)) {
        return Err(UpstreamError::another_app());
    }
    if let Some(other) =
        named.iter().find(|one| !is_ours(one) && !expected.additional_audiences.contains(one))
    {
        let why = format!(
            "it was issued for {} as well, which is not an accepted audience",
            excerpt(other)
        );
        return Err(UpstreamError::refused(FailureReason::WrongAudience, why));
    }
    match claims.get("azp") {
        Some(party) if party.as_str().is_some_and(is_ours) => Ok(()),
        Some(_) => Err(UpstreamError::refused(FailureReason::WrongAzp, "another app got it")),
        None if named.len() > 1 => {
            Err(UpstreamError::refused(FailureReason::WrongAzp, "several audiences and no azp"))
        }
        None => Ok(()),
    }
}

/// Checks that it is an id token and not another kind of token that the same keys sign (RFC 8725
/// §3.11, §3.12): a logout token or another event (Back-Channel Logout §2.4, RFC 8417 §2.2), or an
/// access token. Some providers name the kind in a claim: Keycloak in `typ`, Cognito in
/// `token_use`.
fn check_kind(signed: &Signed<'_>) -> Result<(), UpstreamError> {
    let claims = signed.claims();
    let says_another = |claim: &str| {
        let kind = claims.get(claim).and_then(Value::as_str);
        kind.is_some_and(|kind| !["id", "jwt"].contains(&kind.to_ascii_lowercase().as_str()))
    };
    let is_event = claims.get("events").is_some();
    if is_event || !signed.may_be("jwt") || says_another("typ") || says_another("token_use") {
        return Err(UpstreamError::refused(
            FailureReason::NotAnIdToken,
            "it is a token of another kind",
        ));
    }
    Ok(())
}

/// The time in a claim, in seconds; it may have a fraction (RFC 7519 §2).
fn instant(claims: &Value, name: &str) -> Option<DateTime<Utc>> {
    let seconds = claims.get(name)?;
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, and is held to the years")]
    let whole = seconds.as_i64().or_else(|| seconds.as_f64().map(|exact| exact.floor() as i64))?;
    Some(from_millis(whole.saturating_mul(1000).clamp(0, LAST)))
}

/// The issuer and the audiences that a token claims to have. Nothing of it is verified.
#[derive(Clone, Debug)]
pub struct UnverifiedClaims {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audiences: Vec<String>,
}

/// Reads these claims from a token that is not verified. They may only be used to find the provider
/// that verifies it.
#[must_use]
pub fn unverified_claims(token: &str) -> Option<UnverifiedClaims> {
    let claims = unverified(token)?;
    let issuer = claims.get("iss")?.as_str()?.to_owned();
    let audiences = audiences(&claims)?.into_iter().map(str::to_owned).collect();
    Some(UnverifiedClaims { issuer, audiences })
}

/// Every claim of a token that is not verified.
pub(super) fn unverified(token: &str) -> Option<Value> {
    Signed::parse(token).map(Signed::into_claims)
}

/// `aud`: a string, or an array of strings.
pub(super) fn audiences(claims: &Value) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether the token contains the expected nonce. If it has to and does not, it is refused.
fn check_nonce(claims: &Value, rule: NonceRule<'_>) -> Result<bool, UpstreamError> {
    let nonce = claims.get("nonce").and_then(Value::as_str);
    let wrong = || UpstreamError::refused(FailureReason::WrongNonce, "the nonce is another one");
    let is = |expected: &str| nonce == Some(expected);
    match rule {
        NonceRule::Anything => Ok(false),
        NonceRule::Hashed(_)
            if claims.get("nonce").is_none()
                && claims.get("nonce_supported") == Some(&Value::Bool(false)) =>
        {
            Ok(false)
        }
        NonceRule::Hashed(expected) if is(&hex::lower(&Sha256::digest(expected.as_bytes()))) => {
            Ok(true)
        }
        NonceRule::This(expected) | NonceRule::Hashed(expected) if is(expected) => Ok(true),
        NonceRule::This(_) | NonceRule::Hashed(_) => Err(wrong()),
    }
}

impl Verified {
    /// What is remembered so that the token is not accepted a second time: its fingerprint, and
    /// until when.
    pub(super) fn once(&self) -> ([u8; 32], DateTime<Utc>) {
        (self.fingerprint, self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const US: &str = "ours";

    fn good() -> Value {
        json!({ "iss": "https://idp", "sub": "1", "aud": US, "iat": NOW, "exp": NOW + 3600 })
    }

    fn expected(received_from: ReceivedFrom) -> Expected<'static> {
        Expected {
            audiences: &[US, "android"],
            additional_audiences: &["project"],
            nonce: NonceRule::Anything,
            received_from,
            secret: None,
            access_token: None,
        }
    }

    fn checked(
        header: &Value,
        claims: &Value,
        expected: Expected<'_>,
    ) -> Result<(), FailureReason> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.", part(header), part(claims));
        let signed = Signed::parse(&token).unwrap();
        let found = check(&signed, "https://idp", expected, from_millis(NOW * 1000));
        found.map(drop).map_err(|error| error.reason())
    }

    /// The good claims, changed by these.
    fn with(more: &Value) -> Value {
        let mut claims = good();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    fn said(more: &Value, received_from: ReceivedFrom) -> Result<(), FailureReason> {
        checked(&json!({ "alg": "RS256", "typ": "JWT" }), &with(more), expected(received_from))
    }

    #[test]
    fn core_5_1_a_claim_of_an_odd_type_that_is_not_needed_refuses_nobody() {
        let odd = json!({
            "locale": { "language": "ko" }, "updated_at": "yesterday", "email": 5,
            "email_verified": "True", "phone_number_verified": "no", "address": [],
            "name": ["Mina"], "picture": false, "zoneinfo": {}, "auth_time": "now", "acr": 0,
            "amr": "pwd", "c_hash": 1, "at_hash": null, "azp": null, "nonce": null, "typ": 7,
        });
        for received_from in [ReceivedFrom::Provider, ReceivedFrom::App] {
            assert_eq!(said(&odd, received_from), Ok(()), "{received_from:?}");
        }
        let fractions = json!({ "iat": 1_800_000_000.5, "exp": 1_800_000_060.25 });
        assert_eq!(said(&fractions, ReceivedFrom::Provider), Ok(()));
    }

    #[test]
    fn core_3_1_3_7_what_identifies_and_binds_is_strict() {
        let malformed = FailureReason::MalformedToken;
        for (more, reason) in [
            (json!({ "iss": "https://idp/" }), FailureReason::WrongIssuer),
            (json!({ "iss": ["https://idp"] }), FailureReason::WrongIssuer),
            (json!({ "sub": 1 }), malformed),
            (json!({ "sub": "" }), malformed),
            (json!({ "sub": "a\nb" }), malformed),
            (json!({ "sub": "s".repeat(256) }), malformed),
            (json!({ "aud": null }), malformed),
            (json!({ "aud": 1 }), malformed),
            (json!({ "aud": [US, 1] }), malformed),
            (json!({ "aud": [] }), FailureReason::WrongAudience),
            (json!({ "exp": "2030-01-01T00:00:00Z" }), malformed),
            (json!({ "exp": null }), malformed),
            (json!({ "exp": NOW }), FailureReason::Expired),
            (json!({ "exp": -1 }), FailureReason::Expired),
            (json!({ "iat": "1800000000" }), malformed),
            (json!({ "iat": null }), malformed),
            (json!({ "iat": NOW + 301 }), FailureReason::IssuedAhead),
            (json!({ "iat": 1e300 }), FailureReason::IssuedAhead),
            (json!({ "nbf": NOW + 301 }), FailureReason::IssuedAhead),
            (json!({ "azp": [US] }), FailureReason::WrongAzp),
            (json!({ "azp": "" }), FailureReason::WrongAzp),
        ] {
            for received_from in [ReceivedFrom::Provider, ReceivedFrom::App] {
                assert_eq!(said(&more, received_from), Err(reason), "{more} {received_from:?}");
            }
        }
        assert_eq!(said(&json!({ "nbf": NOW + 300, "exp": 1e300 }), ReceivedFrom::App), Ok(()));
    }

    #[test]
    fn core_3_1_3_7_several_audiences_are_all_trusted_and_azp_is_ours() {
        let wrong = Err(FailureReason::WrongAudience);
        for (aud, azp, found) in [
            (json!([US]), None, Ok(())),
            (json!([US, "project"]), Some(US), Ok(())),
            (json!(["project", US, "android"]), Some("android"), Ok(())),
            (json!([US, "project"]), None, Err(FailureReason::WrongAzp)),
            (json!([US, "project"]), Some("project"), Err(FailureReason::WrongAzp)),
            (json!([US, "project", "stranger"]), Some(US), wrong),
            (json!("project"), Some(US), wrong),
            (json!(["project", "stranger"]), Some(US), wrong),
        ] {
            let more = json!({ "aud": aud, "azp": azp });
            assert_eq!(said(&more, ReceivedFrom::Provider), found, "{more}");
            assert_eq!(said(&more, ReceivedFrom::App), found, "{more}");
        }
    }

    #[test]
    fn rfc8725_3_12_a_token_of_another_kind_is_no_id_token() {
        let refused = Err(FailureReason::NotAnIdToken);
        let events =
            json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } });
        for more in [
            events,
            json!({ "events": {} }),
            json!({ "typ": "Bearer" }),
            json!({ "typ": "Logout" }),
            json!({ "token_use": "access" }),
        ] {
            assert_eq!(said(&more, ReceivedFrom::App), refused, "{more}");
            // A token that the token endpoint returns as id token is accepted as one.
            assert_eq!(said(&more, ReceivedFrom::Provider), Ok(()), "{more}");
        }
        assert_eq!(said(&json!({ "typ": "ID", "token_use": "id" }), ReceivedFrom::App), Ok(()));
        for (typ, found) in [
            (json!("at+jwt"), refused),
            (json!("application/at+jwt"), refused),
            (json!("logout+jwt"), refused),
            (json!("secevent+jwt"), refused),
            (json!(1), refused),
            (json!("jwt"), Ok(())),
            (json!("application/jwt"), Ok(())),
            (json!(null), Ok(())),
        ] {
            let header = json!({ "alg": "RS256", "typ": typ });
            assert_eq!(checked(&header, &good(), expected(ReceivedFrom::App)), found, "{typ}");
        }
    }

    #[test]
    fn an_old_token_needs_a_nonce() {
        let old = |age: i64| json!({ "iat": NOW - age, "nonce": "n" });
        assert_eq!(said(&old(3600), ReceivedFrom::App), Ok(()));
        assert_eq!(said(&old(3601), ReceivedFrom::App), Err(FailureReason::TooOld));
        assert_eq!(said(&old(2 * 365 * 86_400), ReceivedFrom::App), Err(FailureReason::TooOld));
        assert_eq!(said(&old(3601), ReceivedFrom::Provider), Ok(()));
        let header = json!({ "alg": "RS256" });
        let ruled = |nonce, more: &Value| {
            checked(&header, &with(more), Expected { nonce, ..expected(ReceivedFrom::App) })
        };
        assert_eq!(ruled(NonceRule::This("n"), &old(86_400)), Ok(()));
        assert_eq!(ruled(NonceRule::This("m"), &old(0)), Err(FailureReason::WrongNonce));
        assert_eq!(ruled(NonceRule::This("m"), &json!({})), Err(FailureReason::WrongNonce));
        // A token without a nonce that says that nonces are not supported has no nonce to check.
        let none = json!({ "iat": NOW - 3601, "nonce_supported": false });
        assert_eq!(ruled(NonceRule::Hashed("n"), &none), Err(FailureReason::TooOld));
        let odd = json!({ "nonce": 5, "nonce_supported": false });
        assert_eq!(ruled(NonceRule::Hashed("n"), &odd), Err(FailureReason::WrongNonce));
    }
}
