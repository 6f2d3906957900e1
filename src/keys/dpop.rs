//! Proofs of possession, RFC 9449: reads and checks a proof, and makes the nonces that proofs carry
//! where the server asks for them.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
    EllipticCurveKeyType, Jwk, OctetKeyPairParameters, OctetKeyPairType, RSAKeyParameters,
    RSAKeyType, ThumbprintHash,
};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::{Digest, Sha256};

use super::jwt::VerifyingKey;
use super::seal::{Label, MasterKey};
use crate::domain::dpop::{Thumbprint, WINDOW, normal_uri};
use crate::domain::jwt_type;
use crate::domain::reason::Reason;
use crate::domain::verdict::Fault;

/// The algorithms of proofs, as the metadata lists them.
pub const ALGORITHMS: &[&str] = &["ES256", "EdDSA", "PS256"];

/// The longest proof that is read. One with an RSA key of 8192 bits is shorter.
const LONGEST: usize = 8192;
/// The longest `jti` that is taken.
const LONGEST_JTI: usize = 512;

/// How many keys are remembered.
const REMEMBERED_KEYS: usize = 1024;
/// The longest header of a proof that is remembered, so that all of them take little more than
/// a megabyte.
const LONGEST_REMEMBERED: usize = 768;

/// The keys of the proofs that were verified last, by the header of the proof as it came: an app sends
/// the same one with each of its proofs. What a header says depends on nothing but the header.
pub struct KnownKeys(Cache<Box<str>, Arc<HolderKey>>);

impl Default for KnownKeys {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_KEYS))
    }
}

impl std::fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KnownKeys").field(&self.0.len()).finish()
    }
}

impl KnownKeys {
    fn find(&self, head: &str) -> Option<Arc<HolderKey>> {
        self.0.get(head)
    }

    fn remember(&self, head: &str, key: &Arc<HolderKey>) {
        if head.len() <= LONGEST_REMEMBERED {
            self.0.insert(head.into(), Arc::clone(key));
        }
    }
}

/// The key of a proof, with its thumbprint.
struct HolderKey {
    thumbprint: Thumbprint,
    verifying: VerifyingKey,
}

/// What a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The address of the endpoint, in the form of [`normal_uri`].
    pub uri: &'a str,
    /// Another address of the same endpoint.
    pub alias: Option<&'a str>,
    /// The access token that comes with it, RFC 9449 §7.
    pub access_token: Option<&'a str>,
    /// Where proofs need a nonce: the key of the nonces.
    pub nonces: Option<&'a NonceKey>,
    /// The keys of earlier proofs.
    pub known: &'a KnownKeys,
}

/// A proof that is good, if it was not used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key of its holder.
    pub key: Thumbprint,
    /// By which the proof is recognised when it comes again.
    pub once: [u8; 32],
}

#[derive(Deserialize)]
struct Head {
    typ: Option<String>,
    alg: Option<String>,
    jwk: Option<HeadKey>,
    crit: Option<IgnoredAny>,
}

/// The key in the header of a proof. What it says of its use is not asked: it is used here, and its
/// holder has sent it.
#[derive(Deserialize)]
struct HeadKey {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl HeadKey {
    /// Whether it has a part that nobody but its holder may know.
    fn is_private(&self) -> bool {
        [self.d, self.p, self.q, self.dp, self.dq, self.qi, self.oth, self.k]
            .iter()
            .any(Option::is_some)
    }

    /// The public key, if it is one for this algorithm.
    fn parameters(self, alg: Algorithm) -> Option<AlgorithmParameters> {
        match (alg, self.kty.as_deref()?, self.crv.as_deref()) {
            (Algorithm::ES256, "EC", Some("P-256")) => {
                Some(AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                    key_type: EllipticCurveKeyType::EC,
                    curve: EllipticCurve::P256,
                    x: self.x?,
                    y: self.y?,
                }))
            }
            (Algorithm::EdDSA, "OKP", Some("Ed25519")) => {
                Some(AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                    key_type: OctetKeyPairType::OctetKeyPair,
                    curve: EllipticCurve::Ed25519,
                    x: self.x?,
                }))
            }
            (Algorithm::PS256, "RSA", _) => Some(AlgorithmParameters::RSA(RSAKeyParameters {
                key_type: RSAKeyType::RSA,
                n: self.n?,
                e: self.e?,
            })),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    jti: Option<String>,
    htm: Option<String>,
    htu: Option<String>,
    iat: Option<f64>,
    nbf: Option<f64>,
    exp: Option<f64>,
    ath: Option<String>,
    nonce: Option<String>,
}

/// Checks a proof, RFC 9449 §4.3. The caller checks that it was not used before, and that the key is
/// the one that it expects.
pub fn verify_proof(
    proof: &str,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<Proof, Reason> {
    let malformed = Reason::DpopProofMalformed;
    if proof.len() > LONGEST {
        return Err(malformed);
    }
    let mut parts = proof.split('.');
    let (Some(head), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed);
    };
    let known = expected.known.find(head);
    let key = match &known {
        Some(known) => Arc::clone(known),
        None => Arc::new(key(part(head).ok_or(malformed)?)?),
    };
    let claims: Claims = part(claims).ok_or(malformed)?;
    if !key.verifying.has_signed(proof) {
        return Err(Reason::DpopProofSignatureInvalid);
    }
    if known.is_none() {
        expected.known.remember(head, &key);
    }
    let missing = Reason::DpopProofClaimMissing;
    let jti = claims.jti.as_deref().filter(|jti| !jti.is_empty()).ok_or(missing)?;
    let method = claims.htm.as_deref().ok_or(missing)?;
    let uri = claims.htu.as_deref().ok_or(missing)?;
    let iat = claims.iat.ok_or(missing)?;
    if jti.len() > LONGEST_JTI {
        return Err(malformed);
    }
    if method != expected.method {
        return Err(Reason::DpopProofMethodMismatch);
    }
    let is_expected = |uri: &str| uri == expected.uri || Some(uri) == expected.alias;
    // Nearly every proof names the address in its normal form.
    if !is_expected(uri) && !normal_uri(uri).is_some_and(|uri| is_expected(&uri)) {
        return Err(Reason::DpopProofUriMismatch);
    }
    match (expected.access_token, claims.ath.as_deref()) {
        (None, _) => {}
        (Some(_), None) => return Err(Reason::DpopProofTokenHashMissing),
        (Some(token), Some(hash)) if token_hash(token) == hash => {}
        (Some(_), Some(_)) => return Err(Reason::DpopProofTokenHashMismatch),
    }
    match expected.nonces {
        // RFC 9449 §11.1: a nonce carries the time of this server, so a client whose clock is wrong
        // can prove as well.
        Some(nonces) => {
            let nonce = claims.nonce.as_deref().filter(|nonce| nonces.made(nonce, now));
            nonce.ok_or(Reason::DpopNonceNeeded)?;
        }
        None => timely(&claims, iat, now)?,
    }
    let key = key.thumbprint.clone();
    let once = once(&key, jti);
    Ok(Proof { key, once })
}

/// RFC 9449 §4.3 (11). `exp` and `nbf` count if a proof has them (RFC 7519 §4.1.4 and §4.1.5).
#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
fn timely(claims: &Claims, iat: f64, now: DateTime<Utc>) -> Result<(), Reason> {
    let (now, window) = (now.timestamp() as f64, WINDOW.num_seconds() as f64);
    let is_ahead = |instant: f64| instant > now + window;
    let is_past = |instant: f64| instant < now - window;
    let untimely = !iat.is_finite()
        || is_ahead(iat)
        || is_past(iat)
        || claims.nbf.is_some_and(is_ahead)
        || claims.exp.is_some_and(is_past);
    if untimely { Err(Reason::DpopProofUntimely) } else { Ok(()) }
}

fn part<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// The key in the header of a proof, RFC 9449 §4.2.
fn key(head: Head) -> Result<HolderKey, Reason> {
    // RFC 9449 §4.3 (4). RFC 7515 §4.1.9: compared as a media type.
    if jwt_type::plain(&head.typ.unwrap_or_default()) != "dpop+jwt" {
        return Err(Reason::DpopProofTypMismatch);
    }
    // RFC 7515 §4.1.11: no extension is supported.
    if head.crit.is_some() {
        return Err(Reason::DpopProofMalformed);
    }
    let alg = match head.alg.as_deref() {
        Some("ES256") => Algorithm::ES256,
        Some("EdDSA") => Algorithm::EdDSA,
        Some("PS256") => Algorithm::PS256,
        _ => return Err(Reason::DpopProofAlgUnsupported),
    };
    let jwk = head.jwk.ok_or(Reason::DpopProofKeyUnusable)?;
    // RFC 9449 §4.3 (7)
    if jwk.is_private() {
        return Err(Reason::DpopProofKeyPrivate);
    }
    let unusable = Reason::DpopProofKeyUnusable;
    let algorithm = jwk.parameters(alg).ok_or(unusable)?;
    let jwk = Jwk { common: CommonParameters::default(), algorithm };
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| unusable)?;
    let verifying = VerifyingKey::from_jwk(&jwk, alg).map_err(|_| unusable)?;
    Ok(HolderKey { thumbprint: Thumbprint::from_stored(thumbprint), verifying })
}

/// `ath`, RFC 9449 §4.2.
fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// The holder of a key chooses its `jti` alone, so it counts for this key alone.
fn once(key: &Thumbprint, jti: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update("dpop ");
    hash.update(key.as_str());
    hash.update(" ");
    hash.update(jti);
    hash.finalize().into()
}

/// Makes and recognises nonces, RFC 9449 §8. A nonce says when it was made, and needs no row in the
/// database: every replica with the same master key recognises it.
#[derive(Clone)]
pub struct NonceKey(hmac::Key);

impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceKey(…)")
    }
}

/// The bytes of the time in a nonce, and those that vouch for it.
const TIME: usize = 8;
const TAG: usize = 16;

impl NonceKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::DpopNonces)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The nonce of this second.
    #[must_use]
    pub fn nonce(&self, now: DateTime<Utc>) -> String {
        let time = now.timestamp().to_be_bytes();
        let tag = hmac::sign(&self.0, &time);
        let tag = tag.as_ref().get(..TAG).unwrap_or_default();
        URL_SAFE_NO_PAD.encode([time.as_slice(), tag].concat())
    }

    /// Whether a server with this master key made the nonce within the window.
    #[must_use]
    pub fn made(&self, nonce: &str, now: DateTime<Utc>) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((time, tag)) = bytes.split_at_checked(TIME) else { return false };
        let signed = hmac::sign(&self.0, time);
        let ours = signed.as_ref().get(..TAG).unwrap_or_default();
        if aws_lc_rs::constant_time::verify_slices_are_equal(ours, tag).is_err() {
            return false;
        }
        let Ok(time) = time.try_into().map(i64::from_be_bytes) else { return false };
        (time - now.timestamp()).abs() <= WINDOW.num_seconds()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::client::TokenAlg;
    use crate::domain::clock::from_millis;
    use crate::keys::jws::PrivateKey;
    use crate::keys::make;

    static KNOWN: LazyLock<KnownKeys> = LazyLock::new(KnownKeys::default);
    const NOW: i64 = 1_800_000_000;
    const TOKEN: &str = "access.token";

    struct Holder(EcdsaKeyPair);

    impl Holder {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn jwk(&self) -> Value {
            let point = self.0.public_key().as_ref();
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
        }

        fn sign(&self, head: &Value, claims: &Value) -> String {
            let signed = signed(head, claims);
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        }
    }

    fn signed(head: &Value, claims: &Value) -> String {
        [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
    }

    fn head(holder: &Holder) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": holder.jwk() })
    }

    fn claims() -> Value {
        json!({
            "jti": "1", "htm": "POST", "htu": "https://id.example.com/token", "iat": NOW,
            "ath": token_hash(TOKEN),
        })
    }

    fn expected() -> Expected<'static> {
        Expected {
            method: "POST",
            uri: "https://id.example.com/token",
            alias: None,
            access_token: Some(TOKEN),
            nonces: None,
            known: &KNOWN,
        }
    }

    fn now() -> DateTime<Utc> {
        from_millis(NOW * 1000)
    }

    fn with(mut value: Value, name: &str, member: Value) -> Value {
        match member {
            Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
            member => value[name] = member,
        }
        value
    }

    #[test]
    fn rfc9449_4_3_each_check_refuses_for_its_own_reason() {
        let (holder, other) = (Holder::new(), Holder::new());
        let good = holder.sign(&head(&holder), &claims());
        assert!(verify_proof(&good, &expected(), now()).is_ok());
        let heads = [
            ("typ", Value::Null, Reason::DpopProofTypMismatch),
            ("typ", json!("JWT"), Reason::DpopProofTypMismatch),
            ("alg", Value::Null, Reason::DpopProofAlgUnsupported),
            ("alg", json!("none"), Reason::DpopProofAlgUnsupported),
            ("alg", json!("RS256"), Reason::DpopProofAlgUnsupported),
            ("alg", json!("HS256"), Reason::DpopProofAlgUnsupported),
            ("alg", json!("PS256"), Reason::DpopProofKeyUnusable),
            ("crit", json!(["exp"]), Reason::DpopProofMalformed),
            ("jwk", Value::Null, Reason::DpopProofKeyUnusable),
            ("jwk", json!({}), Reason::DpopProofKeyUnusable),
            ("jwk", with(holder.jwk(), "crv", json!("P-384")), Reason::DpopProofKeyUnusable),
            ("jwk", with(holder.jwk(), "d", json!("AA")), Reason::DpopProofKeyPrivate),
            ("jwk", json!({ "kty": "oct", "k": "AA" }), Reason::DpopProofKeyPrivate),
            ("jwk", other.jwk(), Reason::DpopProofSignatureInvalid),
        ];
        for (name, member, reason) in heads {
            let proof = holder.sign(&with(head(&holder), name, member.clone()), &claims());
            assert_eq!(verify_proof(&proof, &expected(), now()), Err(reason), "{name} {member}");
        }
        let of_claims = [
            ("jti", Value::Null, Reason::DpopProofClaimMissing),
            ("jti", json!(""), Reason::DpopProofClaimMissing),
            ("jti", json!("j".repeat(513)), Reason::DpopProofMalformed),
            ("jti", json!(1), Reason::DpopProofMalformed),
            ("htm", Value::Null, Reason::DpopProofClaimMissing),
            ("htm", json!("GET"), Reason::DpopProofMethodMismatch),
            ("htm", json!("post"), Reason::DpopProofMethodMismatch),
            ("htu", Value::Null, Reason::DpopProofClaimMissing),
            ("htu", json!("https://id.example.com/userinfo"), Reason::DpopProofUriMismatch),
            ("htu", json!("https://evil.example/token"), Reason::DpopProofUriMismatch),
            ("htu", json!("http://id.example.com/token"), Reason::DpopProofUriMismatch),
            ("htu", json!("/token"), Reason::DpopProofUriMismatch),
            ("iat", Value::Null, Reason::DpopProofClaimMissing),
            ("iat", json!("1800000000"), Reason::DpopProofMalformed),
            ("iat", json!(NOW - 61), Reason::DpopProofUntimely),
            ("iat", json!(NOW + 61), Reason::DpopProofUntimely),
            ("iat", json!(1e300), Reason::DpopProofUntimely),
            ("nbf", json!(NOW + 61), Reason::DpopProofUntimely),
            ("exp", json!(NOW - 61), Reason::DpopProofUntimely),
            ("ath", Value::Null, Reason::DpopProofTokenHashMissing),
            ("ath", json!(token_hash("another")), Reason::DpopProofTokenHashMismatch),
        ];
        for (name, member, reason) in of_claims {
            let proof = holder.sign(&head(&holder), &with(claims(), name, member.clone()));
            assert_eq!(verify_proof(&proof, &expected(), now()), Err(reason), "{name} {member}");
        }
        let (start, _) = good.rsplit_once('.').unwrap();
        for (proof, reason) in [
            (String::new(), Reason::DpopProofMalformed),
            ("a.b.c".to_owned(), Reason::DpopProofMalformed),
            (start.to_owned(), Reason::DpopProofMalformed),
            (format!("{good}.x"), Reason::DpopProofMalformed),
            (format!("{good}, {good}"), Reason::DpopProofMalformed),
            (format!("{good}{}", "A".repeat(LONGEST)), Reason::DpopProofMalformed),
            (format!("{start}."), Reason::DpopProofSignatureInvalid),
            (format!("{start}.{}", "A".repeat(86)), Reason::DpopProofSignatureInvalid),
        ] {
            assert_eq!(verify_proof(&proof, &expected(), now()), Err(reason), "{proof}");
        }
    }

    #[test]
    fn rfc9449_4_3_what_is_no_part_of_the_checks_does_not_matter() {
        let (holder, other) = (Holder::new(), Holder::new());
        let good = holder.sign(&head(&holder), &claims());
        let found = verify_proof(&good, &expected(), now()).unwrap();
        for (name, member) in [
            ("htu", json!("HTTPS://ID.example.com:443/token?x#y")),
            ("iat", json!(NOW - 60)),
            ("iat", json!(NOW + 60)),
            ("iat", json!(1_800_000_000.5)),
            ("nbf", json!(NOW + 10)),
            ("exp", json!(NOW + 10)),
            ("extra", json!({ "a": 1 })),
            ("nonce", json!("of somebody else")),
        ] {
            let proof = holder.sign(&head(&holder), &with(claims(), name, member.clone()));
            assert_eq!(verify_proof(&proof, &expected(), now()), Ok(found.clone()), "{name}");
        }
        let next = holder.sign(&head(&holder), &with(claims(), "jti", json!("2")));
        let next = verify_proof(&next, &expected(), now()).unwrap();
        assert_eq!((&next.key, next.once == found.once), (&found.key, false));
        let theirs = other.sign(&head(&other), &claims());
        let theirs = verify_proof(&theirs, &expected(), now()).unwrap();
        assert!(theirs.key != found.key && theirs.once != found.once);
    }

    #[test]
    fn the_key_of_a_header_is_remembered_once_it_has_signed_and_proves_nothing_by_itself() {
        let (holder, other) = (Holder::new(), Holder::new());
        let known = KnownKeys::default();
        let expected = Expected { known: &known, ..expected() };
        let verified = |proof: &str| verify_proof(proof, &expected, now());
        let forged = other.sign(&head(&holder), &claims());
        assert_eq!(verified(&forged), Err(Reason::DpopProofSignatureInvalid));
        assert_eq!(known.0.len(), 0);
        let first = verified(&holder.sign(&head(&holder), &claims())).unwrap();
        assert_eq!(known.0.len(), 1);
        let next = holder.sign(&head(&holder), &with(claims(), "jti", json!("2")));
        assert_eq!(verified(&next).unwrap().key, first.key);
        assert_eq!(verified(&forged), Err(Reason::DpopProofSignatureInvalid));
        let theirs = verified(&other.sign(&head(&other), &claims())).unwrap();
        assert!(theirs.key != first.key);
        assert_eq!(known.0.len(), 2);
        let long = with(head(&holder), "more", json!("x".repeat(LONGEST_REMEMBERED)));
        assert_eq!(verified(&holder.sign(&long, &claims())).unwrap().key, first.key);
        assert_eq!(known.0.len(), 2);
    }

    #[test]
    fn rfc9449_4_2_ed25519_and_rsa_keys_prove_as_well() {
        let ed = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({
            "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(ed.public_key().as_ref()),
        });
        let signed_text =
            signed(&json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk }), &claims());
        let signature = URL_SAFE_NO_PAD.encode(ed.sign(signed_text.as_bytes()).as_ref());
        assert!(
            verify_proof(&format!("{signed_text}.{signature}"), &expected(), now()).is_ok(),
            "EdDSA"
        );
        let made = make::generate(TokenAlg::Rs256, 2048).unwrap();
        let rsa = PrivateKey::parse(TokenAlg::Rs256, made.private.expose()).unwrap();
        let jwk = serde_json::to_value(&made.public_jwk).unwrap();
        let signed_text =
            signed(&json!({ "typ": "dpop+jwt", "alg": "PS256", "jwk": jwk }), &claims());
        let signature = rsa.signature_by("PS256", signed_text.as_bytes()).unwrap();
        let proof = format!("{signed_text}.{}", URL_SAFE_NO_PAD.encode(signature));
        let found = verify_proof(&proof, &expected(), now()).unwrap();
        assert_eq!(found.key.as_str(), made.kid);
    }

    #[test]
    fn rfc9449_8_a_nonce_is_ours_and_of_this_minute() {
        let master = MasterKey::generate();
        let (key, replica) = (NonceKey::new(&master).unwrap(), NonceKey::new(&master).unwrap());
        let stranger = NonceKey::new(&MasterKey::generate()).unwrap();
        let nonce = key.nonce(now());
        for (seconds, is_good) in [(0, true), (60, true), (-60, true), (61, false), (-61, false)] {
            let then = from_millis((NOW + seconds) * 1000);
            assert_eq!(replica.made(&nonce, then), is_good, "{seconds}");
        }
        assert!(!stranger.made(&nonce, now()));
        for bad in ["", "!", &nonce[1..], &format!("{nonce}AAAA"), &"A".repeat(32)] {
            assert!(!key.made(bad, now()), "{bad}");
        }
        let holder = Holder::new();
        let asking = Expected { nonces: Some(&key), ..expected() };
        let prove = |nonce: Value, iat: i64| {
            let claims = with(with(claims(), "nonce", nonce), "iat", json!(iat));
            verify_proof(&holder.sign(&head(&holder), &claims), &asking, now()).map(drop)
        };
        assert_eq!(prove(json!(nonce), NOW), Ok(()));
        // §11.1: the nonce says what time it is.
        assert_eq!(prove(json!(nonce), NOW - 3600), Ok(()));
        for old in [Value::Null, json!("mine"), json!(key.nonce(from_millis((NOW - 61) * 1000)))] {
            assert_eq!(prove(old, NOW), Err(Reason::DpopNonceNeeded));
        }
    }
}
