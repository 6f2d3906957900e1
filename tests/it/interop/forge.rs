//! Forged tokens.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer};
use serde_json::{Value, json};

use crate::support::{decode_claims, decode_header};

/// An RSA key and the name that it goes by.
pub(super) struct Forge {
    key: RsaPrivateKey,
    kid: String,
}

impl Forge {
    /// With a key of its own.
    pub(super) fn new() -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, 2048).expect("an RSA key");
        Self { key, kid: String::new() }
    }

    /// Under this name.
    pub(super) fn known_as(self, kid: impl Into<String>) -> Self {
        Self { kid: kid.into(), ..self }
    }

    /// The private half.
    pub(super) fn private_pem(&self) -> String {
        self.key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string()
    }

    /// The same token, signed here.
    pub(super) fn copy(&self, token: &str) -> String {
        self.sign(&self.header(), &decode_claims(token))
    }

    fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "at+jwt", "kid": self.kid })
    }

    fn without(&self, claims: &Value, name: &str) -> String {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("an object").remove(name);
        self.sign(&self.header(), &claims)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = unsigned(header, claims);
        let signature = SigningKey::<Sha256>::new(self.key.clone()).sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// Tokens with a signature that is not the issuer's.
pub(super) fn forgeries(genuine: &str, published: &Forge) -> Vec<(&'static str, String)> {
    let (header, claims) = (decode_header(genuine), decode_claims(genuine));
    let impostor = Forge::new();
    vec![
        ("another payload", with_another_payload(genuine)),
        ("another key of the same name", impostor.sign(&header, &claims)),
        ("a key nobody knows", impostor.known_as("nobody-knows").copy(genuine)),
        ("no signature", without_signature(&header, &claims)),
        ("the public key as HMAC secret", keyed_with_the_public_key(published, &claims)),
    ]
}

/// Tokens signed by a published key and right in everything but one thing.
pub(super) fn with_one_fault(genuine: &str, forge: &Forge) -> Vec<(&'static str, String)> {
    let claims = decode_claims(genuine);
    let now = claims["iat"].as_i64().expect("iat");
    let claim = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        forge.sign(&forge.header(), &claims)
    };
    let of_type = |typ: Value| {
        let mut header = forge.header();
        header["typ"] = typ;
        forge.sign(&header, &claims)
    };
    vec![
        ("expired", claim("exp", json!(now - 3600))),
        ("of another issuer", claim("iss", json!("https://elsewhere.example.com"))),
        ("for another audience", claim("aud", json!("https://elsewhere.example.com"))),
        ("typed as an id_token is", of_type(json!("JWT"))),
        ("without audience", forge.without(&claims, "aud")),
        ("without expiry", forge.without(&claims, "exp")),
        ("without subject", forge.without(&claims, "sub")),
    ]
}

fn with_another_payload(genuine: &str) -> String {
    let mut claims = decode_claims(genuine);
    claims["sub"] = json!("somebody-else");
    let signature = genuine.rsplit('.').next().expect("a signature");
    format!("{}.{signature}", unsigned(&decode_header(genuine), &claims))
}

fn without_signature(header: &Value, claims: &Value) -> String {
    let mut header = header.clone();
    header["alg"] = json!("none");
    format!("{}.", unsigned(&header, claims))
}

fn keyed_with_the_public_key(published: &Forge, claims: &Value) -> String {
    let pem = published.key.to_public_key().to_public_key_pem(LineEnding::LF).expect("PEM");
    let mut header = published.header();
    header["alg"] = json!("HS256");
    let input = unsigned(&header, claims);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
    let tag = hmac::sign(&secret, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
