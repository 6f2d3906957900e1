//! Creates keys, reads them from PEM, and writes their public keys as JWKs.

use aws_lc_rs::digest::SHA512;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::der::SecretDocument;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;

use crate::domain::client::TokenAlg;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault, Rejected, reject};

/// A key that was created or read.
#[derive(Debug)]
pub struct Made {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The algorithm by which it signs.
    pub alg: TokenAlg,
    /// The public key.
    pub public_jwk: Jwk,
    /// The private key, PKCS#8.
    pub private: Secret<Vec<u8>>,
}

/// The allowed sizes of new RSA keys, in bits.
pub const RSA_BITS: [u32; 3] = [2048, 3072, 4096];

/// Creates a key. This is slow for RSA, so it must not run on a worker thread of the runtime.
pub fn generate(alg: TokenAlg, rsa_bits: u32) -> Result<Made, Fault> {
    match alg {
        TokenAlg::Rs256 | TokenAlg::Ps256 => {
            let fault = |_| Fault::internal("making an RSA key", "aws-lc refused");
            let size = match rsa_bits {
                2048 => KeySize::Rsa2048,
                3072 => KeySize::Rsa3072,
                4096 => KeySize::Rsa4096,
                other => {
                    return Err(Fault::internal(
                        "making an RSA key",
                        format!("no key of {other} bits"),
                    ));
                }
            };
            let key = RsaKeyPair::generate(size).map_err(fault)?;
            let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(fault)?;
            describe(alg, Secret::new(pkcs8.as_ref().to_vec()))
        }
        TokenAlg::Es256 => {
            let fault = |_| Fault::internal("making a P-256 key", "aws-lc refused");
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(fault)?;
            let pkcs8 = key.to_pkcs8v1().map_err(fault)?;
            from_p256(Secret::new(pkcs8.as_ref().to_vec()))
        }
        TokenAlg::EdDsa => {
            let fault = |_| Fault::internal("making an Ed25519 key", "aws-lc refused");
            let key = Ed25519KeyPair::generate().map_err(fault)?;
            let pkcs8 = key.to_pkcs8v1().map_err(fault)?;
            from_ed25519(Secret::new(pkcs8.as_ref().to_vec()))
        }
    }
}

/// The complete key, computed from its private key in PKCS#8.
pub fn describe(alg: TokenAlg, pkcs8: Secret<Vec<u8>>) -> Result<Made, Fault> {
    match alg {
        TokenAlg::Rs256 | TokenAlg::Ps256 => {
            let key = RsaPrivateKey::from_pkcs8_der(pkcs8.expose())
                .map_err(|error| Fault::internal("reading an RSA key", error))?;
            from_rsa(&key, alg)
        }
        TokenAlg::Es256 => from_p256(pkcs8),
        TokenAlg::EdDsa => from_ed25519(pkcs8),
    }
}

/// Reads a private key from PEM: RSA of at least 2048 bits (PKCS#8, PKCS#1), which signs by RS256, P-256
/// (PKCS#8, and SEC 1, RFC 5915) or Ed25519 (PKCS#8, RFC 8410).
pub fn read_pem(pem: &str) -> Result<Made, Error<Rejected>> {
    let Ok((label, der)) = SecretDocument::from_pem(without_parameters(pem)) else {
        return reject("the file is not one private key in PEM");
    };
    let rsa = match label {
        "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(der.as_bytes()).ok(),
        "PRIVATE KEY" => RsaPrivateKey::from_pkcs8_der(der.as_bytes()).ok(),
        "EC PRIVATE KEY" => return read_sec1(der.as_bytes()),
        _ => return reject(format!("a PEM of type {label:?} is not a private key that can sign")),
    };
    if let Some(key) = rsa {
        if key.n().bits() < 2048 {
            return reject("an RSA key of less than 2048 bits signs nothing here");
        }
        return Ok(from_rsa(&key, TokenAlg::Rs256)?);
    }
    if let Ok(key) = Ed25519KeyPair::from_pkcs8(der.as_bytes()) {
        let fault = |_| Fault::internal("encoding an Ed25519 key", "aws-lc refused");
        let pkcs8 = key.to_pkcs8v1().map_err(fault)?;
        return Ok(from_ed25519(Secret::new(pkcs8.as_ref().to_vec()))?);
    }
    let pkcs8 = Secret::new(der.as_bytes().to_vec());
    if EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose()).is_err() {
        return reject("the key is neither RSA nor P-256 nor Ed25519");
    }
    Ok(from_p256(pkcs8)?)
}

/// Removes the name of the curve that `openssl ecparam -genkey` writes before the key. The key
/// itself contains it too.
fn without_parameters(pem: &str) -> &str {
    const END: &str = "-----END EC PARAMETERS-----";
    let pem = pem.trim();
    let behind = pem.starts_with("-----BEGIN EC PARAMETERS-----").then(|| pem.split_once(END));
    behind.flatten().map_or(pem, |(_, key)| key.trim_start())
}

fn read_sec1(der: &[u8]) -> Result<Made, Error<Rejected>> {
    let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
    let Ok(pkcs8) = key.map_err(drop).and_then(|key| key.to_pkcs8v1().map_err(drop)) else {
        return reject("the key is not P-256");
    };
    Ok(from_p256(Secret::new(pkcs8.as_ref().to_vec()))?)
}

fn from_rsa(key: &RsaPrivateKey, alg: TokenAlg) -> Result<Made, Fault> {
    let pkcs8 =
        key.to_pkcs8_der().map_err(|error| Fault::internal("encoding an RSA key", error))?;
    let pkcs1 =
        key.to_pkcs1_der().map_err(|error| Fault::internal("encoding an RSA key", error))?;
    let described = EncodingKey::from_rsa_der(pkcs1.as_bytes());
    made(alg, &described, Secret::new(pkcs8.as_bytes().to_vec()))
}

fn from_p256(pkcs8: Secret<Vec<u8>>) -> Result<Made, Fault> {
    let described = EncodingKey::from_ec_der(pkcs8.expose());
    made(TokenAlg::Es256, &described, pkcs8)
}

fn from_ed25519(pkcs8: Secret<Vec<u8>>) -> Result<Made, Fault> {
    let described = EncodingKey::from_ed_der(pkcs8.expose());
    made(TokenAlg::EdDsa, &described, pkcs8)
}

fn made(alg: TokenAlg, key: &EncodingKey, pkcs8: Secret<Vec<u8>>) -> Result<Made, Fault> {
    let fault = |error| Fault::internal("describing a key", error);
    let mut public_jwk = Jwk::from_encoding_key(key, algorithm(alg)).map_err(fault)?;
    let kid = public_jwk.thumbprint(ThumbprintHash::SHA256).map_err(fault)?;
    public_jwk.common.key_id = Some(kid.clone());
    public_jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(Made { kid, alg, public_jwk, private: pkcs8 })
}

/// The name of an algorithm in `jsonwebtoken`.
#[must_use]
pub fn algorithm(alg: TokenAlg) -> Algorithm {
    match alg {
        TokenAlg::Rs256 => Algorithm::RS256,
        TokenAlg::Es256 => Algorithm::ES256,
        TokenAlg::Ps256 => Algorithm::PS256,
        TokenAlg::EdDsa => Algorithm::EdDSA,
    }
}

/// `at_hash`, OpenID Connect Core §3.1.3.6: the left half of the hash that belongs to the algorithm of
/// the id token, which is SHA-512 for Ed25519.
#[must_use]
pub fn at_hash(alg: TokenAlg, access_token: &str) -> String {
    match alg {
        TokenAlg::Rs256 | TokenAlg::Ps256 | TokenAlg::Es256 => left_half_hash(access_token),
        TokenAlg::EdDsa => {
            let digest = aws_lc_rs::digest::digest(&SHA512, access_token.as_bytes());
            let (left, _) = digest.as_ref().split_at(32);
            URL_SAFE_NO_PAD.encode(left)
        }
    }
}

/// The left half of a SHA-256 in base64url.
#[must_use]
pub fn left_half_hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let (left, _) = digest.as_ref().split_at(16);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use rsa::rand_core::OsRng;

    use super::*;

    #[test]
    fn rsa_keys_have_the_size_that_was_asked_for() {
        for bits in RSA_BITS {
            let made = generate(TokenAlg::Rs256, bits).unwrap();
            let key = RsaPrivateKey::from_pkcs8_der(made.private.expose()).unwrap();
            assert_eq!(key.n().bits(), usize::try_from(bits).unwrap());
        }
        assert!(generate(TokenAlg::Rs256, 1024).is_err());
    }

    #[test]
    fn rfc7638_the_kid_is_the_thumbprint_of_the_public_half() {
        for alg in TokenAlg::ALL.iter().copied() {
            let made = generate(alg, 2048).unwrap();
            let jwk = serde_json::to_value(&made.public_jwk).unwrap();
            let member = |name: &str| jwk[name].as_str().unwrap().to_owned();
            let canonical = match alg {
                TokenAlg::Rs256 | TokenAlg::Ps256 => {
                    format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, member("e"), member("n"))
                }
                TokenAlg::Es256 => format!(
                    r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                    member("x"),
                    member("y")
                ),
                TokenAlg::EdDsa => {
                    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, member("x"))
                }
            };
            let digest =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
            assert_eq!(made.kid, URL_SAFE_NO_PAD.encode(digest));
            assert_eq!(member("kid"), made.kid);
            assert_eq!(member("alg"), alg.as_str());
            assert_eq!(member("use"), "sig");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(jwk.get(private).is_none(), "{private}");
            }
        }
    }

    #[test]
    fn a_pem_is_read_back() {
        let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
        let pkcs8 = key.to_pkcs8_pem(rsa::pkcs8::LineEnding::LF).unwrap();
        let pkcs1 = EncodeRsaPrivateKey::to_pkcs1_pem(&key, rsa::pkcs1::LineEnding::LF);
        assert_eq!(read_pem(&pkcs8).unwrap().kid, read_pem(&pkcs1.unwrap()).unwrap().kid);
        let small = RsaPrivateKey::new(&mut OsRng, 1024).unwrap();
        let small = small.to_pkcs8_pem(rsa::pkcs8::LineEnding::LF).unwrap();
        assert!(read_pem(&small).is_err());
        let described = describe(TokenAlg::Rs256, read_pem(&pkcs8).unwrap().private).unwrap();
        assert_eq!(described.kid, read_pem(&pkcs8).unwrap().kid);
        assert!(read_pem("nonsense").is_err());
        // openssl genpkey -algorithm ed25519, RFC 8410 §10.3
        let ed25519 = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
            -----END PRIVATE KEY-----\n";
        let made = read_pem(ed25519).unwrap();
        assert_eq!(made.alg, TokenAlg::EdDsa);
        let jwk = serde_json::to_value(&made.public_jwk).unwrap();
        assert_eq!(jwk["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
        assert_eq!(describe(TokenAlg::EdDsa, made.private).unwrap().kid, made.kid);
    }

    #[test]
    fn rfc5915_a_sec1_key_is_the_same_as_in_pkcs8() {
        // openssl ecparam -name prime256v1 -genkey, and the same through openssl pkcs8 -topk8.
        let key = "-----BEGIN EC PRIVATE KEY-----\n\
MHcCAQEEIJqJof/e+6OKmp8XQxz7MPr9Wt6MsFRQ2LNSJCRa16lloAoGCCqGSM49\n\
AwEHoUQDQgAEiIynSr/L7AYwGHgVhGJBcFVRcUooV/clpTXbJED7pl1dAYeAQSud\n\
tQJkltbDXzt/nyWQX54yi/xqmwDiwjn7XQ==\n\
-----END EC PRIVATE KEY-----\n";
        let pkcs8 = "-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmomh/977o4qanxdD\n\
HPsw+v1a3oywVFDYs1IkJFrXqWWhRANCAASIjKdKv8vsBjAYeBWEYkFwVVFxSihX\n\
9yWlNdskQPumXV0Bh4BBK521AmSW1sNfO3+fJZBfnjKL/GqbAOLCOftd\n\
-----END PRIVATE KEY-----\n";
        let parameters =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let expected = read_pem(pkcs8).unwrap().kid;
        for pem in [key.to_owned(), format!("{parameters}{key}")] {
            let made = read_pem(&pem).unwrap();
            assert_eq!((made.alg, &made.kid), (TokenAlg::Es256, &expected));
        }
        let other = "-----BEGIN EC PRIVATE KEY-----\n\
MIGkAgEBBDAakWTL/Xz42XUrNhNtbKehXIJhWqKluAkbEEVRQHxzNC4spOTq/up5\n\
vEW13q7smvWgBwYFK4EEACKhZANiAASkthbpRhCSyy3Iv0SkLzMFnipnoY2rKDEI\n\
ZNC12gv2XB6OEfmy2RxGN9LRMhsjaziLEW/vsiccS1YRYW4r8ppfaXeuEwJVPuxH\n\
ts6WjE5fd3Fk6Ulq0an/Djbnf782qDE=\n\
-----END EC PRIVATE KEY-----\n";
        assert!(read_pem(other).unwrap_err().to_string().contains("P-256"));
    }
}
