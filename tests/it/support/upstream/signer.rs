//! Keys that sign.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::LineEnding;
use rsa::pkcs8::der::{Document, SecretDocument};
use serde_json::{Value, json};

use crate::support::LentKey;

/// A key and its name.
pub(crate) struct Signer {
    pub(crate) kid: String,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair, LentKey),
    P256(EcdsaKeyPair),
}

impl Signer {
    /// A key that signs by RS256 and that nobody else has.
    pub(crate) fn rsa() -> Self {
        let lent = LentKey::take();
        let key = RsaKeyPair::from_pkcs8(lent.pkcs8()).expect("an RSA key");
        Self::named(Key::Rsa(key, lent))
    }

    /// A new key that signs by ES256.
    pub(crate) fn p256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key");
        Self::named(Key::P256(key))
    }

    fn named(key: Key) -> Self {
        Self { kid: mapae::domain::random::identifier(), key }
    }

    pub(crate) fn alg(&self) -> &'static str {
        match &self.key {
            Key::Rsa(..) => "RS256",
            Key::P256(_) => "ES256",
        }
    }

    /// The usual header of its tokens.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.alg(), "kid": self.kid, "typ": "JWT" })
    }

    /// The public half.
    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.key {
            Key::Rsa(key, _) => {
                let public = key.public_key();
                let n = text(public.modulus().big_endian_without_leading_zero());
                let e = text(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": n, "e": e })
            }
            Key::P256(key) => {
                // SEC 1: the point is the byte 4 and both coordinates.
                let point = key.public_key().as_ref();
                let (x, y) = (text(&point[1..33]), text(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg());
        jwk
    }

    /// The public half in PEM.
    pub(crate) fn public_pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match &self.key {
            Key::Rsa(key, _) => key.public_key().as_der(),
            Key::P256(key) => key.public_key().as_der(),
        }
        .expect("DER");
        let document = Document::try_from(der.as_ref()).expect("DER");
        document.to_pem("PUBLIC KEY", LineEnding::LF).expect("PEM")
    }

    /// The private half in PEM, in the form that Apple gives to developers. Only for P-256.
    pub(crate) fn private_pem(&self) -> String {
        let Key::P256(key) = &self.key else { panic!("not of P-256") };
        let der = key.to_pkcs8v1().expect("PKCS#8");
        let document = SecretDocument::try_from(der.as_ref()).expect("DER");
        document.to_pem("PRIVATE KEY", LineEnding::LF).expect("PEM").to_string()
    }

    /// Signs a token with the usual header.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }

    /// Signs a token with this header, whatever it says.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = unsigned(header, claims);
        let signature = match &self.key {
            Key::Rsa(key, _) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature)
                    .expect("signed");
                signature
            }
            Key::P256(key) => {
                key.sign(&SystemRandom::new(), input.as_bytes()).expect("signed").as_ref().to_vec()
            }
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Whether this key signed the token, whatever the header says.
    pub(crate) fn has_signed(&self, token: &str) -> bool {
        let Some((input, signature)) = token.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let (alg, public): (&dyn VerificationAlgorithm, _) = match &self.key {
            Key::Rsa(key, _) => (&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref()),
            Key::P256(key) => (&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref()),
        };
        UnparsedPublicKey::new(alg, public).verify(input.as_bytes(), &signature).is_ok()
    }
}

/// A token signed by HS256.
pub(crate) fn keyed(secret: &[u8], header: &Value, claims: &Value) -> String {
    let input = unsigned(header, claims);
    let tag = mac(secret, &input);
    format!("{input}.{tag}")
}

/// The third part of a token that HS256 makes.
pub(crate) fn mac(secret: &[u8], input: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    URL_SAFE_NO_PAD.encode(tag)
}

/// The first two parts of a token.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The header and claims of a token, unverified.
pub(crate) fn parts(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut part = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    Some((part()?, part()?))
}
