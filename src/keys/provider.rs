//! Signing with keys that are parsed once.
//!
//! `jsonwebtoken` parses and checks an RSA key at every signature, which costs as much as the
//! signature. Here an [`EncodingKey`] holds a `kid` in place of the key, and the installed
//! provider finds the parsed key by it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, aws_lc};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, EncodingKey};
use signature::Signer;

use crate::domain::client::TokenAlg;
use crate::domain::verdict::Fault;

enum Parsed {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

type Keys = HashMap<String, Arc<Parsed>>;

static PARSED: LazyLock<RwLock<Keys>> = LazyLock::new(RwLock::default);

static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(|| CryptoProvider {
    signer_factory: signer,
    verifier_factory: aws_lc::DEFAULT_PROVIDER.verifier_factory,
    key_utils: aws_lc::DEFAULT_PROVIDER.key_utils.clone(),
});

/// Makes this the provider of the process. A second call changes nothing.
pub fn install() {
    // Only this function installs one, so a refusal says that it was called before.
    let _ = PROVIDER.install_default();
}

/// Parses a private key (PKCS#8) and keeps it for signing under its `kid`.
pub fn register(kid: &str, alg: TokenAlg, pkcs8: &[u8]) -> Result<EncodingKey, Fault> {
    let fault = |error| Fault::internal("parsing a signing key", format!("{kid}: {error}"));
    let (parsed, handle) = match alg {
        TokenAlg::Rs256 => (
            Parsed::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(fault)?),
            EncodingKey::from_rsa_der(kid.as_bytes()),
        ),
        TokenAlg::Es256 => (
            Parsed::Ec(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(fault)?,
            ),
            EncodingKey::from_ec_der(kid.as_bytes()),
        ),
    };
    let mut keys = PARSED.write().unwrap_or_else(PoisonError::into_inner);
    keys.insert(kid.to_owned(), Arc::new(parsed));
    Ok(handle)
}

/// Drops a parsed key: nothing can be signed with it any more.
pub fn forget(kid: &str) {
    PARSED.write().unwrap_or_else(PoisonError::into_inner).remove(kid);
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of the provider")]
fn signer(algorithm: &Algorithm, handle: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let keys = PARSED.read().unwrap_or_else(PoisonError::into_inner);
    let kid = std::str::from_utf8(handle.as_bytes()).ok();
    let key = kid.and_then(|kid| keys.get(kid)).cloned();
    match (key, algorithm) {
        (Some(key), Algorithm::RS256) if matches!(*key, Parsed::Rsa(_)) => {
            Ok(Box::new(ParsedSigner { key, algorithm: Algorithm::RS256 }))
        }
        (Some(key), Algorithm::ES256) if matches!(*key, Parsed::Ec(_)) => {
            Ok(Box::new(ParsedSigner { key, algorithm: Algorithm::ES256 }))
        }
        _ => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

struct ParsedSigner {
    key: Arc<Parsed>,
    algorithm: Algorithm,
}

impl Signer<Vec<u8>> for ParsedSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let random = SystemRandom::new();
        match &*self.key {
            Parsed::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(signature::Error::from_source)?;
                Ok(signature)
            }
            Parsed::Ec(key) => {
                let signature =
                    key.sign(&random, message).map_err(signature::Error::from_source)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl JwtSigner for ParsedSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
