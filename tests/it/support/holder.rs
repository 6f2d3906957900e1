//! The holder of a key who proves it with each request, RFC 9449.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapae_verify::{Fetch, FetchError, Fetching};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{App, Reply, form};

/// A key, and the clock by which its proofs are made.
pub(crate) struct Holder {
    key: EcdsaKeyPair,
    now: mapae::domain::clock::Clock,
}

impl Holder {
    pub(crate) fn new(now: &mapae::domain::clock::Clock) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { key, now: now.clone() }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "x": part(&point[1..33]), "y": part(&point[33..]) })
    }

    /// The thumbprint of the key, RFC 7638.
    pub(crate) fn jkt(&self) -> String {
        let jwk = self.jwk();
        let member = |name: &str| jwk[name].as_str().expect("a text").to_owned();
        let canonical =
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, member("x"), member("y"));
        URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
    }

    /// A proof for a request. `changes` replaces or adds claims; `null` leaves one out.
    pub(crate) fn prove(&self, method: &str, url: &str, changes: &Value) -> String {
        let mut claims = json!({
            "jti": uuid::Uuid::new_v4().to_string(), "htm": method, "htu": url,
            "iat": self.now.now().timestamp(),
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        let head = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() });
        self.sign(&head, &claims)
    }

    pub(crate) fn sign(&self, head: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token request of this app with a proof.
    pub(crate) async fn token(&self, app: &App, fields: &[(&str, &str)]) -> Reply {
        self.token_with(app, fields, &json!({})).await
    }

    /// The same with other claims in the proof.
    pub(crate) async fn token_with(
        &self,
        app: &App,
        fields: &[(&str, &str)],
        changes: &Value,
    ) -> Reply {
        let proof = self.prove("POST", &format!("{}/token", app.base), changes);
        token_by(app, fields, &[&proof]).await
    }

    pub(crate) async fn password(&self, app: &App, scope: &str) -> Reply {
        let fields = [
            ("grant_type", "password"),
            ("username", super::USERNAME),
            ("password", super::PASSWORD),
            ("scope", scope),
        ];
        self.token(app, &fields).await
    }

    pub(crate) async fn refresh(&self, app: &App, token: &str) -> Reply {
        self.token(app, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A request of this app to the challenge endpoint with a proof.
    pub(crate) async fn challenge(&self, app: &App, fields: &[(&str, &str)]) -> Reply {
        let path = "/authorize-challenge";
        let proof = self.prove("POST", &format!("{}{path}", app.base), &json!({}));
        post_by(app, path, fields, &[&proof]).await
    }

    /// Userinfo with a proof for this access token.
    pub(crate) async fn userinfo(&self, app: &App, token: &str) -> Reply {
        self.userinfo_with(app, token, &json!({})).await
    }

    /// The same with other claims in the proof.
    pub(crate) async fn userinfo_with(&self, app: &App, token: &str, changes: &Value) -> Reply {
        let mut claims = json!({ "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)) });
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let proof = self.prove("GET", &format!("{}/userinfo", app.base), &claims);
        userinfo_by(app, "DPoP", token, &[&proof]).await
    }
}

/// A token request with these headers `DPoP`.
pub(crate) async fn token_by(app: &App, fields: &[(&str, &str)], proofs: &[&str]) -> Reply {
    post_by(app, "/token", fields, proofs).await
}

async fn post_by(app: &App, path: &str, fields: &[(&str, &str)], proofs: &[&str]) -> Reply {
    let mut fields = fields.to_vec();
    let mut request = app.http.post(format!("{}{path}", app.base));
    match &app.secret {
        Some(secret) => request = request.basic_auth(&app.id, Some(secret)),
        None => fields.push(("client_id", &app.id)),
    }
    for proof in proofs {
        request = request.header("DPoP", *proof);
    }
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form(&fields)).send().await.expect("an answer")).await
}

/// Userinfo by this scheme, with these headers `DPoP`.
pub(crate) async fn userinfo_by(app: &App, scheme: &str, token: &str, proofs: &[&str]) -> Reply {
    let mut request = app.http.get(format!("{}/userinfo", app.base));
    request = request.header("authorization", format!("{scheme} {token}"));
    for proof in proofs {
        request = request.header("DPoP", *proof);
    }
    Reply::of(request.send().await.expect("an answer")).await
}

/// Fetches the keys of a server.
pub(crate) struct Network(pub(crate) reqwest::Client);

impl Fetch for Network {
    fn fetch(&self, request: http::Request<Vec<u8>>) -> Fetching {
        let asked = self.0.get(request.uri().to_string()).send();
        Box::pin(async move {
            let answer = asked.await.expect("an answer");
            let status = answer.status();
            let mut response = http::Response::new(answer.bytes().await.expect("a body").to_vec());
            *response.status_mut() = status;
            Ok::<_, FetchError>(response)
        })
    }
}
