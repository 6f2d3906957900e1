//! The public keys of a client that signs its assertions: its JWK Set, RFC 7523 §3.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use serde::de::DeserializeOwned;

use crate::keys::jwt::{self, Unverified, VerifyingKey};

/// The algorithms by which a client may sign its assertions, for the metadata.
pub const ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "EdDSA"];

/// The keys of a JWK Set that can verify signatures. Each is used with one algorithm only (RFC 8725
/// §3.1).
#[derive(Debug, Default)]
pub struct ClientKeys(Vec<(Option<String>, VerifyingKey)>);

impl ClientKeys {
    /// Reads a JWK Set. The error says in words what is wrong with it.
    pub fn parse(jwks: &str) -> Result<Self, &'static str> {
        let document: serde_json::Value =
            serde_json::from_str(jwks).map_err(|_| "the JWK Set is not JSON")?;
        let private =
            |key: &serde_json::Value| ["d", "k", "p", "q"].iter().any(|m| key.get(m).is_some());
        let listed = document.get("keys").and_then(|keys| keys.as_array());
        if listed.is_some_and(|keys| keys.iter().any(private)) {
            return Err("the JWK Set holds a private key: register the public halves alone");
        }
        let set: JwkSet =
            serde_json::from_value(document).map_err(|_| "the file is not a JWK Set")?;
        let keys: Vec<_> = set
            .keys
            .into_iter()
            .filter_map(|jwk| {
                let key = VerifyingKey::from_jwk(&jwk, algorithm(&jwk)?).ok()?;
                Some((jwk.common.key_id, key))
            })
            .collect();
        if keys.is_empty() {
            return Err("the JWK Set has no key that verifies (RSA, P-256 or Ed25519)");
        }
        Ok(Self(keys))
    }

    /// The claims of a token that one of these keys signed. The caller checks everything else.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, Unverified> {
        let header = jwt::header(token)?;
        let named = |kid: &Option<String>| header.kid.is_none() || *kid == header.kid;
        self.0
            .iter()
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
