//! Verifying id tokens, OpenID Connect Core §3.1.3.7.
//!
//! The keys are kept for a while and fetched anew when a token is signed by one that is not among
//! them, but not by every token that says so.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    ClaimsVerificationError, ClientId, ClientSecret, IssuerUrl, JsonWebKey, JsonWebKeySetUrl,
    Nonce, NonceVerifier, SignatureVerificationError,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::cached::Cached;
use super::channel::Channel;
use super::trouble::Trouble;
use crate::domain::clock::from_millis;
use crate::domain::hex;
use crate::domain::reason::Reason;
use crate::domain::sensitive::Sensitive;
use crate::keys::make::left_half_hash;

/// What may sign (RFC 8725 §3.1): never what the header alone chooses.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
];

/// A clock of others may be so far ahead.
const AHEAD: Duration = Duration::minutes(5);
/// The end of the year 9999, in milliseconds: the longest that a token is remembered which never
/// expires.
const LAST: i64 = 253_402_300_799_000;
/// The longest `sub`, Core §2.
const LONGEST_SUBJECT: usize = 255;

/// The keys of a provider in memory.
pub(super) type Keys = Cached<CoreJsonWebKeySet>;

/// Fetches the keys.
pub(super) async fn fetch(
    channel: Arc<Channel>,
    url: String,
) -> Result<CoreJsonWebKeySet, Trouble> {
    let malformed = |why: String| Trouble::refused(Reason::MalformedKeys, why);
    let url = JsonWebKeySetUrl::new(url)
        .map_err(|error| malformed(format!("the jwks_uri is no URL: {error}")))?;
    let (status, keys) = channel.get(url.as_str(), None).await?;
    if status != 200 {
        return Err(malformed(format!("the jwks_uri is answered with status {status}")));
    }
    serde_json::from_value(keys).map_err(|error| malformed(error.to_string()))
}

/// Who issues a token, and where the keys are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) channel: &'a Arc<Channel>,
    pub(super) keys: &'a Keys,
    pub(super) jwks_uri: &'a str,
    /// `iss`.
    pub(super) issuer: &'a str,
}

/// What an id token must say.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    /// To whom: one of these.
    pub(super) audiences: &'a [&'a str],
    /// In answer to what.
    pub(super) nonce: NonceRule<'a>,
    /// The secret that it may be signed with.
    pub(super) secret: Option<&'a Sensitive>,
    /// The access token that came with it, Core §3.1.3.6.
    pub(super) access_token: Option<&'a str>,
}

/// What the nonce must be.
#[derive(Clone, Copy)]
pub(super) enum NonceRule<'a> {
    /// This one.
    This(&'a str),
    /// This one or its SHA-256 in hex, as Apple has it; it may be missing where the token says that
    /// there can be none.
    Hashed(&'a str),
    /// Not checked: the app named no nonce.
    Anything,
}

/// An id token that was verified.
#[derive(Debug)]
pub(super) struct Verified {
    /// Everything that it says.
    pub(super) claims: Value,
    /// What names it.
    pub(super) fingerprint: [u8; 32],
    /// When it expires.
    pub(super) expires_at: DateTime<Utc>,
}

/// Verifies an id token.
pub(super) async fn verify(
    source: Source<'_>,
    token: &str,
    expected: Expected<'_>,
) -> Result<Verified, Trouble> {
    let Source { channel, keys, jwks_uri, issuer } = source;
    let now = channel.clock().now();
    let fetched = || Box::pin(fetch(Arc::clone(channel), jwks_uri.to_owned()));
    let known = keys.get(now, fetched()).await?;
    let check = |known: &CoreJsonWebKeySet| check(token, known, issuer, expected, now);
    match check(&known) {
        // Core §10.1.1: the keys may have been succeeded.
        Err(Bad::Key(why)) => match keys.instead_of(&known, now, fetched()).await? {
            Some(known) => check(&known).map_err(Trouble::from),
            None => Err(Bad::Key(why).into()),
        },
        checked => checked.map_err(Trouble::from),
    }
}

/// Why a token does not hold.
#[derive(Debug)]
enum Bad {
    /// No key fits; another one may.
    Key(String),
    /// It is none.
    Token(Reason, String),
}

impl Bad {
    fn token(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Token(reason, detail.into())
    }
}

impl From<Bad> for Trouble {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Key(detail) => Self::refused(Reason::BadSignature, detail),
            Bad::Token(reason, detail) => Self::refused(reason, detail),
        }
    }
}

impl From<ClaimsVerificationError> for Bad {
    fn from(error: ClaimsVerificationError) -> Self {
        use ClaimsVerificationError as E;
        let reason = match &error {
            E::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::CryptoError(_),
            ) => return Self::Key(error_chain(&error)),
            E::SignatureVerification(_) | E::Unsupported(_) => Reason::BadSignature,
            E::Expired(_) => Reason::Expired,
            E::InvalidAudience(_) => Reason::WrongAudience,
            E::InvalidIssuer(_) => Reason::WrongIssuer,
            E::InvalidNonce(_) => Reason::WrongNonce,
            _ => Reason::BadToken,
        };
        Self::Token(reason, error_chain(&error))
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn check(
    token: &str,
    keys: &CoreJsonWebKeySet,
    issuer: &str,
    expected: Expected<'_>,
    now: DateTime<Utc>,
) -> Result<Verified, Bad> {
    let malformed = |detail: &str| Bad::token(Reason::MalformedToken, detail);
    let (signed, _) = token.rsplit_once('.').ok_or_else(|| malformed("it is no JWT"))?;
    let claims = unverified(token).ok_or_else(|| malformed("it holds no JSON"))?;
    let named = audiences(&claims).ok_or_else(|| malformed("its aud is none"))?;
    let id_token = CoreIdToken::from_str(token).map_err(|error| malformed(&error.to_string()))?;
    let ours = named.iter().find(|one| expected.audiences.contains(one));
    let ours =
        ours.ok_or_else(|| Bad::token(Reason::WrongAudience, "it was issued for another app"))?;
    let verifier = verifier(named_by(token, keys), issuer, ours, expected, now)?;
    let verified = id_token
        .claims(&verifier, |nonce: Option<&Nonce>| check_nonce(nonce, expected.nonce, &claims))?;
    // The crate compares URLs; an issuer is compared byte for byte (Core §3.1.3.7).
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(Bad::token(Reason::WrongIssuer, "another issuer"));
    }
    // To the crate such a token would be expired.
    if verified.issue_time() > now + AHEAD {
        return Err(Bad::token(Reason::IssuedAhead, "it was issued in the future"));
    }
    check_party(&claims, &named, expected.audiences)?;
    if let (Some(access_token), Some(hash)) = (expected.access_token, claims.get("at_hash"))
        && hash.as_str() != Some(left_half_hash(access_token).as_str())
    {
        return Err(Bad::token(Reason::WrongAtHash, "the access token is another one"));
    }
    let subject = verified.subject().as_str();
    let is_short = subject.len() <= LONGEST_SUBJECT;
    if subject.is_empty() || !is_short || subject.contains(char::is_control) {
        return Err(malformed("its sub is none"));
    }
    Ok(Verified {
        expires_at: verified.expiration(),
        // Some signatures can be written in two ways; what is signed cannot.
        fingerprint: Sha256::digest(signed.as_bytes()).into(),
        claims,
    })
}

fn verifier<'a>(
    keys: CoreJsonWebKeySet,
    issuer: &str,
    audience: &str,
    expected: Expected<'a>,
    now: DateTime<Utc>,
) -> Result<CoreIdTokenVerifier<'a>, Bad> {
    let issuer = IssuerUrl::new(issuer.to_owned());
    let issuer = issuer.map_err(|error| Bad::token(Reason::WrongIssuer, error.to_string()))?;
    let client = ClientId::new(audience.to_owned());
    let mut algorithms = ALGORITHMS.to_vec();
    let verifier = match expected.secret {
        None => CoreIdTokenVerifier::new_public_client(client, issuer, keys),
        Some(secret) => {
            algorithms.push(CoreJwsSigningAlgorithm::HmacSha256);
            let secret = ClientSecret::new(secret.expose().to_owned());
            CoreIdTokenVerifier::new_confidential_client(client, secret, issuer, keys)
        }
    };
    let trusted = expected.audiences;
    Ok(verifier
        .set_allowed_algs(algorithms)
        .set_time_fn(move || now)
        .set_other_audience_verifier_fn(move |other| trusted.contains(&other.as_str())))
}

/// `azp`, Core §3.1.3.7: who got the token, who must be one of ours too.
fn check_party(claims: &Value, named: &[&str], accepted: &[&str]) -> Result<(), Bad> {
    match claims.get("azp") {
        Some(Value::String(party)) if accepted.contains(&party.as_str()) => Ok(()),
        Some(_) => Err(Bad::token(Reason::WrongAzp, "another app got it")),
        None if named.len() > 1 => {
            Err(Bad::token(Reason::WrongAzp, "several audiences and no azp"))
        }
        None => Ok(()),
    }
}

/// What a token says before anybody verified it: only good for finding who should.
pub(super) fn unverified(token: &str) -> Option<Value> {
    part(token, 1)
}

/// The JSON of a part of a token, RFC 7515 §3.1.
fn part(token: &str, at: usize) -> Option<Value> {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(at)?).ok()?;
    serde_json::from_slice(&part).ok()
}

/// The keys that may have signed a token, by the `kid` of its header (RFC 7515 §4.1.4): the others
/// are not copied.
fn named_by(token: &str, keys: &CoreJsonWebKeySet) -> CoreJsonWebKeySet {
    let header = part(token, 0);
    let kid = header.as_ref().and_then(|header| header.get("kid")).and_then(Value::as_str);
    let fits = |key: &&CoreJsonWebKey| {
        kid.is_none_or(|kid| key.key_id().is_none_or(|id| id.as_str() == kid))
    };
    CoreJsonWebKeySet::new(keys.keys().iter().filter(fits).cloned().collect())
}

/// `aud`: a string, or an array of strings.
pub(super) fn audiences(claims: &Value) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether the nonce is what it must be.
fn check_nonce(nonce: Option<&Nonce>, rule: NonceRule<'_>, claims: &Value) -> Result<(), String> {
    let is = |expected: &str| (&Nonce::new(expected.to_owned())).verify(nonce);
    match rule {
        NonceRule::Anything => Ok(()),
        NonceRule::This(expected) => is(expected),
        NonceRule::Hashed(_)
            if nonce.is_none() && claims.get("nonce_supported") == Some(&Value::Bool(false)) =>
        {
            Ok(())
        }
        NonceRule::Hashed(expected) => {
            let hashed = hex::lower(&Sha256::digest(expected.as_bytes()));
            is(expected).or_else(|_| is(&hashed))
        }
    }
}

impl Verified {
    /// The same token is not taken again while it could be.
    pub(super) fn once(&self) -> ([u8; 32], DateTime<Utc>) {
        (self.fingerprint, self.expires_at.min(from_millis(LAST)))
    }
}
