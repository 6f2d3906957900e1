//! What a proof of possession costs: a refresh whose access token is bound to a key, beside a plain one.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};

use crate::load::{Answer, Ask, Refresh};
use crate::operations::Bench;
use crate::report::{Row, Target};
use crate::site::{APP_RS256, Site};
use crate::turns::Side;

const CONNECTIONS: usize = 32;

/// The holder of a key.
struct Prover {
    key: EcdsaKeyPair,
    head: String,
    url: String,
}

impl Prover {
    fn new(url: String) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = key.public_key().as_ref();
        let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let head = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        Self { key, head: encoded(head.to_string().as_bytes()), url }
    }

    fn proof(&self) -> String {
        let claims: Value = json!({
            "jti": uuid::Uuid::new_v4().to_string(), "htm": "POST", "htu": self.url,
            "iat": Utc::now().timestamp(),
        });
        let signed = format!("{}.{}", self.head, encoded(claims.to_string().as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encoded(signature.as_ref()))
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A refresh that makes a proof, and sends it or not: making it costs the load the same either way.
struct Proving {
    refresh: Refresh,
    head: Arc<str>,
    prover: Arc<Prover>,
    sends: bool,
}

impl Ask for Proving {
    fn write(&mut self, request: &mut Vec<u8>) {
        let proof = self.prover.proof();
        if self.sends {
            self.refresh.head = format!("{}dpop: {proof}\r\n", self.head).into();
        }
        self.refresh.write(request);
    }

    fn read(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        self.refresh.read(answer)
    }
}

impl Bench {
    /// A refresh with a proof beside one without.
    pub(crate) async fn proofs(&mut self, site: &Site, database: &str) {
        let name = format!("refresh, DPoP{database}");
        if !self.wants(&name) {
            return;
        }
        let prover = Arc::new(Prover::new(format!("{}/token", site.home.issuer())));
        let asks = async |sends: bool| {
            let families = site.refreshes(APP_RS256, "profile", CONNECTIONS).await;
            let proving = |refresh: Refresh| {
                let head = Arc::clone(&refresh.head);
                let prover = Arc::clone(&prover);
                Box::new(Proving { refresh, head, prover, sends }) as Box<dyn Ask>
            };
            families.into_iter().map(proving).collect::<Vec<_>>()
        };
        let (plain, bound) = (asks(false).await, asks(true).await);
        let [plain, bound] = [plain, bound].map(|asks| Side::new(site.server.target, asks));
        let outcome = self.rate_beside(&name, "the same without a proof", plain, bound).await;
        let by_disk = Some(self.rotations_by_disk(CONNECTIONS));
        self.report.add(Row {
            operation: name,
            connections: Some(CONNECTIONS),
            outcome,
            by_disk,
            target: Some(Target::AtLeast(0.85)),
        });
    }
}
