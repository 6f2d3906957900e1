//! The credentials by which this server authenticates at providers.

use aws_lc_rs::hmac;
use rsa::pkcs8::der::SecretDocument;
use serde_json::Value;

use super::jws::PrivateKey;
use crate::domain::client::TokenAlg;
use crate::domain::hex;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// A P-256 key that was issued to us by a provider.
#[derive(Debug)]
pub struct Es256Key(PrivateKey);

impl Es256Key {
    /// Reads a private key: PKCS#8 in PEM.
    #[must_use]
    pub fn from_pem(pem: &Secret) -> Option<Self> {
        let (label, document) = SecretDocument::from_pem(pem.expose().trim()).ok()?;
        let pkcs8 = (label == "PRIVATE KEY").then(|| document.as_bytes())?;
        PrivateKey::parse(TokenAlg::Es256, pkcs8).ok().map(Self)
    }

    /// Signs claims under this `kid`.
    pub fn sign(&self, kid: &str, claims: &Value) -> Result<String, Fault> {
        self.0.sign(kid, "JWT", claims)
    }
}

/// HMAC-SHA256 in lower-case hex. Facebook requires it as a proof that we know the secret.
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
