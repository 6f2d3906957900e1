//! The public keys of a client that signs its assertions or its authorization requests: its JWK Set,
//! RFC 7523 §3 and RFC 9101 §4.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::keys::jwt::{self, Unverified, VerifyingKey};

/// The algorithms by which a client may sign its assertions and requests, for the metadata.
pub const ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "EdDSA"];

/// The keys of a JWK Set that can verify signatures. Each is used with one algorithm only (RFC 8725
/// §3.1).
#[derive(Debug, Default)]
pub struct ClientKeys {
    keys: Vec<NamedKey>,
    /// RSA keys whose JWK names no algorithm, for PS256. They count only where the registration of the
    /// client says that this is its algorithm.
    for_ps256: Vec<NamedKey>,
}

/// The most keys of a JWK Set.
const MOST_KEYS: usize = 32;

/// What is said of a document that is no JWK Set.
const NO_SET: &str = "the file is not a JWK Set";

/// A key with its `kid`.
type NamedKey = (Option<String>, VerifyingKey);

impl ClientKeys {
    /// Reads a JWK Set. The error says in words what is wrong with it.
    pub fn parse(jwks: &str) -> Result<Self, &'static str> {
        let document: serde_json::Value =
            serde_json::from_str(jwks).map_err(|_| "the JWK Set is not JSON")?;
        // RFC 7517 §5: a key of a kind that is not known is passed over, like one for encryption.
        let read = |key: &serde_json::Value| Jwk::deserialize(key).ok();
        let set: Vec<_> = Self::check_form(&document)?.iter().filter_map(read).collect();
        let by = |jwk: &Jwk, alg: Option<Algorithm>| {
            let key = VerifyingKey::from_jwk(jwk, alg?).ok()?;
            Some((jwk.common.key_id.clone(), key))
        };
        let keys: Vec<_> = set.iter().filter_map(|jwk| by(jwk, algorithm(jwk))).collect();
        let is_open = |jwk: &&Jwk| {
            jwk.common.key_algorithm.is_none() && algorithm(jwk) == Some(Algorithm::RS256)
        };
        let open = set.iter().filter(is_open);
        let for_ps256 = open.filter_map(|jwk| by(jwk, Some(Algorithm::PS256))).collect();
        if keys.is_empty() {
            return Err("the JWK Set has no key that verifies (RSA, P-256 or Ed25519)");
        }
        Ok(Self { keys, for_ps256 })
    }

    /// The keys of a document, if it is what every JWK Set is that is kept, also one without a key that
    /// verifies. The error says in words what is wrong with it.
    pub fn check_form(document: &serde_json::Value) -> Result<&[serde_json::Value], &'static str> {
        let private =
            |key: &serde_json::Value| ["d", "k", "p", "q"].iter().any(|m| key.get(m).is_some());
        let listed = document.get("keys").and_then(|keys| keys.as_array()).ok_or(NO_SET)?;
        if listed.len() > MOST_KEYS {
            return Err("the JWK Set has more than 32 keys");
        }
        if listed.iter().any(private) {
            return Err("the JWK Set holds a private key: register the public halves alone");
        }
        Ok(listed)
    }

    /// Whether one of the keys can verify signatures of this algorithm.
    #[must_use]
    pub fn can_verify(&self, alg: &str) -> bool {
        let Ok(alg) = alg.parse::<Algorithm>() else { return false };
        let more = self.for_ps256.iter().filter(|_| alg == Algorithm::PS256);
        self.keys.iter().chain(more).any(|(_, key)| key.is_for(alg))
    }

    /// Whether each of the keys can verify signatures of one of these algorithms.
    #[must_use]
    pub fn can_sign_by(&self, algs: &[&str]) -> bool {
        let is_for = |key: &VerifyingKey| {
            algs.iter().filter_map(|alg| alg.parse().ok()).any(|alg: Algorithm| key.is_for(alg))
        };
        // An RSA key that names no algorithm stands in both lists.
        let strong = self.keys.iter().filter(|(_, key)| is_for(key)).count();
        strong + self.for_ps256.len() == self.keys.len()
    }

    /// The claims of a token that one of these keys signed by one of these algorithms.
    pub fn verify_among<T: DeserializeOwned>(
        &self,
        token: &str,
        algs: &[&str],
    ) -> Result<T, Unverified> {
        let alg = algs.iter().find(|alg| jwt::is_signed_by(token, &[**alg])).ok_or(Unverified)?;
        self.verify_by(token, Some(alg))
    }

    /// Whether one of the keys has signed this token, by this algorithm if one is named.
    #[must_use]
    pub fn has_signed(&self, token: &str, alg: Option<&str>) -> bool {
        self.verify_by::<serde_json::Value>(token, alg).is_ok()
    }

    /// Whether any key at all might have signed this token, by this algorithm if one is named.
    #[must_use]
    pub fn might_sign(token: &str, alg: Option<&str>) -> bool {
        let Ok(header) = jwt::header(token) else { return false };
        let is_known = |name: &&&str| name.parse::<Algorithm>().is_ok_and(|alg| alg == header.alg);
        ALGORITHMS.iter().find(is_known).is_some_and(|own| alg.is_none_or(|alg| alg == *own))
    }

    /// The claims of a token that one of these keys signed. The caller checks everything else.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, Unverified> {
        self.verify_by(token, None)
    }

    /// The same for a token that must be signed by this algorithm, if one is named.
    pub fn verify_by<T: DeserializeOwned>(
        &self,
        token: &str,
        alg: Option<&str>,
    ) -> Result<T, Unverified> {
        let header = jwt::header(token)?;
        let alg: Option<Algorithm> = alg.map(str::parse).transpose().map_err(|_| Unverified)?;
        if alg.is_some_and(|alg| alg != header.alg) {
            return Err(Unverified);
        }
        let more = self.for_ps256.iter().filter(|_| alg == Some(Algorithm::PS256));
        let named = |kid: &Option<String>| header.kid.is_none() || *kid == header.kid;
        self.keys
            .iter()
            .chain(more)
            .filter(|(kid, _)| named(kid))
            .find_map(|(_, key)| key.verify(token).ok())
            .ok_or(Unverified)
    }
}

fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Some(Algorithm::RS256),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS256)) => Some(Algorithm::PS256),
        (AlgorithmParameters::EllipticCurve(key), None | Some(KeyAlgorithm::ES256))
            if key.curve == EllipticCurve::P256 =>
        {
            Some(Algorithm::ES256)
        }
        (AlgorithmParameters::OctetKeyPair(_), None | Some(KeyAlgorithm::EdDSA)) => {
            Some(Algorithm::EdDSA)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 §A.3.
    const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    /// RFC 8037 §A.6, for encryption.
    const X25519: &str = r#"{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","use":"enc"}"#;

    #[test]
    fn rfc7517_5_a_key_of_a_kind_that_is_not_known_keeps_no_other_from_use() {
        let set = |keys: &str| format!(r#"{{"keys":[{keys}]}}"#);
        let unknown = r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#;
        let keys = ClientKeys::parse(&set(&format!("{X25519},{unknown},7,{P256}"))).unwrap();
        assert!(keys.can_verify("ES256") && !keys.can_verify("EdDSA"));
        assert!(keys.can_sign_by(&["ES256"]));
        for useless in [X25519, unknown, "7", ""] {
            assert!(ClientKeys::parse(&set(useless)).is_err(), "{useless}");
        }
    }
}
