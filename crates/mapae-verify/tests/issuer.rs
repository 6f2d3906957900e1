//! What a verifier fetches and when, against an issuer without a network and a clock that is moved.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, Response, StatusCode};
use mapae_verify::{Fetch, FetchError, Fetching, Presented, Refusal, Token, Verifier};
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com";
const BEGIN: i64 = 1_700_000_000;

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs by ES256.
struct Signer {
    kid: &'static str,
    key: EcdsaKeyPair,
}

impl Signer {
    fn new(kid: &'static str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid, key }
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (part(&point[1..33]), part(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": x, "y": y })
    }

    fn signs(&self, typ: &str, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": typ, "kid": self.kid });
        let input = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", part(signature))
    }

    fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "p", "aud": AUDIENCE, "exp": BEGIN + 1_000_000, "iat": BEGIN,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.signs("at+jwt", &claims)
    }

    fn list(&self, uri: &str, byte: u8, now: i64) -> String {
        let lst = part(miniz_oxide::deflate::compress_to_vec_zlib(&[byte], 9));
        let list = json!({ "bits": 1, "lst": lst });
        let claims =
            json!({ "sub": uri, "iat": now, "exp": now + 60, "ttl": 15, "status_list": list });
        self.signs("statuslist+jwt", &claims)
    }
}

/// Paths with their answers, and how often each was asked for. Without an answer it is down.
#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<HashMap<String, (u16, String)>>>, Arc<Mutex<Vec<String>>>);

impl Issuer {
    fn of(signers: &[&Signer]) -> Self {
        let issuer = Self::default();
        let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") });
        issuer.serve("/.well-known/openid-configuration", metadata.to_string());
        issuer.publish(signers);
        issuer
    }

    fn serve(&self, path: &str, body: impl Into<String>) {
        self.0.lock().unwrap().insert(path.to_owned(), (200, body.into()));
    }

    fn answer(&self, path: &str, status: u16) {
        self.0.lock().unwrap().insert(path.to_owned(), (status, String::new()));
    }

    fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        self.serve("/jwks", json!({ "keys": keys }).to_string());
    }

    fn goes_down(&self) {
        self.0.lock().unwrap().clear();
    }

    fn asked(&self, path: &str) -> usize {
        self.1.lock().unwrap().iter().filter(|one| *one == path).count()
    }

    fn verifier(&self) -> Verifier {
        let begin = Instant::now();
        let seconds = move || i64::try_from(begin.elapsed().as_secs()).unwrap();
        let verifier = Verifier::builder(ISSUER, AUDIENCE).fetch(self.clone());
        verifier.clock(move || BEGIN + seconds()).build().unwrap()
    }
}

impl Fetch for Issuer {
    fn fetch(&self, request: Request<Vec<u8>>) -> Fetching {
        let target = request.uri().path_and_query().unwrap().as_str().to_owned();
        let found = self.0.lock().unwrap().get(&target).cloned();
        self.1.lock().unwrap().push(target);
        Box::pin(async move {
            let (status, body) = found.ok_or_else(|| FetchError("it is down".to_owned()))?;
            let mut answer = Response::new(body.into_bytes());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            let fresh = HeaderValue::from_static("public, max-age=3600");
            answer.headers_mut().insert("cache-control", fresh);
            Ok(answer)
        })
    }
}

async fn ask(verifier: &Verifier, token: &str) -> Result<Token, Refusal> {
    verifier.verify(Presented::bearer(token)).await
}

async fn seconds(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

/// Lets tasks in the background run.
async fn settled() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_looked_for_once_in_a_cool_down() {
    let (first, next) = (Signer::new("first"), Signer::new("next"));
    let issuer = Issuer::of(&[&first]);
    let verifier = issuer.verifier();
    let (old, new) = (first.token(&json!({})), next.token(&json!({})));
    ask(&verifier, &old).await.unwrap();
    assert_eq!(issuer.asked("/jwks"), 1);
    for _ in 0..100 {
        assert_eq!(ask(&verifier, &new).await.unwrap_err(), Refusal::UnknownKey);
    }
    assert_eq!(issuer.asked("/jwks"), 1);
    issuer.publish(&[&first, &next]);
    seconds(5).await;
    ask(&verifier, &new).await.unwrap();
    ask(&verifier, &old).await.unwrap();
    assert_eq!(issuer.asked("/jwks"), 2);
    assert_eq!(issuer.asked("/.well-known/openid-configuration"), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_are_kept_as_long_as_they_say_and_used_longer_while_the_issuer_is_down() {
    let (first, next) = (Signer::new("first"), Signer::new("next"));
    let issuer = Issuer::of(&[&first]);
    let verifier = issuer.verifier();
    let token = first.token(&json!({}));
    ask(&verifier, &token).await.unwrap();
    seconds(3599).await;
    ask(&verifier, &token).await.unwrap();
    settled().await;
    assert_eq!(issuer.asked("/jwks"), 1);
    // Too old: the request does not wait, and the keys are renewed behind it.
    seconds(1).await;
    ask(&verifier, &token).await.unwrap();
    settled().await;
    assert_eq!(issuer.asked("/jwks"), 2);
    issuer.goes_down();
    seconds(3600 + 23 * 3600).await;
    ask(&verifier, &token).await.unwrap();
    // Whether the issuer has that key cannot be known now.
    assert_eq!(ask(&verifier, &next.token(&json!({}))).await.unwrap_err(), Refusal::Unavailable);
    settled().await;
    let asked = issuer.asked("/jwks");
    for _ in 0..100 {
        ask(&verifier, &token).await.unwrap();
        settled().await;
    }
    assert!(issuer.asked("/jwks") <= asked + 1, "it is not asked without a pause");
    seconds(3600).await;
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_verifier_begins_while_the_issuer_is_down() {
    let signer = Signer::new("first");
    let issuer = Issuer::default();
    let verifier = issuer.verifier();
    let token = signer.token(&json!({}));
    verifier.ready().await.unwrap_err();
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Unavailable);
    let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") });
    issuer.serve("/.well-known/openid-configuration", metadata.to_string());
    issuer.publish(&[&signer]);
    seconds(1).await;
    ask(&verifier, &token).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_description_of_another_issuer_brings_no_keys() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let other = json!({ "issuer": "https://evil.example", "jwks_uri": format!("{ISSUER}/jwks") });
    issuer.serve("/.well-known/openid-configuration", other.to_string());
    let verifier = issuer.verifier();
    let refused = ask(&verifier, &signer.token(&json!({}))).await.unwrap_err();
    assert_eq!((refused, issuer.asked("/jwks")), (Refusal::Unavailable, 0));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_refused_when_its_list_is_due() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let uri = format!("{ISSUER}/status/1");
    issuer.serve("/status/1", signer.list(&uri, 0, BEGIN));
    let verifier = issuer.verifier();
    let status = json!({ "status": { "status_list": { "idx": 3, "uri": uri } } });
    let token = signer.token(&status);
    ask(&verifier, &token).await.unwrap();
    issuer.serve("/status/1", signer.list(&uri, 0b1000, BEGIN));
    seconds(14).await;
    ask(&verifier, &token).await.unwrap();
    assert_eq!(issuer.asked("/status/1"), 1);
    seconds(1).await;
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Revoked);
    assert_eq!(issuer.asked("/status/1"), 2);
}

/// Two replicas answer in turn, and their clocks differ by most of the `ttl`.
#[tokio::test(start_paused = true)]
async fn a_list_of_a_replica_whose_clock_is_behind_tells_what_was_revoked() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let uri = format!("{ISSUER}/status/1");
    let at =
        |idx: u8| signer.token(&json!({ "status": { "status_list": { "idx": idx, "uri": uri } } }));
    let (revoked_before, revoked_now) = (at(0), at(3));
    issuer.serve("/status/1", signer.list(&uri, 0b0001, BEGIN + 14));
    let verifier = issuer.verifier();
    ask(&verifier, &revoked_now).await.unwrap();
    assert_eq!(ask(&verifier, &revoked_before).await.unwrap_err(), Refusal::Revoked);
    seconds(15).await;
    issuer.serve("/status/1", signer.list(&uri, 0b1001, BEGIN));
    assert_eq!(ask(&verifier, &revoked_now).await.unwrap_err(), Refusal::Revoked);
    // An old copy takes nothing back.
    seconds(15).await;
    issuer.serve("/status/1", signer.list(&uri, 0, BEGIN));
    for token in [&revoked_before, &revoked_now] {
        assert_eq!(ask(&verifier, token).await.unwrap_err(), Refusal::Revoked);
    }
    assert_eq!(issuer.asked("/status/1"), 3);
    // One that was made later counts alone.
    seconds(15).await;
    issuer.serve("/status/1", signer.list(&uri, 0b0001, BEGIN + 45));
    ask(&verifier, &revoked_now).await.unwrap();
    assert_eq!(ask(&verifier, &revoked_before).await.unwrap_err(), Refusal::Revoked);
}

/// An issuer whose lists arrive so long after they were made.
struct Slow(Issuer, Duration);

impl Fetch for Slow {
    fn fetch(&self, request: Request<Vec<u8>>) -> Fetching {
        let is_list = request.uri().path().starts_with("/status/");
        let (answer, late) = (self.0.fetch(request), if is_list { self.1 } else { Duration::ZERO });
        Box::pin(async move {
            tokio::time::sleep(late).await;
            answer.await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_arrives_late_is_due_as_early() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let uri = format!("{ISSUER}/status/1");
    issuer.serve("/status/1", signer.list(&uri, 0, BEGIN));
    let slow = Slow(issuer.clone(), Duration::from_secs(4));
    let verifier = Verifier::builder(ISSUER, AUDIENCE).fetch(slow).clock(|| BEGIN);
    let verifier = verifier.build().unwrap();
    let status = json!({ "status": { "status_list": { "idx": 3, "uri": uri } } });
    let token = signer.token(&status);
    ask(&verifier, &token).await.unwrap();
    issuer.serve("/status/1", signer.list(&uri, 0b1000, BEGIN));
    seconds(10).await;
    ask(&verifier, &token).await.unwrap();
    seconds(1).await;
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Revoked);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_used_until_it_expires_while_the_issuer_is_down() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let uri = format!("{ISSUER}/status/1");
    issuer.serve("/status/1", signer.list(&uri, 0, BEGIN));
    let verifier = issuer.verifier();
    let at = |idx: u8, uri: &str| {
        signer.token(&json!({ "status": { "status_list": { "idx": idx, "uri": uri } } }))
    };
    let token = at(3, &uri);
    ask(&verifier, &token).await.unwrap();
    assert_eq!(ask(&verifier, &at(8, &uri)).await.unwrap_err(), Refusal::UnknownStatus);
    issuer.goes_down();
    seconds(59).await;
    ask(&verifier, &token).await.unwrap();
    seconds(1).await;
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Unavailable);
    // One that the issuer does not have is another matter.
    issuer.answer("/status/2", 404);
    let gone = at(0, &format!("{ISSUER}/status/2"));
    assert_eq!(ask(&verifier, &gone).await.unwrap_err(), Refusal::UnknownStatus);
    let other_kind = signer.token(&json!({ "status": { "other": 1 } }));
    assert_eq!(ask(&verifier, &other_kind).await.unwrap_err(), Refusal::UnknownStatus);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_nothing_unless_the_issuer_signed_it_for_this_address() {
    let (signer, stranger) = (Signer::new("first"), Signer::new("first"));
    let issuer = Issuer::of(&[&signer]);
    let uri = format!("{ISSUER}/status/1");
    let token = signer.token(&json!({ "status": { "status_list": { "idx": 3, "uri": uri } } }));
    for list in [
        stranger.list(&uri, 0, BEGIN),
        signer.list(&format!("{ISSUER}/status/2"), 0, BEGIN),
        signer.list(&uri, 0, BEGIN - 60),
        signer.token(&json!({})),
        "nonsense".to_owned(),
    ] {
        issuer.serve("/status/1", list);
        let verifier = issuer.verifier();
        assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Unavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_are_renewed_before_a_request_needs_them_and_forgotten_when_none_does() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let uri = format!("{ISSUER}/status/1");
    issuer.serve("/status/1", signer.list(&uri, 0, BEGIN));
    let verifier = issuer.verifier();
    verifier.follow();
    let token = signer.token(&json!({ "status": { "status_list": { "idx": 3, "uri": uri } } }));
    ask(&verifier, &token).await.unwrap();
    for _ in 0..15 {
        seconds(1).await;
        settled().await;
    }
    assert_eq!(issuer.asked("/status/1"), 2);
    ask(&verifier, &token).await.unwrap();
    assert_eq!(issuer.asked("/status/1"), 2, "the request found a fresh one");
    for _ in 0..120 {
        seconds(1).await;
        settled().await;
    }
    let asked = issuer.asked("/status/1");
    for _ in 0..120 {
        seconds(1).await;
        settled().await;
    }
    assert_eq!(issuer.asked("/status/1"), asked);
}

#[tokio::test(start_paused = true)]
async fn the_feed_is_followed_and_begins_again_where_its_cursor_is_too_old() {
    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    issuer.serve("/revocations", r#"{"events":[],"next":"a b"}"#);
    let revoked = json!({ "kind": "sid", "value": "s", "exp": BEGIN + 900 });
    let page = json!({ "events": [revoked], "next": "c" });
    let verifier = issuer.verifier();
    let token = signer.token(&json!({ "sid": "s" }));
    ask(&verifier, &token).await.unwrap();
    let logins = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&logins);
    verifier.follow_feed(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(HeaderValue::from_static("Bearer x")))
    });
    settled().await;
    ask(&verifier, &token).await.unwrap();
    issuer.serve("/revocations?after=a%20b&wait=30", page.to_string());
    for _ in 0..40 {
        seconds(1).await;
        settled().await;
    }
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Revoked);
    assert!(issuer.asked("/revocations?after=c&wait=30") > 0);
    let begun = issuer.asked("/revocations");
    issuer.answer("/revocations?after=c&wait=30", 410);
    for _ in 0..40 {
        seconds(1).await;
        settled().await;
        issuer.0.lock().unwrap().remove("/revocations?after=a%20b&wait=30");
    }
    assert!(issuer.asked("/revocations") > begun, "it begins without a cursor");
    // What was revoked stays so.
    assert_eq!(ask(&verifier, &token).await.unwrap_err(), Refusal::Revoked);
    assert!(logins.load(Ordering::Relaxed) > 1);
}

#[cfg(feature = "tower")]
#[tokio::test(start_paused = true)]
async fn a_layer_lets_good_tokens_through_and_answers_the_others() {
    use mapae_verify::Requirement;
    use tower::{Layer, ServiceExt, service_fn};

    let signer = Signer::new("first");
    let issuer = Issuer::of(&[&signer]);
    let me = async |request: Request<()>| {
        let token = request.extensions().get::<Token>().unwrap();
        Ok::<_, std::convert::Infallible>(Response::new(token.sub.clone()))
    };
    let layer = issuer.verifier().layer_requiring(Requirement::scope("read"));
    let service = layer.layer(service_fn(me));
    let good = signer.token(&json!({ "scope": "read" }));
    for (token, status, challenge) in [
        (None, 401, "Bearer"),
        (Some(signer.token(&json!({}))), 403, "Bearer error=\"insufficient_scope\""),
        (Some("x".to_owned()), 401, "Bearer error=\"invalid_token\""),
        (Some(good), 200, ""),
    ] {
        let mut request = Request::new(());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let told = answer.headers().get("www-authenticate").map_or("", |it| it.to_str().unwrap());
        assert!(told.starts_with(challenge), "{told}");
        assert_eq!(answer.body(), if status == 200 { "p" } else { "" });
    }
}
