//! The generic provider, and the one of npm.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::super::signer::parts;
use super::super::{Answer, CLIENT_ID, CLIENT_SECRET, Oidc, OidcProvider, PersonAnswer};
use super::{exchange, get, reply, request};
use crate::support::{CALLBACK, VERIFIER, form, http};

#[tokio::test]
async fn a_code_is_good_once_for_whom_it_was_given_to() {
    let oidc = Oidc::start().await;
    let url = request(oidc.base(), "/authorize", "openid");
    let token = oidc.url("/token");
    for (change, error) in [
        (("code_verifier", ""), "invalid_grant"),
        (("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"), "invalid_grant"),
        (("redirect_uri", "https://another.example"), "invalid_grant"),
        (("client_secret", "wrong"), "invalid_client"),
        (("client_id", "another"), "invalid_client"),
    ] {
        let callback = oidc.approve(&url);
        let refused = reply(exchange(&token, callback.get("code"), &[change])).await.json();
        assert_eq!(refused["error"], error, "{change:?}");
    }
    let callback = oidc.approve(&url);
    assert_eq!((callback.get("iss"), callback.get("state")), (oidc.base(), "a-state"));
    let tokens = reply(exchange(&token, callback.get("code"), &[])).await.ok().json();
    let (_, claims) = parts(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!((&claims["nonce"], &claims["email"]), (&json!("a-nonce"), &Value::Null));
    let again = reply(exchange(&token, callback.get("code"), &[])).await;
    assert_eq!(again.json()["error"], "invalid_grant");
    assert_eq!(oidc.count("/token"), 7);
    assert_eq!(oidc.cancel(&url).get("error"), "access_denied");
    for missing in ["state", "nonce", "code_challenge", "response_type", "client_id"] {
        let without = url.replace(&format!("{missing}="), "other=");
        assert!(oidc.sign_in_at_provider(&without, PersonAnswer::Yes).is_err(), "{missing}");
    }
    let old = oidc.signer().kid.clone();
    oidc.rotate();
    assert_ne!(oidc.signer().kid, old);
    assert_eq!(oidc.keys().len(), 2);
    oidc.answers_with("/token", Answer::html(503, "Try again."));
    assert_eq!(reply(exchange(&token, "x", &[])).await.status, 503);
}

#[tokio::test]
async fn the_page_leads_where_the_person_says() {
    let oidc = Oidc::start().await;
    let url = request(oidc.base(), "/authorize", "openid");
    let page = reply(http().get(&url)).await.ok();
    let action = page.text.split("action=\"").nth(1).and_then(|rest| rest.split('"').next());
    let action = oidc.url(&action.unwrap().replace("&amp;", "&"));
    for (answer, heard) in [("approve", "?code="), ("cancel", "?error=access_denied&")] {
        let form = "application/x-www-form-urlencoded";
        let post = http().post(&action).header("content-type", form);
        let gone = reply(post.body(format!("answer={answer}"))).await;
        assert_eq!(gone.status, 302);
        assert!(gone.header("location").starts_with(&format!("{CALLBACK}{heard}")));
    }
    let bad = reply(http().get(url.replace("nonce=", "other="))).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn somebody_elses_provider_signs_people_in() {
    let Some(mut provider) = OidcProvider::start().await else { return };
    provider.redirects_to(&[CALLBACK]).await;
    let url = request(provider.base(), "/auth", "openid email");
    let back = provider.approve(&url).await;
    assert_eq!((back.get("iss"), back.get("state")), (provider.base(), "a-state"));
    let basic = |post: RequestBuilder| post.basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    let token = format!("{}/token", provider.base());
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", back.get("code")),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let post = http().post(token).header("content-type", "application/x-www-form-urlencoded");
    let tokens = reply(basic(post.body(form(&fields)))).await.ok();
    let me = get(&format!("{}/me", provider.base()), &tokens.text("access_token")).await.1;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("mina@example.com"), &json!(true)));
    assert_eq!(provider.cancel(&url).await.get("error"), "access_denied");
}
