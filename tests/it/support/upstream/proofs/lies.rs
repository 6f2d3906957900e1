//! That a lie is one and the only one: a lie that is none would prove nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::super::openid::at_hash;
use super::super::signer::mac;
use super::super::{CLIENT_ID, CLIENT_SECRET, Evil, Lie};
use super::{exchange, request};
use crate::support::{Reply, decode_claims, decode_header, http};

/// What an app hears in one sign-in, by its place; instants in minutes from now, and what differs
/// each time by whether it is right.
type Heard = BTreeMap<String, Value>;

/// The answer, or nothing.
async fn answer(request: RequestBuilder) -> Option<Reply> {
    let answer = tokio::time::timeout(Duration::from_secs(1), request.send()).await.ok()?;
    Some(Reply::of(answer.expect("an answer")).await)
}

/// Every member of a JSON body by its name; otherwise what kind of answer it is.
fn hear(heard: &mut Heard, place: &str, reply: Option<&Reply>) {
    let Some(reply) = reply else {
        heard.insert(place.to_owned(), json!("nothing"));
        return;
    };
    if reply.text.len() > 1024 * 1024 {
        heard.insert(format!("{place}.megabytes"), json!(reply.text.len() / 1024 / 1024));
    }
    match serde_json::from_str(&reply.text) {
        Ok(Value::Object(members)) if reply.status == 200 => {
            heard.extend(
                members.into_iter().map(|(name, value)| (format!("{place}.{name}"), value)),
            );
        }
        _ => {
            let encoding = reply.header("content-encoding");
            let kind = format!("{} {encoding}", reply.status.as_u16());
            heard.insert(place.to_owned(), json!(kind.trim()));
        }
    }
}

async fn sign_in(evil: &Evil) -> (Heard, String) {
    let mut heard = Heard::new();
    let get = |path: &str| http().get(evil.url(path));
    let discovery = answer(get("/.well-known/openid-configuration")).await;
    hear(&mut heard, "discovery", discovery.as_ref());
    let callback = evil.approve(&request(evil.base(), "/authorize", "openid profile email"));
    for name in callback.fields.names().into_iter().filter(|name| *name != "code") {
        heard.insert(format!("callback.{name}"), json!(callback.get(name)));
    }
    let token = answer(exchange(&evil.url("/token"), callback.get("code"), &[])).await;
    hear(&mut heard, "token", token.as_ref());
    hear(&mut heard, "jwks", answer(get("/jwks")).await.as_ref());
    let access_token = heard.remove("token.access_token").unwrap_or_default();
    let Some(access_token) = access_token.as_str() else { return (heard, String::new()) };
    let userinfo = answer(get("/userinfo").bearer_auth(access_token)).await;
    hear(&mut heard, "userinfo", userinfo.as_ref());
    let id_token = heard.remove("token.id_token").unwrap_or_default();
    let Some(id_token) = id_token.as_str() else { return (heard, String::new()) };
    for (place, value) in [("header", decode_header(id_token)), ("claims", decode_claims(id_token))]
    {
        for (name, value) in value.as_object().expect("an object") {
            let value = match name.as_str() {
                "at_hash" => json!(*value == at_hash(access_token)),
                "iat" | "exp" => json!((value.as_i64().expect("a number") - evil.now() + 30) / 60),
                "kid" => json!(*value == evil.signer().kid.as_str()),
                "jwk" | "jku" | "x5u" => json!("some"),
                _ => value.clone(),
            };
            heard.insert(format!("{place}.{name}"), value);
        }
    }
    let signed = evil.keys().iter().any(|key| key.has_signed(id_token));
    heard.insert("signed".to_owned(), json!(signed));
    (heard, id_token.to_owned())
}

/// What differs from the truth.
fn difference(truth: &Heard, heard: &Heard) -> Vec<(String, Value)> {
    let mut places: Vec<_> = truth.keys().chain(heard.keys()).collect();
    places.sort_unstable();
    places.dedup();
    let differ = places.into_iter().filter(|place| truth.get(*place) != heard.get(*place));
    // Keys are long, and compared below.
    let told = |place: &String| match place.as_str() {
        "jwks.keys" => json!("others"),
        _ => heard.get(place).cloned().unwrap_or_default(),
    };
    differ.map(|place| (place.clone(), told(place))).collect()
}

fn expected(lie: Lie) -> Value {
    match lie {
        Lie::IssOfAnother => json!({ "claims.iss": "https://another.example" }),
        Lie::AudOfAnother => json!({ "claims.aud": "another-app" }),
        Lie::AudOfMany => json!({ "claims.aud": [CLIENT_ID, "another-app"] }),
        Lie::AzpOfAnother => json!({ "claims.azp": "another-app" }),
        Lie::NonceWrong => json!({ "claims.nonce": "another-nonce" }),
        Lie::NonceMissing => json!({ "claims.nonce": null }),
        Lie::Expired => json!({ "claims.exp": -59 }),
        Lie::IatAhead => json!({ "claims.iat": 10 }),
        Lie::SubEmpty => json!({ "claims.sub": "" }),
        Lie::SubMissing => json!({ "claims.sub": null }),
        Lie::AtHashWrong => json!({ "claims.at_hash": false }),
        Lie::EmailVerifiedMissing => verified(&Value::Null),
        Lie::EmailVerifiedFalse => verified(&json!(false)),
        Lie::EmailVerifiedText => verified(&json!("true")),
        Lie::EmailVerifiedNumber => verified(&json!(1)),
        Lie::SignatureBroken | Lie::SignatureEmpty | Lie::SignedByAnother => {
            json!({ "signed": false })
        }
        Lie::JwkEmbedded => json!({ "header.jwk": "some", "signed": false }),
        Lie::Jku => json!({ "header.jku": "some", "signed": false }),
        Lie::X5u => json!({ "header.x5u": "some", "signed": false }),
        Lie::AlgNone => json!({ "header.alg": "none", "signed": false }),
        Lie::AlgNoneCapital => json!({ "header.alg": "None", "signed": false }),
        Lie::AlgNoneMixed => json!({ "header.alg": "nOnE", "signed": false }),
        Lie::KeyedByPem | Lie::KeyedByJwk | Lie::KeyedByClientSecret => {
            json!({ "header.alg": "HS256", "signed": false })
        }
        Lie::KidUnknown => json!({ "header.kid": false }),
        Lie::KidToEncrypt => {
            json!({ "header.kid": false, "jwks.keys": "others", "signed": false })
        }
        Lie::KidDuplicate => json!({ "jwks.keys": "others" }),
        Lie::Crit => {
            let name = "https://another.example/must";
            json!({ "header.crit": [name], format!("header.{name}"): true })
        }
        Lie::IdTokenMissing => json!({ "token": "without" }),
        Lie::TokenNever => json!({ "token": "nothing" }),
        Lie::TokenHuge => json!({ "token.megabytes": 10 }),
        Lie::TokenRedirect => json!({ "token": "307" }),
        Lie::TokenNoJson | Lie::TokenHtml => json!({ "token": "200" }),
        Lie::TokenFault => json!({ "token": "500" }),
        Lie::TokenBomb => json!({ "token": "200 gzip" }),
        Lie::JwksNever => json!({ "jwks": "nothing" }),
        Lie::JwksHuge => json!({ "jwks.megabytes": 50 }),
        Lie::JwksRedirect => json!({ "jwks": "307" }),
        Lie::DiscoveryIssuer => json!({ "discovery.issuer": "https://another.example" }),
        Lie::DiscoveryWithoutJwks => json!({ "discovery.jwks_uri": null }),
        Lie::DiscoveryNoJson => json!({ "discovery": "200" }),
        Lie::DiscoveryFault => json!({ "discovery": "500" }),
        Lie::CallbackIssWrong => json!({ "callback.iss": "https://another.example" }),
        Lie::CallbackIssMissing => json!({ "callback.iss": null }),
        Lie::UserinfoOfAnother => json!({ "userinfo.sub": "somebody-else" }),
    }
}

fn verified(value: &Value) -> Value {
    json!({ "claims.email_verified": value, "userinfo.email_verified": value })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_changes_one_thing() {
    let evil = Evil::start().await;
    let (truth, _) = sign_in(&evil).await;
    for (place, value) in
        [("signed", json!(true)), ("claims.at_hash", json!(true)), ("claims.exp", json!(60))]
    {
        assert_eq!(truth[place], value, "{truth:#?}");
    }
    for lie in Lie::ALL {
        evil.tells(*lie);
        let (heard, id_token) = sign_in(&evil).await;
        let mut differ = difference(&truth, &heard);
        // Where a whole answer is missing, so is what it would have held.
        for whole in ["token", "discovery", "jwks"] {
            if heard.contains_key(whole) {
                differ.retain(|(place, _)| place == whole || !truth.contains_key(place));
            }
        }
        if *lie == Lie::IdTokenMissing {
            assert!(differ.iter().all(|(place, value)| value.is_null() && place != "token.scope"));
            differ = vec![("token".to_owned(), json!("without"))];
        }
        assert_eq!(differ.into_iter().collect::<Value>(), expected(*lie), "{lie:?}");
        signature_is_as_bad_as_it_says(&evil, *lie, &id_token).await;
    }
    evil.tells(None);
    assert_eq!(sign_in(&evil).await.0, truth);
    assert_eq!(evil.canary().count(), 0);
    http().post(evil.canary().url()).send().await.expect("an answer");
    assert_eq!(evil.canary().count(), 1);
}

/// A verifier that falls for it would be convinced.
async fn signature_is_as_bad_as_it_says(evil: &Evil, lie: Lie, id_token: &str) {
    let (input, signature) = id_token.rsplit_once('.').unwrap_or_default();
    let secret = match lie {
        Lie::KeyedByPem => evil.signer().public_pem(),
        Lie::KeyedByJwk => evil.signer().jwk().to_string(),
        Lie::KeyedByClientSecret => CLIENT_SECRET.to_owned(),
        Lie::AlgNone | Lie::AlgNoneCapital | Lie::AlgNoneMixed | Lie::SignatureEmpty => {
            assert_eq!(signature, "", "{lie:?}");
            return;
        }
        Lie::KidDuplicate | Lie::KidToEncrypt => {
            let keys = answer(http().get(evil.url("/jwks"))).await.expect("keys").json();
            let member = |at: usize, name: &str| keys["keys"][at][name].clone();
            let (name, same) =
                if lie == Lie::KidDuplicate { ("kid", true) } else { ("use", false) };
            assert_eq!(member(0, name) == member(1, name), same, "{keys}");
            assert_ne!(member(0, "n"), member(1, "n"));
            return;
        }
        _ => return,
    };
    assert_eq!(signature, mac(secret.as_bytes(), input), "{lie:?}");
}
