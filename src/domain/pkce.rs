//! Proof Key for Code Exchange, RFC 7636. Only `S256` is supported: `plain` gives no protection
//! against an attacker who can read the request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The only supported method, RFC 7636 §4.2.
pub const METHOD: &str = "S256";

/// A code challenge: the SHA-256 of a verifier, base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge(String);

impl Challenge {
    /// Reads a challenge of the method `S256`: 32 bytes in base64url without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// A challenge that was read from the database.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text of the challenge.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// RFC 7636 §4.6, in constant time. A malformed verifier (§4.1) never matches.
    #[must_use]
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        is_verifier(verifier) && bool::from(hash.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

/// Whether the text is a well-formed verifier: RFC 7636 §4.1, 43 to 128 unreserved characters.
#[must_use]
pub fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7636_appendix_b() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        for wrong in [
            "",
            challenge.as_str(),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk=",
        ] {
            assert!(!challenge.is_met_by(wrong), "{wrong}");
        }
    }

    /// A challenge can be made of any text, so its syntax is no proof that the verifier is long.
    #[test]
    fn rfc7636_4_1_a_verifier_that_is_too_short_never_meets_its_challenge() {
        for short in ["", "guess", &"a".repeat(42)] {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(short.as_bytes()));
            assert!(!Challenge::parse(&challenge).unwrap().is_met_by(short), "{short}");
        }
    }

    #[test]
    fn rfc7636_4_1_syntax_of_a_verifier() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        for bad in ["a".repeat(42), "a".repeat(129), format!("{}=", "a".repeat(43))] {
            assert!(!is_verifier(&bad), "{bad}");
        }
    }

    #[test]
    fn rfc7636_4_2_a_challenge_is_32_bytes() {
        for bad in ["", "short", &"a".repeat(42), &"a".repeat(44), &format!("{}=", "a".repeat(43))]
        {
            assert!(Challenge::parse(bad).is_none(), "{bad}");
        }
    }
}
