//! The keys that a provider of social login publishes, and the tokens that it signs with them. Both
//! are read as loosely as providers write them: parts that cannot be used are ignored, and only the
//! signature counts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::jws::is_signed;
use crate::domain::jwt_type;
use crate::domain::secret::Secret;

/// The most keys of one provider that are kept. No provider has that many.
pub const MOST_KEYS: usize = 100;
/// The longest `kid`. A longer one is ignored.
const LONGEST_KID: usize = 512;
/// The longest number in a key, in bytes: that of an RSA key of 8192 bits.
const LONGEST_NUMBER: usize = 1024;

/// The keys of a JWK Set that can verify signatures, RFC 7517 §5.
#[derive(Debug)]
pub struct ProviderKeys(Vec<ProviderKey>);

struct ProviderKey {
    kid: Option<String>,
    /// The algorithms for which it may be used (RFC 8725 §3.1).
    algorithms: &'static [Algorithm],
    key: DecodingKey,
    /// The number of the key. Two entries with the same number are the same key.
    number: Vec<u8>,
}

impl std::fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl ProviderKeys {
    /// Reads a JWK Set; `None` if it is malformed. A key that cannot be used is left out (RFC 7517
    /// §5).
    #[must_use]
    pub fn parse(document: &Value) -> Option<Self> {
        let listed = document.get("keys")?.as_array()?;
        Some(Self(listed.iter().filter_map(ProviderKey::parse).take(MOST_KEYS).collect()))
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl ProviderKey {
    fn parse(jwk: &Value) -> Option<Self> {
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        // RFC 7517 §4.2, §4.3
        if text("use").is_some_and(|usage| usage != "sig") {
            return None;
        }
        let operations = jwk.get("key_ops").and_then(Value::as_array);
        if operations.is_some_and(|all| !all.is_empty() && !all.iter().any(|one| one == "verify")) {
            return None;
        }
        let number = |member: &str| number(text(member)?);
        let (algorithms, key, number): (&[Algorithm], _, _) = match (text("kty")?, text("alg")) {
            ("RSA", alg @ (None | Some("RS256" | "PS256"))) => {
                let (modulus, exponent) = (number("n")?, number("e")?);
                let algorithms: &[Algorithm] = match alg {
                    Some("RS256") => &[Algorithm::RS256],
                    Some(_) => &[Algorithm::PS256],
                    None => &[Algorithm::RS256, Algorithm::PS256],
                };
                let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
                (algorithms, key, [modulus, exponent].concat())
            }
            ("EC", None | Some("ES256")) if text("crv") == Some("P-256") => {
                let point =
                    [vec![4], coordinate(number("x")?)?, coordinate(number("y")?)?].concat();
                (&[Algorithm::ES256], DecodingKey::from_ec_der(&point), point)
            }
            _ => return None,
        };
        let kid = text("kid").filter(|kid| !kid.is_empty() && kid.len() <= LONGEST_KID);
        Some(Self { kid: kid.map(str::to_owned), algorithms, key, number })
    }
}

/// A number of RFC 7518 §6.3.1, without the leading zeros and the padding that some providers
/// write.
fn number(text: &str) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    (!bytes.is_empty() && bytes.len() <= LONGEST_NUMBER).then_some(bytes)
}

/// A coordinate of P-256 at its full length, RFC 7518 §6.2.1.2.
fn coordinate(number: Vec<u8>) -> Option<Vec<u8>> {
    let zeros = 32_usize.checked_sub(number.len())?;
    Some([vec![0; zeros], number].concat())
}

/// A compact JWS with claims as its payload (RFC 7515 §7.1, RFC 7519 §7.2), not verified yet.
/// Before that, its content may only be used to find the keys that verify it, and to refuse it.
#[derive(Debug)]
pub struct Signed<'t> {
    signed: &'t str,
    signature: &'t str,
    header: Map<String, Value>,
    claims: Value,
}

/// Why a signature is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// None of these keys made the signature, but another key might have.
    #[error("none of the keys has signed it")]
    NoKey,
    /// No key can make the signature valid.
    #[error("{0}")]
    Never(&'static str),
}

impl<'t> Signed<'t> {
    /// Reads a token. A member that is `null` counts as missing.
    #[must_use]
    pub fn parse(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            signed,
            signature,
            header: object(header)?,
            claims: Value::Object(object(claims)?),
        })
    }

    /// The claims, which are not verified yet.
    #[must_use]
    pub fn claims(&self) -> &Value {
        &self.claims
    }

    /// The claims, for a caller that has verified the signature.
    #[must_use]
    pub fn into_claims(self) -> Value {
        self.claims
    }

    /// The signed part of the token. A signature can be written in several ways, this part cannot.
    #[must_use]
    pub fn signed(&self) -> &'t str {
        self.signed
    }

    /// Whether the type in the header is this one (RFC 7515 §4.1.9), or missing.
    #[must_use]
    pub fn may_be(&self, typ: &str) -> bool {
        match self.header.get("typ") {
            None => true,
            Some(found) => found.as_str().is_some_and(|found| jwt_type::plain(found) == typ),
        }
    }

    /// Whether the header says that it is of this type.
    #[must_use]
    pub fn is(&self, typ: &str) -> bool {
        let found = self.header.get("typ").and_then(Value::as_str);
        found.is_some_and(|found| jwt_type::plain(found) == typ)
    }

    /// Checks that one of these keys, or this secret, made the signature.
    pub fn verify(&self, keys: &ProviderKeys, secret: Option<&Secret>) -> Result<(), Unsigned> {
        // RFC 7515 §4.1.11: no critical extension is supported.
        if self.header.contains_key("crit") {
            return Err(Unsigned::Never("its header has a critical extension"));
        }
        // RFC 8725 §3.1: the header alone never chooses the algorithm.
        let algorithm = match (self.header.get("alg").and_then(Value::as_str), secret) {
            (Some("RS256"), _) => Algorithm::RS256,
            (Some("PS256"), _) => Algorithm::PS256,
            (Some("ES256"), _) => Algorithm::ES256,
            (Some("HS256"), Some(secret)) => {
                let key = DecodingKey::from_secret(secret.expose().as_bytes());
                let is_signed = self.is_by(&key, Algorithm::HS256);
                let not_signed = Unsigned::Never("the secret has not signed it");
                return is_signed.then_some(()).ok_or(not_signed);
            }
            _ => return Err(Unsigned::Never("it is signed by an algorithm that is not accepted")),
        };
        let keys = self.candidates(keys, algorithm)?;
        let is_signed = keys.into_iter().any(|key| self.is_by(&key.key, algorithm));
        if is_signed { Ok(()) } else { Err(Unsigned::NoKey) }
    }

    /// The keys that may have made the signature: those with the token's `kid` (RFC 7515 §4.1.4),
    /// or, if there are none, those without a `kid`.
    fn candidates<'k>(
        &self,
        keys: &'k ProviderKeys,
        algorithm: Algorithm,
    ) -> Result<Vec<&'k ProviderKey>, Unsigned> {
        let good = || keys.0.iter().filter(|key| key.algorithms.contains(&algorithm));
        let Some(kid) = self.header.get("kid").and_then(Value::as_str) else {
            return Ok(good().collect());
        };
        let named: Vec<_> = good().filter(|key| key.kid.as_deref() == Some(kid)).collect();
        match named.as_slice() {
            [] => Ok(good().filter(|key| key.kid.is_none()).collect()),
            [first, others @ ..] if others.iter().any(|other| other.number != first.number) => {
                Err(Unsigned::Never("several keys have its kid"))
            }
            _ => Ok(named),
        }
    }

    fn is_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        is_signed(self.signed, self.signature, key, algorithm)
    }
}

/// The JSON object in a part of a token.
fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let mut object: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
    object.retain(|_, value| !value.is_null());
    Some(object)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    struct Provider(EcdsaKeyPair);

    impl Provider {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn jwk(&self, more: &Value) -> Value {
            let point = self.0.public_key().as_ref();
            let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let mut jwk = json!({
                "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]),
            });
            jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            jwk
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn keys(all: &[Value]) -> ProviderKeys {
        ProviderKeys::parse(&json!({ "keys": all })).unwrap()
    }

    fn verified(token: &str, all: &[Value]) -> Result<(), Unsigned> {
        Signed::parse(token).unwrap().verify(&keys(all), None)
    }

    #[test]
    fn rfc7517_4_a_key_without_a_name_or_with_members_of_odd_types_is_used() {
        let provider = Provider::new();
        let named = provider.token(&json!({ "alg": "ES256", "kid": "a" }), &json!({}));
        let unnamed = provider.token(&json!({ "alg": "ES256" }), &json!({}));
        for more in [
            json!({}),
            json!({ "kid": null, "use": null, "alg": null, "key_ops": null, "x5c": null }),
            json!({ "kid": 7, "x5c": "no list", "x5t": 1, "nbf": "x", "key_ops": [] }),
            json!({ "kid": "a", "use": "sig", "alg": "ES256", "key_ops": ["verify"] }),
        ] {
            let jwk = [provider.jwk(&more)];
            assert_eq!(verified(&named, &jwk), Ok(()), "{more}");
            assert_eq!(verified(&unnamed, &jwk), Ok(()), "{more}");
        }
        // Padding and leading zeros, which an octet string of RFC 7518 §6.3.1.1 must not have.
        let mut padded = provider.jwk(&json!({}));
        for member in ["x", "y"] {
            let bytes = URL_SAFE_NO_PAD.decode(padded[member].as_str().unwrap()).unwrap();
            let zeros = URL_SAFE_NO_PAD.encode([vec![0], bytes].concat());
            padded[member] = json!(format!("{zeros}=="));
        }
        assert_eq!(verified(&named, &[padded]), Ok(()));
    }

    #[test]
    fn rfc7517_5_a_key_that_cannot_be_used_keeps_no_other_from_it() {
        let (provider, other) = (Provider::new(), Provider::new());
        let odd = [
            json!(null),
            json!("key"),
            json!({}),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }),
            json!({ "kty": "RSA", "n": 5, "e": "AQAB" }),
            json!({ "kty": "RSA", "n": "A".repeat(2000), "e": "AQAB" }),
            json!({ "kty": "EC", "crv": "P-256", "x": "!", "y": "AA" }),
            json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }),
            json!({ "kty": "oct", "k": "AAAA" }),
            other.jwk(&json!({ "use": "enc" })),
            other.jwk(&json!({ "alg": "ECDH-ES" })),
            other.jwk(&json!({ "key_ops": ["deriveKey"] })),
        ];
        assert_eq!(keys(&odd).count(), 0);
        let all = [&odd[..], &[provider.jwk(&json!({ "kid": "a" }))]].concat();
        let token = |kid| provider.token(&json!({ "alg": "ES256", "kid": kid }), &json!({}));
        assert_eq!(verified(&token("a"), &all), Ok(()));
        assert_eq!(verified(&token("b"), &all), Err(Unsigned::NoKey));
        let forged = other.token(&json!({ "alg": "ES256", "kid": "a" }), &json!({}));
        assert_eq!(verified(&forged, &all), Err(Unsigned::NoKey));
        for none in [json!({}), json!([]), json!({ "keys": {} }), json!(null)] {
            assert!(ProviderKeys::parse(&none).is_none(), "{none}");
        }
    }

    #[test]
    fn two_keys_of_one_name_verify_nothing_and_one_key_that_is_listed_twice_does() {
        let (provider, other) = (Provider::new(), Provider::new());
        let token = provider.token(&json!({ "alg": "ES256", "kid": "a" }), &json!({}));
        let [one, another] = [&provider, &other].map(|one| one.jwk(&json!({ "kid": "a" })));
        let ambiguous = Err(Unsigned::Never("several keys have its kid"));
        assert_eq!(verified(&token, &[one.clone(), another]), ambiguous);
        assert_eq!(verified(&token, &[one.clone(), one]), Ok(()));
    }

    #[test]
    fn rfc8725_3_1_no_other_algorithm_and_no_critical_extension_is_accepted() {
        let provider = Provider::new();
        let all = [provider.jwk(&json!({}))];
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "None" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "ES384" }),
            json!({ "alg": 1 }),
            json!({}),
            json!({ "alg": "ES256", "crit": ["b64"], "b64": false }),
        ] {
            let found = verified(&provider.token(&header, &json!({})), &all);
            assert!(matches!(found, Err(Unsigned::Never(_))), "{header} {found:?}");
        }
        let as_rsa = provider.token(&json!({ "alg": "RS256" }), &json!({}));
        assert_eq!(verified(&as_rsa, &all), Err(Unsigned::NoKey));
    }

    #[test]
    fn no_more_keys_are_kept_than_any_provider_has() {
        let jwk = Provider::new().jwk(&json!({ "kid": "k".repeat(LONGEST_KID + 1) }));
        let many = keys(&vec![jwk; MOST_KEYS + 50]);
        assert_eq!(many.count(), MOST_KEYS);
        let kept =
            |key: &ProviderKey| key.number.len() + key.kid.as_deref().unwrap_or_default().len();
        assert!(many.0.iter().all(|key| kept(key) <= 2 * LONGEST_NUMBER + LONGEST_KID));
    }

    #[test]
    fn a_token_has_three_parts_and_two_of_them_are_objects() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for bad in [
            String::new(),
            "a.b".to_owned(),
            format!("{}.{}.x.y", part("{}"), part("{}")),
            format!("{}.{}.", part("[]"), part("{}")),
            format!("{}.{}.", part("{}"), part("1")),
            format!("{}=.{}.", part("{}"), part("{}")),
        ] {
            assert!(Signed::parse(&bad).is_none(), "{bad}");
        }
        let claims = r#"{"sub":"a","azp":null,"locale":{"language":"ko"}}"#;
        let token = format!("{}.{}.", part(r#"{"typ":"application/JWT"}"#), part(claims));
        let signed = Signed::parse(&token).unwrap();
        assert_eq!(signed.claims(), &json!({ "sub": "a", "locale": { "language": "ko" } }));
        assert!(signed.may_be("jwt") && !signed.may_be("at+jwt"));
    }
}
