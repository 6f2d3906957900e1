//! Tests that the stubs of providers do what they claim.

mod defects;
mod honest;
mod vendors;

use reqwest::RequestBuilder;
use serde_json::Value;

use super::{CLIENT_ID, CLIENT_SECRET};
use crate::support::{CALLBACK, CHALLENGE, Reply, VERIFIER, form, http};

fn request(base: &str, path: &str, scope: &str) -> String {
    let fields = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", CALLBACK),
        ("scope", scope),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    format!("{base}{path}?{}", form(&fields))
}

fn exchange(url: &str, code: &str, changes: &[(&str, &str)]) -> RequestBuilder {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ];
    let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    let fields: Vec<_> = kept.chain(changes).copied().collect();
    let kind = "application/x-www-form-urlencoded";
    http().post(url).header("content-type", kind).body(form(&fields))
}

async fn reply(request: RequestBuilder) -> Reply {
    Reply::of(request.send().await.expect("an answer")).await
}

async fn get(url: &str, token: &str) -> (u16, Value) {
    let reply = reply(http().get(url).bearer_auth(token).header("user-agent", "mapae")).await;
    (reply.status.as_u16(), reply.json())
}
