//! JSON Web Signature in its compact form (RFC 7515 §3.1). All tokens are signed here, and all
//! signatures are verified here.
//!
//! A private key is parsed once and then kept by its owner. `jsonwebtoken` would parse and check an
//! RSA key at every signature, which costs as much as the signature itself; a provider of its own
//! can be given to it only for the whole process. So this module uses its types and its verifiers,
//! but not its `encode`.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header, crypto};
use serde::Serialize;

use super::make::algorithm;
use crate::domain::client::TokenAlg;
use crate::domain::verdict::Fault;

/// A private key that was parsed and checked.
pub enum PrivateKey {
    /// RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518 §3.3.
    Rs256(RsaKeyPair),
    /// ECDSA on P-256 with SHA-256, RFC 7518 §3.4.
    Es256(EcdsaKeyPair),
    /// RSASSA-PSS with SHA-256, RFC 7518 §3.5.
    Ps256(RsaKeyPair),
    /// Ed25519, RFC 8037 §3.1.
    EdDsa(Ed25519KeyPair),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.alg().as_str())
    }
}

impl PrivateKey {
    /// Parses a key in PKCS#8. The error says why it is not one.
    pub fn parse(alg: TokenAlg, pkcs8: &[u8]) -> Result<Self, String> {
        let parsed = match alg {
            TokenAlg::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(Self::Rs256),
            TokenAlg::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Self::Es256)
            }
            TokenAlg::Ps256 => RsaKeyPair::from_pkcs8(pkcs8).map(Self::Ps256),
            TokenAlg::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::EdDsa),
        };
        parsed.map_err(|rejected| rejected.to_string())
    }

    /// The algorithm by which it signs.
    #[must_use]
    pub fn alg(&self) -> TokenAlg {
        match self {
            Self::Rs256(_) => TokenAlg::Rs256,
            Self::Es256(_) => TokenAlg::Es256,
            Self::Ps256(_) => TokenAlg::Ps256,
            Self::EdDsa(_) => TokenAlg::EdDsa,
        }
    }

    /// Signs claims under this `kid`. This is work for the processor only, so never do it while a
    /// transaction is open.
    pub fn sign(&self, kid: &str, typ: &str, claims: &impl Serialize) -> Result<String, Fault> {
        let mut header = Header::new(algorithm(self.alg()));
        header.typ = Some(typ.to_owned());
        header.kid = Some(kid.to_owned());
        let mut token = part(&header)?;
        token.push('.');
        token.push_str(&part(claims)?);
        let signature = self.signature(token.as_bytes());
        let signature = signature.ok_or_else(|| Fault::internal(SIGNING, "the key failed"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rs256(key) => rsa_signature(key, &RSA_PKCS1_SHA256, message),
            Self::Es256(key) => {
                Some(key.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
            }
            Self::Ps256(key) => rsa_signature(key, &RSA_PSS_SHA256, message),
            Self::EdDsa(key) => Some(key.sign(message).as_ref().to_vec()),
        }
    }

    /// The public key as a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn public_der(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rs256(key) | Self::Ps256(key) => key.public_key().as_der(),
            Self::Es256(key) => key.public_key().as_der(),
            Self::EdDsa(key) => key.public_key().as_der(),
        }
        .ok()?;
        Some(der.as_ref().to_vec())
    }

    /// The signature by an algorithm of this name, which may be one that no token of ours has: test
    /// vectors show such tokens to other programs.
    #[must_use]
    pub fn signature_by(&self, alg: &str, message: &[u8]) -> Option<Vec<u8>> {
        match (self, alg) {
            (Self::Rs256(key), "RS512") => rsa_signature(key, &RSA_PKCS1_SHA512, message),
            (Self::Rs256(key), "PS256") => rsa_signature(key, &RSA_PSS_SHA256, message),
            _ if alg == self.alg().as_str() => self.signature(message),
            _ => None,
        }
    }
}

fn rsa_signature(
    key: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Option<Vec<u8>> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}

/// What HS256 makes of a message. No token of ours has it; test vectors do, with a public key as the
/// secret.
#[must_use]
pub fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

const SIGNING: &str = "signing a token";

fn part(value: &impl Serialize) -> Result<String, Fault> {
    let json = serde_json::to_vec(value).map_err(|error| Fault::internal(SIGNING, error))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Whether this key made the signature (in base64url) of the signed text, by this algorithm.
#[must_use]
pub fn is_signed(signed: &str, signature: &str, key: &DecodingKey, alg: Algorithm) -> bool {
    crypto::verify(signature, signed.as_bytes(), key, alg).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::keys::jwt::VerifyingKey;
    use crate::keys::make;

    #[test]
    fn rfc7515_3_1_what_a_key_signs_its_public_half_verifies_and_no_other() {
        for alg in TokenAlg::ALL.iter().copied() {
            let [made, other] = [(); 2].map(|()| make::generate(alg, 2048).unwrap());
            let key = PrivateKey::parse(alg, made.private.expose()).unwrap();
            let token = key.sign("name", "JWT", &json!({ "sub": "1" })).unwrap();
            let verifying = VerifyingKey::from_jwk(&made.public_jwk, algorithm(alg)).unwrap();
            assert_eq!(verifying.verify::<Value>(&token), Ok(json!({ "sub": "1" })), "{alg:?}");
            let header = crate::keys::jwt::header(&token).unwrap();
            assert_eq!((header.kid.as_deref(), header.typ.as_deref()), (Some("name"), Some("JWT")));
            let others = VerifyingKey::from_jwk(&other.public_jwk, algorithm(alg)).unwrap();
            assert!(others.verify::<Value>(&token).is_err(), "{alg:?}");
            assert!(verifying.verify::<Value>(&token.replacen('.', "..", 1)).is_err());
            let (signed, _) = token.rsplit_once('.').unwrap();
            assert!(verifying.verify::<Value>(&format!("{signed}.")).is_err());
        }
    }

    #[test]
    fn a_key_of_another_kind_is_none() {
        let made = make::generate(TokenAlg::Es256, 2048).unwrap();
        assert!(PrivateKey::parse(TokenAlg::Rs256, made.private.expose()).is_err());
        assert!(PrivateKey::parse(TokenAlg::Es256, b"nonsense").is_err());
    }
}
