//! Tokens that are bound to a key: DPoP (RFC 9449) and client certificates (RFC 8705).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use url::Url;

use crate::claims::Confirmation;
use crate::jws::Jws;
use crate::keys::{Algorithm, Jwk, sha256};
use crate::presented::{Presented, Proof};
use crate::refusal::Refusal;

/// How many seconds old a proof may be, besides the skew of clocks.
const PROOF_LIFETIME: i64 = 60;
/// How many proofs are remembered. More in a minute are refused.
const MOST_PROOFS: usize = 1 << 20;

#[derive(Deserialize)]
struct ProofHeader {
    jwk: Jwk,
}

#[derive(Deserialize)]
struct ProofClaims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
}

/// The proofs that were used, so that none is taken twice (RFC 9449 §11.1). Only requests with a
/// proof take this lock.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<(i64, HashMap<String, i64>)>);

impl Replays {
    /// Whether this proof is seen for the first time.
    fn is_new(&self, name: String, until: i64, now: i64) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (cleaned, seen) = &mut *held;
        if now >= *cleaned + PROOF_LIFETIME {
            *cleaned = now;
            seen.retain(|_, until| *until >= now);
        }
        seen.len() < MOST_PROOFS && seen.insert(name, until).is_none()
    }
}

/// Whether the request proves every key that the token is bound to.
pub(crate) fn check(
    cnf: Option<&Confirmation>,
    presented: &Presented<'_>,
    replays: &Replays,
    now: i64,
    skew: i64,
) -> Result<(), Refusal> {
    let Some(cnf) = cnf else {
        // RFC 9449 §7.1: the scheme DPoP is for tokens that are bound.
        return if presented.is_dpop {
            Err(Refusal::Proof("the token is bound to no key"))
        } else {
            Ok(())
        };
    };
    if let Some(jkt) = &cnf.jkt {
        // RFC 9449 §7.1: such a token is no bearer token.
        let proof = presented.proof.filter(|_| presented.is_dpop).ok_or(Refusal::ProofMissing)?;
        check_proof(&proof, jkt, presented.token, replays, now, skew)?;
    }
    if let Some(thumbprint) = &cnf.x5t_s256 {
        // RFC 8705 §3: the token is for the certificate of this connection alone.
        let certificate = presented.certificate.ok_or(Refusal::ProofMissing)?;
        if sha256(certificate) != *thumbprint {
            return Err(Refusal::ProofMissing);
        }
    }
    // A kind of binding that is not known here cannot be proven either.
    if cnf.jkt.is_none() && cnf.x5t_s256.is_none() {
        return Err(Refusal::ProofMissing);
    }
    Ok(())
}

/// RFC 9449 §4.3.
fn check_proof(
    proof: &Proof<'_>,
    jkt: &str,
    token: &str,
    replays: &Replays,
    now: i64,
    skew: i64,
) -> Result<(), Refusal> {
    let jws = Jws::parse(proof.jwt).map_err(|_| Refusal::Proof("it is no JWT"))?;
    if !jws.header.is_of_type("dpop+jwt") {
        return Err(Refusal::Proof("its type is another"));
    }
    let algorithm = Algorithm::OF_PROOFS.into_iter().find(|one| one.as_str() == jws.header.alg);
    let algorithm = algorithm.ok_or(Refusal::Proof("its algorithm is not accepted"))?;
    let jwk = jws.header_as::<ProofHeader>().ok_or(Refusal::Proof("it has no key"))?.jwk;
    let key = jwk.parsed(algorithm).ok_or(Refusal::Proof("its key cannot be used"))?;
    let payload = jws.verified(&key).map_err(|_| Refusal::Proof("its signature is wrong"))?;
    let claims: ProofClaims = serde_json::from_slice(&payload)
        .map_err(|_| Refusal::Proof("a claim is missing or malformed"))?;
    if jwk.thumbprint().as_deref() != Some(jkt) {
        return Err(Refusal::Proof("the token is bound to another key"));
    }
    if claims.htm != proof.method {
        return Err(Refusal::Proof("it is for another method"));
    }
    let here = normalized(proof.url)
        .ok_or(Refusal::Proof("the server does not know the address at which it is asked"))?;
    if normalized(&claims.htu).is_none_or(|url| url != here) {
        return Err(Refusal::Proof("it is for another address"));
    }
    if claims.iat > now + skew || claims.iat < now - skew - PROOF_LIFETIME {
        return Err(Refusal::Proof("it is not of this time"));
    }
    if claims.ath.as_deref() != Some(sha256(token.as_bytes()).as_str()) {
        return Err(Refusal::Proof("it is for another token"));
    }
    let until = claims.iat + PROOF_LIFETIME + skew;
    if !replays.is_new(format!("{jkt}.{}", claims.jti), until, now) {
        return Err(Refusal::Proof("it was used before"));
    }
    Ok(())
}

/// The same address in one form only: without query and fragment (RFC 9449 §4.3), and normalised as
/// RFC 3986 §6.2.2 and §6.2.3 say. `None` for what is no http address.
fn normalized(text: &str) -> Option<String> {
    // A URL parser repairs what is no URI at all: blanks, backslashes, missing slashes.
    let is_of_uri = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !text.bytes().all(is_of_uri) || !text.split_once(':')?.1.starts_with("//") {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_user {
        return None;
    }
    let path = normal_path(url.path())?;
    Some(format!("{}{path}", url.origin().ascii_serialization()))
}

/// RFC 3986 §6.2.2.1 and §6.2.2.2: hexadecimal digits in capitals, and no byte encoded that needs no
/// encoding.
fn normal_path(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut normal = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            normal.push(char::from(byte));
        } else {
            normal.extend(["%", &digits.to_ascii_uppercase()]);
        }
        normal.push_str(rest);
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use base64_simd::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_700_000_000;
    const URL: &str = "https://api.example.com/orders?page=2";

    struct Holder(EcdsaKeyPair);

    impl Holder {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn jwk(&self) -> Value {
            let point = self.0.public_key().as_ref();
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
            json!({ "kty": "EC", "crv": "P-256", "x": part(&point[1..33]), "y": part(&point[33..]) })
        }

        fn jkt(&self) -> String {
            serde_json::from_value::<Jwk>(self.jwk()).unwrap().thumbprint().unwrap()
        }

        fn signed(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode_to_string(value.to_string());
            let input = format!("{}.{}", part(header), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
            format!("{input}.{}", URL_SAFE_NO_PAD.encode_to_string(signature))
        }
    }

    fn with(base: &Value, name: &str, value: Value) -> Value {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    }

    #[test]
    fn rfc9449_4_3_a_proof_is_good_once_and_for_one_request() {
        let (holder, other) = (Holder::new(), Holder::new());
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": holder.jwk() });
        let claims = json!({
            "jti": "1", "htm": "GET", "htu": "HTTPS://API.example.com:443/orders",
            "iat": NOW, "ath": sha256(b"token"),
        });
        let cnf = Confirmation { jkt: Some(holder.jkt()), x5t_s256: None };
        let replays = Replays::default();
        let ask = |proof: &str| {
            let proof = Proof { jwt: proof, method: "GET", url: URL };
            let presented =
                Presented { is_dpop: true, proof: Some(proof), ..Presented::bearer("token") };
            check(Some(&cnf), &presented, &replays, NOW, 10)
        };
        let good = holder.signed(&header, &claims);
        assert_eq!(ask(&good), Ok(()));
        assert_eq!(ask(&good), Err(Refusal::Proof("it was used before")));
        let mut private = holder.jwk();
        private["d"] = json!("AA");
        for (proof, why) in [
            ("a.b".to_owned(), "it is no JWT"),
            (holder.signed(&with(&header, "typ", json!("JWT")), &claims), "its type is another"),
            (
                holder.signed(&with(&header, "alg", json!("HS256")), &claims),
                "its algorithm is not accepted",
            ),
            (holder.signed(&with(&header, "jwk", private), &claims), "its key cannot be used"),
            (other.signed(&header, &claims), "its signature is wrong"),
            (
                other.signed(&with(&header, "jwk", other.jwk()), &claims),
                "the token is bound to another key",
            ),
            (
                holder.signed(&header, &with(&claims, "htm", json!("POST"))),
                "it is for another method",
            ),
            (
                holder.signed(&header, &with(&claims, "htu", json!("https://api.example.com/"))),
                "it is for another address",
            ),
            (
                holder.signed(&header, &with(&claims, "iat", json!(NOW - 71))),
                "it is not of this time",
            ),
            (
                holder.signed(&header, &with(&claims, "iat", json!(NOW + 11))),
                "it is not of this time",
            ),
            (holder.signed(&header, &with(&claims, "ath", json!("AA"))), "it is for another token"),
            (
                holder.signed(&header, &with(&claims, "jti", Value::Null)),
                "a claim is missing or malformed",
            ),
        ] {
            assert_eq!(ask(&proof), Err(Refusal::Proof(why)));
        }
        let proof = holder.signed(&header, &with(&claims, "jti", json!("2")));
        let proof = Proof { jwt: &proof, method: "GET", url: "" };
        let presented =
            Presented { is_dpop: true, proof: Some(proof), ..Presented::bearer("token") };
        let unknown = "the server does not know the address at which it is asked";
        let asked = check(Some(&cnf), &presented, &replays, NOW, 10);
        assert_eq!(asked, Err(Refusal::Proof(unknown)));
    }

    #[test]
    fn rfc9449_4_3_addresses_are_the_same_after_normalisation_and_no_others() {
        let ours = normalized("https://api.example.com/a/orders").unwrap();
        for same in [
            "HTTPS://API.Example.COM:443/a/orders?query#fragment",
            "https://api.example.com/%61/%6Frders",
            "https://api.example.com/a/./b/../orders",
        ] {
            assert_eq!(normalized(same).as_ref(), Some(&ours), "{same}");
        }
        for other in [
            "http://api.example.com/a/orders",
            "https://api.example.com:444/a/orders",
            "https://api.example.com/a/orders/",
            "https://api.example.com/a/Orders",
            "https://api.example.com/a%2forders",
            "https://user@api.example.com/a/orders",
            "https:api.example.com/a/orders",
            "https://api.example.com\\a/orders",
            "https://api.example.com/a/%orders",
            "/a/orders",
            "",
        ] {
            assert_ne!(normalized(other).as_ref(), Some(&ours), "{other}");
        }
    }

    #[test]
    fn a_bound_token_needs_its_proof_and_another_token_none() {
        let bearer = Presented::bearer("token");
        let replays = Replays::default();
        let ask = |cnf: Option<&Confirmation>, presented| check(cnf, presented, &replays, NOW, 10);
        assert_eq!(ask(None, &bearer), Ok(()));
        let dpop = Presented { is_dpop: true, ..bearer };
        assert!(matches!(ask(None, &dpop), Err(Refusal::Proof(_))));
        let jkt = Confirmation { jkt: Some("k".to_owned()), x5t_s256: None };
        assert_eq!(ask(Some(&jkt), &bearer), Err(Refusal::ProofMissing));
        assert_eq!(ask(Some(&jkt), &dpop), Err(Refusal::ProofMissing));
        assert_eq!(ask(Some(&Confirmation::default()), &bearer), Err(Refusal::ProofMissing));
        // RFC 8705 §3.1.
        let x5t = Confirmation { jkt: None, x5t_s256: Some(sha256(b"certificate")) };
        assert_eq!(ask(Some(&x5t), &bearer), Err(Refusal::ProofMissing));
        let shown = bearer.with_certificate(Some(b"certificate"));
        assert_eq!(ask(Some(&x5t), &shown), Ok(()));
        let other = bearer.with_certificate(Some(b"other"));
        assert_eq!(ask(Some(&x5t), &other), Err(Refusal::ProofMissing));
    }
}
