//! How much of the speed of aws-lc is left: `cargo bench -p mapae-verify`.
//!
//! On two threads, a verifier with fresh keys and a fresh status list takes an access token as mapae
//! issues it (RS256, 2048 bits), and aws-lc verifies the same signature with nothing around it. Both
//! take turns, so that a change of the machine meets both.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response};
use mapae_verify::{Fetch, FetchError, Fetching, Presented, Verifier};
use serde_json::{Value, json};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com";
const THREADS: usize = 2;
const ROUNDS: usize = 10;
const SPAN: Duration = Duration::from_millis(300);

/// An issuer without a network.
struct Issuer(Vec<(String, Vec<u8>)>);

impl Fetch for Issuer {
    fn fetch(&self, request: Request<Vec<u8>>) -> Fetching {
        let url = request.uri().to_string();
        let found = self.0.iter().find(|(known, _)| *known == url);
        let answer = found.map(|(_, body)| Response::new(body.clone()));
        Box::pin(async move { answer.ok_or(FetchError(url)) })
    }
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(key: &KeyPair, typ: &str, claims: &Value) -> String {
    let header =
        json!({ "typ": typ, "alg": "RS256", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" });
    let input = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature).expect("signed");
    format!("{input}.{}", part(signature))
}

/// A verifier that has all it needs, and a token.
async fn prepared(key: &KeyPair) -> (Verifier, String) {
    let public = key.public_key();
    let jwk = json!({
        "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "n": part(public.modulus().big_endian_without_leading_zero()),
        "e": part(public.exponent().big_endian_without_leading_zero()),
    });
    let list = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 1 << 17], 9);
    let uri = format!("{ISSUER}/status/1");
    let list = json!({
        "sub": uri, "iat": 1, "exp": 4_000_000_000_i64, "ttl": 3600,
        "status_list": { "bits": 1, "lst": part(list) },
    });
    let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") });
    let issuer = Issuer(vec![
        (format!("{ISSUER}/.well-known/openid-configuration"), metadata.to_string().into()),
        (format!("{ISSUER}/jwks"), json!({ "keys": [jwk] }).to_string().into()),
        (uri.clone(), signed(key, "statuslist+jwt", &list).into()),
    ]);
    let token = json!({
        "iss": ISSUER, "sub": "0197d2b0-6f0e-7b6a-a7c5-1f8e2d3c4b5a", "aud": AUDIENCE,
        "exp": 4_000_000_000_i64, "nbf": 1_700_000_000, "iat": 1_700_000_000,
        "jti": "0197d2b0-6f0e-7b6a-a7c5-1f8e2d3c4b5b", "client_id": "app",
        "scope": "openid profile email", "sid": "0197d2b0-6f0e-7b6a-a7c5-1f8e2d3c4b5c",
        "auth_time": 1_700_000_000, "acr": "1", "amr": ["pwd"],
        "status": { "status_list": { "idx": 777_777, "uri": uri } },
    });
    let token = signed(key, "at+jwt", &token);
    let verifier = Verifier::builder(ISSUER, AUDIENCE).fetch(issuer).build().expect("a verifier");
    verifier.verify(Presented::bearer(&token)).await.expect("a good token");
    (verifier, token)
}

/// How many times a second this can be done on all threads together.
fn rate(work: impl Fn() + Sync) -> f64 {
    let begin = Instant::now();
    let count: u32 = std::thread::scope(|scope| {
        let one = || {
            let mut count = 0;
            while begin.elapsed() < SPAN {
                for _ in 0..100 {
                    work();
                }
                count += 100;
            }
            count
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    f64::from(count) / begin.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let (verifier, token) = prepared(&key).await;
    let (input, signature) = token.rsplit_once('.').expect("a token");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let der = key.public_key().as_der().expect("DER");
    let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref()).expect("a key");
    let bare = || public.verify_sig(black_box(input).as_bytes(), &signature).expect("good");
    let whole = || {
        let mut verifying = std::pin::pin!(verifier.verify(Presented::bearer(black_box(&token))));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let done = verifying.as_mut().poll(&mut context);
        assert!(matches!(done, std::task::Poll::Ready(Ok(_))), "it waits for nothing");
    };
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (bare, whole) = (rate(bare), rate(whole));
        println!("aws-lc {bare:9.0}/s   mapae-verify {whole:9.0}/s   ratio {:.3}", whole / bare);
        ratios.push(whole / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio on {THREADS} threads: {:.3}", ratios[ROUNDS / 2]);
}
