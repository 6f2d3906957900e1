//! Keys that others gave us, to prove to them who we are.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::der::SecretDocument;
use serde_json::{Value, json};

use crate::domain::hex;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// A P-256 key of theirs.
pub struct Es256Key(EcdsaKeyPair);

impl std::fmt::Debug for Es256Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Es256Key(…)")
    }
}

impl Es256Key {
    /// Reads a private key: PKCS#8 in PEM.
    #[must_use]
    pub fn from_pem(pem: &Secret) -> Option<Self> {
        let (label, document) = SecretDocument::from_pem(pem.expose().trim()).ok()?;
        let pkcs8 = (label == "PRIVATE KEY").then(|| document.as_bytes())?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok().map(Self)
    }

    /// Signs claims as a compact JWT, RFC 7515 §3.1, under this `kid`. Not by `jsonwebtoken`: what
    /// signs for that here finds keys of our own by their `kid`.
    pub fn sign(&self, kid: &str, claims: &Value) -> Result<String, Fault> {
        let header = json!({ "alg": "ES256", "kid": kid, "typ": "JWT" });
        let [header, claims] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self
            .0
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map_err(|_| Fault::internal("signing an assertion", "ECDSA failed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// HMAC-SHA256 in lower-case hex, which Facebook has as a proof of the secret.
#[must_use]
pub fn hmac_hex(secret: &Secret, message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, message.as_bytes());
    hex::lower(tag.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4231_4_3_hmac_in_hex() {
        let tag = hmac_hex(&Secret::text("Jefe"), "what do ya want for nothing?");
        assert_eq!(tag, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        for bad in ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert!(Es256Key::from_pem(&Secret::text(bad)).is_none(), "{bad}");
        }
    }
}
