//! Tests that each defect exists, and that it is the only one: otherwise a test that uses it would
//! prove nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::super::openid::at_hash;
use super::super::signer::mac;
use super::super::{CLIENT_ID, CLIENT_SECRET, Defect, FaultyProvider};
use super::{exchange, request};
use crate::support::{Reply, decode_claims, decode_header, http};

/// What an app receives in one sign-in, by place. Instants are in minutes from now; a value that
/// changes each time is replaced by whether it is correct.
type Observations = BTreeMap<String, Value>;

/// Long enough for every answer on a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// The answer, or nothing within this time.
async fn answer(request: RequestBuilder, within: Duration) -> Option<Reply> {
    let answer = tokio::time::timeout(within, request.send()).await.ok()?;
    Some(Reply::of(answer.expect("an answer")).await)
}

/// Records every member of a JSON body by its name, or else the kind of the answer.
fn hear(heard: &mut Observations, place: &str, reply: Option<&Reply>) {
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

async fn sign_in(faulty: &FaultyProvider, defect: Option<Defect>) -> (Observations, String) {
    let mut heard = Observations::new();
    // A busy machine may be slow, so the wait is short only for a defect that never answers.
    let is_silent = defect.is_some_and(|defect| expected(defect).to_string().contains("nothing"));
    let within = if is_silent { Duration::from_secs(3) } else { LONG };
    let answer = |request| answer(request, within);
    let get = |path: &str| http().get(faulty.url(path));
    let discovery = answer(get("/.well-known/openid-configuration")).await;
    hear(&mut heard, "discovery", discovery.as_ref());
    let callback = faulty.approve(&request(faulty.base(), "/authorize", "openid profile email"));
    for name in callback.fields.names().into_iter().filter(|name| *name != "code") {
        heard.insert(format!("callback.{name}"), json!(callback.get(name)));
    }
    let token = answer(exchange(&faulty.url("/token"), callback.get("code"), &[])).await;
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
                "iat" | "exp" => {
                    json!((value.as_i64().expect("a number") - faulty.now() + 30) / 60)
                }
                "kid" => json!(*value == faulty.signer().kid.as_str()),
                "jwk" | "jku" | "x5u" => json!("some"),
                _ => value.clone(),
            };
            heard.insert(format!("{place}.{name}"), value);
        }
    }
    let signed = faulty.keys().iter().any(|key| key.has_signed(id_token));
    heard.insert("signed".to_owned(), json!(signed));
    (heard, id_token.to_owned())
}

/// The differences from a correct provider.
fn difference(truth: &Observations, heard: &Observations) -> Vec<(String, Value)> {
    let mut places: Vec<_> = truth.keys().chain(heard.keys()).collect();
    places.sort_unstable();
    places.dedup();
    let differ = places.into_iter().filter(|place| truth.get(*place) != heard.get(*place));
    // Keys are long, so they are only marked here and compared below.
    let told = |place: &String| match place.as_str() {
        "jwks.keys" => json!("others"),
        _ => heard.get(place).cloned().unwrap_or_default(),
    };
    differ.map(|place| (place.clone(), told(place))).collect()
}

fn expected(defect: Defect) -> Value {
    match defect {
        Defect::IssOfAnother => json!({ "claims.iss": "https://another.example" }),
        Defect::AudOfAnother => json!({ "claims.aud": "another-app" }),
        Defect::AudOfMany => json!({ "claims.aud": [CLIENT_ID, "another-app"] }),
        Defect::AzpOfAnother => json!({ "claims.azp": "another-app" }),
        Defect::NonceWrong => json!({ "claims.nonce": "another-nonce" }),
        Defect::NonceMissing => json!({ "claims.nonce": null }),
        Defect::Expired => json!({ "claims.exp": -59 }),
        Defect::IatAhead => json!({ "claims.iat": 10 }),
        Defect::SubEmpty => json!({ "claims.sub": "" }),
        Defect::SubMissing => json!({ "claims.sub": null }),
        Defect::AtHashWrong => json!({ "claims.at_hash": false }),
        Defect::EmailVerifiedMissing => verified(&Value::Null),
        Defect::EmailVerifiedFalse => verified(&json!(false)),
        Defect::EmailVerifiedText => verified(&json!("true")),
        Defect::EmailVerifiedNumber => verified(&json!(1)),
        Defect::SignatureBroken | Defect::SignatureEmpty | Defect::SignedByAnother => {
            json!({ "signed": false })
        }
        Defect::JwkEmbedded => json!({ "header.jwk": "some", "signed": false }),
        Defect::Jku => json!({ "header.jku": "some", "signed": false }),
        Defect::X5u => json!({ "header.x5u": "some", "signed": false }),
        Defect::AlgNone => json!({ "header.alg": "none", "signed": false }),
        Defect::AlgNoneCapital => json!({ "header.alg": "None", "signed": false }),
        Defect::AlgNoneMixed => json!({ "header.alg": "nOnE", "signed": false }),
        Defect::KeyedByPem | Defect::KeyedByJwk | Defect::KeyedByClientSecret => {
            json!({ "header.alg": "HS256", "signed": false })
        }
        Defect::KidUnknown => json!({ "header.kid": false }),
        Defect::KidToEncrypt => {
            json!({ "header.kid": false, "jwks.keys": "others", "signed": false })
        }
        Defect::KidDuplicate => json!({ "jwks.keys": "others" }),
        Defect::Crit => {
            let name = "https://another.example/must";
            json!({ "header.crit": [name], format!("header.{name}"): true })
        }
        Defect::IdTokenMissing => json!({ "token": "without" }),
        Defect::TokenNever => json!({ "token": "nothing" }),
        Defect::TokenHuge => json!({ "token.megabytes": 10 }),
        Defect::TokenRedirect => json!({ "token": "307" }),
        Defect::TokenNoJson | Defect::TokenHtml => json!({ "token": "200" }),
        Defect::TokenFault => json!({ "token": "500" }),
        Defect::TokenBomb => json!({ "token": "200 gzip" }),
        Defect::JwksNever => json!({ "jwks": "nothing" }),
        Defect::JwksHuge => json!({ "jwks.megabytes": 50 }),
        Defect::JwksRedirect => json!({ "jwks": "307" }),
        Defect::DiscoveryIssuer => json!({ "discovery.issuer": "https://another.example" }),
        Defect::DiscoveryWithoutJwks => json!({ "discovery.jwks_uri": null }),
        Defect::DiscoveryNoJson => json!({ "discovery": "200" }),
        Defect::DiscoveryFault => json!({ "discovery": "500" }),
        Defect::CallbackIssWrong => json!({ "callback.iss": "https://another.example" }),
        Defect::CallbackIssMissing => json!({ "callback.iss": null }),
        Defect::UserinfoOfAnother => json!({ "userinfo.sub": "somebody-else" }),
    }
}

fn verified(value: &Value) -> Value {
    json!({ "claims.email_verified": value, "userinfo.email_verified": value })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_changes_one_thing() {
    let faulty = FaultyProvider::start().await;
    let (truth, _) = sign_in(&faulty, None).await;
    for (place, value) in
        [("signed", json!(true)), ("claims.at_hash", json!(true)), ("claims.exp", json!(60))]
    {
        assert_eq!(truth[place], value, "{truth:#?}");
    }
    for defect in Defect::ALL {
        faulty.has_defect(*defect);
        let (heard, id_token) = sign_in(&faulty, Some(*defect)).await;
        let mut differ = difference(&truth, &heard);
        // If a whole answer is missing, its members are missing too.
        for whole in ["token", "discovery", "jwks"] {
            if heard.contains_key(whole) {
                differ.retain(|(place, _)| place == whole || !truth.contains_key(place));
            }
        }
        if *defect == Defect::IdTokenMissing {
            assert!(differ.iter().all(|(place, value)| value.is_null() && place != "token.scope"));
            differ = vec![("token".to_owned(), json!("without"))];
        }
        assert_eq!(differ.into_iter().collect::<Value>(), expected(*defect), "{defect:?}");
        signature_is_as_bad_as_it_says(&faulty, *defect, &id_token).await;
    }
    faulty.has_defect(None);
    assert_eq!(sign_in(&faulty, None).await.0, truth);
    assert_eq!(faulty.canary().count(), 0);
    http().post(faulty.canary().url()).send().await.expect("an answer");
    assert_eq!(faulty.canary().count(), 1);
}

/// Checks that a verifier with this weakness would accept the token.
async fn signature_is_as_bad_as_it_says(faulty: &FaultyProvider, defect: Defect, id_token: &str) {
    let (input, signature) = id_token.rsplit_once('.').unwrap_or_default();
    let secret = match defect {
        Defect::KeyedByPem => faulty.signer().public_pem(),
        Defect::KeyedByJwk => faulty.signer().jwk().to_string(),
        Defect::KeyedByClientSecret => CLIENT_SECRET.to_owned(),
        Defect::AlgNone
        | Defect::AlgNoneCapital
        | Defect::AlgNoneMixed
        | Defect::SignatureEmpty => {
            assert_eq!(signature, "", "{defect:?}");
            return;
        }
        Defect::KidDuplicate | Defect::KidToEncrypt => {
            let keys = answer(http().get(faulty.url("/jwks")), LONG).await.expect("keys").json();
            let member = |at: usize, name: &str| keys["keys"][at][name].clone();
            let (name, same) =
                if defect == Defect::KidDuplicate { ("kid", true) } else { ("use", false) };
            assert_eq!(member(0, name) == member(1, name), same, "{keys}");
            assert_ne!(member(0, "n"), member(1, "n"));
            return;
        }
        _ => return,
    };
    assert_eq!(signature, mac(secret.as_bytes(), input), "{defect:?}");
}
