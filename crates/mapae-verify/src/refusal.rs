//! Why a request is refused, and what to answer.

use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

use crate::keys::Algorithm;

/// Why a request is refused. [`status`](Self::status) and [`headers`](Self::headers) are the
/// answer; [`reason`](Self::reason) is a stable name for logs and tests.
///
/// Its text is told to the caller as `error_description`, so it repeats nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request has no access token.
    #[error("the request has no access token")]
    NoToken,
    /// The request has more than one `Authorization` header, or one that cannot be read.
    #[error("the request has more than one access token, or one that cannot be read")]
    BadRequest,
    /// It is no JWS in its compact form, or its claims have the wrong types.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// A claim stands twice (RFC 7519 §4).
    #[error("a claim stands twice in the token")]
    DuplicateClaim,
    /// The header asks for an extension (RFC 7515 §4.1.11).
    #[error("the token has a critical extension")]
    Critical,
    /// The algorithm is not one of those that were allowed.
    #[error("the token is signed by an algorithm that is not accepted")]
    Algorithm,
    /// The type is not `at+jwt`: an id token is no access token (RFC 9068 §4).
    #[error("the token is of another type than at+jwt")]
    Type,
    /// No key of the issuer has the name that the token says.
    #[error("the token is signed by a key that the issuer does not publish")]
    UnknownKey,
    /// The key did not make the signature.
    #[error("the signature of the token is wrong")]
    Signature,
    /// A claim is missing.
    #[error("the token has no claim {0}")]
    MissingClaim(&'static str),
    /// Another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// It was issued for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not good yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It was revoked, says its status list or the feed.
    #[error("the token was revoked")]
    Revoked,
    /// Its place in the status list does not exist, so nobody can say whether it was revoked.
    #[error("the status of the token is not known to its issuer")]
    UnknownStatus,
    /// It is bound to a key, and the request has no proof of that key.
    #[error("the token is bound to a key and comes without proof of it")]
    ProofMissing,
    /// The proof of the key is wrong.
    #[error("the proof of the key is wrong: {0}")]
    Proof(&'static str),
    /// The token does not allow this (RFC 6750 §3.1).
    #[error("the token does not have the scope that is needed")]
    Scope {
        /// The scopes that are needed.
        needed: String,
    },
    /// The sign-in is too weak or too old (RFC 9470 §3).
    #[error("a stronger or more recent sign-in is needed")]
    Authentication {
        /// The ways to sign in that are enough.
        acr_values: Option<String>,
        /// How many seconds ago the sign-in may be.
        max_age: Option<u64>,
    },
    /// The keys of the issuer, or a status list, cannot be fetched: the fault is not the token's.
    #[error("the issuer cannot be reached to verify the token")]
    Unavailable,
}

impl Refusal {
    /// A stable name.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::BadRequest => "bad_request",
            Self::Malformed(_) => "malformed",
            Self::DuplicateClaim => "duplicate_claim",
            Self::Critical => "critical_extension",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::MissingClaim(_) => "missing_claim",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::UnknownStatus => "unknown_status",
            Self::ProofMissing => "proof_missing",
            Self::Proof(_) => "proof",
            Self::Scope { .. } => "scope",
            Self::Authentication { .. } => "authentication",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Scope { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The headers of the answer: `WWW-Authenticate`, or `Retry-After` where the fault is ours.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let (name, text) = match self.challenge() {
            Some(challenge) => (WWW_AUTHENTICATE, challenge),
            None => (RETRY_AFTER, "5".to_owned()),
        };
        HeaderValue::from_str(&text).map(|value| (name, value)).into_iter().collect()
    }

    /// The value of `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(&self) -> Option<String> {
        let error = match self {
            Self::Unavailable => return None,
            // RFC 6750 §3.1: whoever sent no token is told no error.
            Self::NoToken => return Some("Bearer".to_owned()),
            Self::BadRequest => "invalid_request",
            Self::Scope { .. } => "insufficient_scope",
            Self::Authentication { .. } => "insufficient_user_authentication",
            // RFC 9449 §7.1.
            Self::Proof(_) => "invalid_dpop_proof",
            _ => "invalid_token",
        };
        let scheme = match self {
            Self::Proof(_) | Self::ProofMissing => "DPoP",
            _ => "Bearer",
        };
        let mut challenge = format!("{scheme} error=\"{error}\", error_description=\"{self}\"");
        let mut add = |name: &str, value: Option<String>| {
            for value in value.into_iter().filter(|value| is_quotable(value)) {
                challenge.extend([", ", name, "=\"", &value, "\""]);
            }
        };
        match self {
            Self::Scope { needed } => add("scope", Some(needed.clone())),
            Self::Authentication { acr_values, max_age } => {
                add("acr_values", acr_values.clone());
                add("max_age", max_age.map(|seconds| seconds.to_string()));
            }
            Self::Proof(_) | Self::ProofMissing => {
                let algs: Vec<_> = Algorithm::OF_PROOFS.map(Algorithm::as_str).into();
                add("algs", Some(algs.join(" ")));
            }
            _ => {}
        }
        Some(challenge)
    }
}

/// Whether a text may stand between quotes as it is.
fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6750_3_what_each_refusal_answers() {
        for (refusal, status, challenge) in [
            (Refusal::NoToken, 401, Some("Bearer")),
            (
                Refusal::Expired,
                401,
                Some("Bearer error=\"invalid_token\", error_description=\"the token has expired\""),
            ),
            (
                Refusal::Scope { needed: "read write".to_owned() },
                403,
                Some(
                    "Bearer error=\"insufficient_scope\", error_description=\"the token does not \
                     have the scope that is needed\", scope=\"read write\"",
                ),
            ),
            (
                Refusal::Authentication {
                    acr_values: Some("2 phr".to_owned()),
                    max_age: Some(300),
                },
                401,
                Some(
                    "Bearer error=\"insufficient_user_authentication\", error_description=\"a \
                     stronger or more recent sign-in is needed\", acr_values=\"2 phr\", \
                     max_age=\"300\"",
                ),
            ),
            (
                Refusal::Proof("it is old"),
                401,
                Some(
                    "DPoP error=\"invalid_dpop_proof\", error_description=\"the proof of the key \
                     is wrong: it is old\", algs=\"ES256 EdDSA PS256\"",
                ),
            ),
            (Refusal::Unavailable, 503, None),
        ] {
            assert_eq!(refusal.status().as_u16(), status, "{refusal:?}");
            assert_eq!(refusal.challenge().as_deref(), challenge, "{refusal:?}");
            let name = if challenge.is_some() { "www-authenticate" } else { "retry-after" };
            assert!(refusal.headers().contains_key(name), "{refusal:?}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_the_quotes_of_a_challenge() {
        let refusal = Refusal::Scope { needed: "a\" realm=\"b".to_owned() };
        assert!(!refusal.challenge().unwrap().contains("realm"));
    }
}
