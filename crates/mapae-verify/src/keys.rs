//! Public keys: parsed once, when a JWKS arrives.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// An algorithm by which tokens may be signed. All of them are asymmetric: there is no `none` and
/// no HMAC, so neither can be asked for by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// RSASSA-PSS with SHA-256 (RFC 7518 §3.5).
    Ps256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// Those of proofs of possession. The key of a proof names no algorithm, so an RSA key has one here
    /// (RFC 8725 §3.1): the one that the issuer takes, too.
    pub(crate) const OF_PROOFS: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Ps256];

    /// The name in the header of a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A public key as a JWK (RFC 7517).
#[derive(Debug, Deserialize)]
pub(crate) struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Private: whoever sends it has given the key away.
    d: Option<String>,
}

impl Jwk {
    /// The key, ready to verify by this algorithm, if it is one for it.
    pub(crate) fn parsed(&self, algorithm: Algorithm) -> Option<Key> {
        if self.d.is_some() || self.alg.as_deref().is_some_and(|alg| alg != algorithm.as_str()) {
            return None;
        }
        let bytes = |part: &Option<String>| URL_SAFE_NO_PAD.decode_to_vec(part.as_deref()?).ok();
        let is = |kty: &str, crv: Option<&str>| self.kty == kty && self.crv.as_deref() == crv;
        let rsa = |parameters| {
            let components = RsaPublicKeyComponents { n: bytes(&self.n)?, e: bytes(&self.e)? };
            // RFC 7518 §3.3: at least 2048 bits.
            if components.n.len() < 256 {
                return None;
            }
            components.to_parsed_public_key(parameters).ok()
        };
        let public = match algorithm {
            Algorithm::Rs256 if is("RSA", None) => rsa(&RSA_PKCS1_2048_8192_SHA256)?,
            Algorithm::Ps256 if is("RSA", None) => rsa(&RSA_PSS_2048_8192_SHA256)?,
            Algorithm::Es256 if is("EC", Some("P-256")) => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                if (x.len(), y.len()) != (32, 32) {
                    return None;
                }
                // SEC 1 §2.3.3: a point that is not compressed.
                let point = [&[4][..], &x, &y].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?
            }
            Algorithm::EdDsa if is("OKP", Some("Ed25519")) => {
                ParsedPublicKey::new(&ED25519, bytes(&self.x)?).ok()?
            }
            _ => return None,
        };
        Some(Key { algorithm, public })
    }

    /// The thumbprint, RFC 7638 §3 and RFC 8037 §2.
    pub(crate) fn thumbprint(&self) -> Option<String> {
        let text = |part: &Option<String>| serde_json::to_string(part.as_deref()?).ok();
        let canonical = match self.kty.as_str() {
            "RSA" => format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, text(&self.e)?, text(&self.n)?),
            "EC" => format!(
                r#"{{"crv":{},"kty":"EC","x":{},"y":{}}}"#,
                text(&self.crv)?,
                text(&self.x)?,
                text(&self.y)?
            ),
            "OKP" => {
                format!(r#"{{"crv":{},"kty":"OKP","x":{}}}"#, text(&self.crv)?, text(&self.x)?)
            }
            _ => return None,
        };
        Some(sha256(canonical.as_bytes()))
    }
}

/// A public key that verifies by one algorithm.
#[derive(Debug)]
pub(crate) struct Key {
    algorithm: Algorithm,
    public: ParsedPublicKey,
}

impl Key {
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

/// The keys of an issuer.
#[derive(Debug, Default)]
pub(crate) struct KeySet(Vec<Published>);

#[derive(Debug)]
struct Published {
    kid: Arc<str>,
    key: Key,
    /// A header with which a token of this key was accepted.
    header: OnceLock<Box<str>>,
}

impl KeySet {
    /// Reads a JWKS (RFC 7517 §5). Keys that nothing here can use are left out.
    pub(crate) fn parse(json: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<serde_json::Value>,
        }
        let jwks: Jwks = serde_json::from_slice(json).ok()?;
        let jwks = jwks.keys.into_iter().filter_map(|key| Jwk::deserialize(key).ok());
        let mut keys = Vec::new();
        for jwk in jwks.filter(|jwk| jwk.r#use.as_deref().is_none_or(|used| used == "sig")) {
            let Some(kid) = &jwk.kid else { continue };
            let parsed = algorithms.iter().filter_map(|algorithm| jwk.parsed(*algorithm));
            let kid: Arc<str> = kid.as_str().into();
            keys.extend(parsed.map(|key| Published {
                kid: Arc::clone(&kid),
                key,
                header: OnceLock::new(),
            }));
        }
        Some(Self(keys))
    }

    pub(crate) fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&Key> {
        self.published(kid, algorithm).map(|one| &one.key)
    }

    fn published(&self, kid: &str, algorithm: Algorithm) -> Option<&Published> {
        self.0.iter().find(|one| &*one.kid == kid && one.key.algorithm == algorithm)
    }

    /// The key of a header that was remembered.
    pub(crate) fn of_header(&self, header: &str) -> Option<(&Arc<str>, &Key)> {
        let is_its = |one: &&Published| one.header.get().is_some_and(|known| **known == *header);
        self.0.iter().find(is_its).map(|one| (&one.kid, &one.key))
    }

    /// Remembers the header of an access token that this key signed. Only what was accepted comes
    /// here, and one for each key, so strangers fill nothing.
    pub(crate) fn remember_header(&self, kid: &str, algorithm: Algorithm, header: &str) {
        if let Some(one) = self.published(kid, algorithm) {
            one.header.get_or_init(|| header.into());
        }
    }
}

/// SHA-256 in base64url.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7638_3_1_the_thumbprint_of_its_example() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"RSA","alg":"RS256","kid":"2011-04-29","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}"#,
        )
        .unwrap();
        assert_eq!(jwk.thumbprint().unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(jwk.parsed(Algorithm::Rs256).is_some());
        // RFC 7517 §4.4: a key that names its algorithm is for that one alone.
        assert!(jwk.parsed(Algorithm::Ps256).is_none());
        assert!(jwk.parsed(Algorithm::Es256).is_none());
    }

    #[test]
    fn keys_that_nothing_can_use_do_not_spoil_a_set() {
        let json = br#"{"keys":[{"kty":"oct","kid":"1","k":"AA"},{"kty":7},{"kty":"EC","crv":"P-256","kid":"2","x":"AA","y":"AA"},{"kty":"RSA","kid":"3","n":"AQ","e":"AQAB"}]}"#;
        assert!(KeySet::parse(json, &Algorithm::ALL).unwrap().0.is_empty());
        assert!(KeySet::parse(b"{}", &Algorithm::ALL).is_none());
    }
}
