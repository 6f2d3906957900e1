//! The token endpoint for apps that use the SDKs of vendors: everything that they may present.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::all_providers::{AllProviders, NATIVE, native_of, with_each};
use super::native::{
    ACCESS_TOKEN, CODE, ID_TOKEN, SCOPE, assert_by, code_of_naver, native_app, present,
};
use crate::support::upstream::{CLIENT_ID, MICROSOFT_TENANT};
use crate::support::{App, Reply, VERIFIER, both, decode_claims};
use mapae::domain::grant_type::GrantType;

/// Where the codes of apps are sent.
const LANDING: &str = "https://shop.example.com/landing";

/// That these are good tokens of ours for somebody who came by this provider; their `sub`.
async fn is_good(app: &App, reply: Reply, slug: &str, what: &str) -> String {
    assert_eq!(reply.status, 200, "{slug} {what}: {}", reply.text);
    assert_eq!(reply.header("cache-control"), "no-store");
    let tokens = reply.json();
    assert_eq!(tokens["token_type"], "Bearer", "{slug} {what}");
    assert_eq!(tokens["scope"], SCOPE, "{slug} {what}");
    let claims = decode_claims(&reply.text("id_token"));
    assert_eq!(claims["amr"], json!(["fed", slug]), "{what}");
    assert_eq!((&claims["idp"], &claims["aud"]), (&json!(slug), &json!(app.id)), "{what}");
    assert_eq!(claims["nonce"], json!(null), "{what}");
    let person = app.userinfo(&reply.text("access_token")).await.ok().json();
    assert_eq!(person["sub"], claims["sub"], "{slug} {what}");
    let again = app.refresh(&reply.text("refresh_token")).await.ok();
    let refreshed = decode_claims(&again.text("id_token"));
    assert_eq!(refreshed["amr"], claims["amr"], "{slug} {what}");
    assert_eq!(refreshed["sub"], claims["sub"], "{slug} {what}");
    assert_eq!(again.json()["issued_token_type"], json!(null), "{slug} {what}");
    claims["sub"].as_str().unwrap().to_owned()
}

/// The same for RFC 8693 §2.2.1.
async fn is_exchanged(app: &App, reply: Reply, slug: &str, what: &str) -> String {
    assert_eq!(reply.json()["issued_token_type"], ACCESS_TOKEN, "{slug} {what}: {}", reply.text);
    is_good(app, reply, slug, what).await
}

fn hashed(nonce: &str) -> String {
    mapae::domain::hex::lower(&Sha256::digest(nonce.as_bytes()))
}

both! {
    async fn rfc8693_2_1_an_id_token_for_us_or_for_the_app_is_exchanged(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            let issuer = match slug {
                "microsoft" => every.microsoft.issuer(MICROSOFT_TENANT),
                _ => provider.base().to_owned(),
            };
            let native = native_of(slug);
            let id = |nonce| provider.id_token(CLIENT_ID, nonce);
            let azp = |claims: &mut serde_json::Value| claims["azp"] = json!(native);
            let both = provider.id_token_with(CLIENT_ID, None, |claims| {
                claims["aud"] = json!([CLIENT_ID, native]);
                azp(claims);
            });
            let mut subs = Vec::new();
            for (what, token, changes) in [
                ("by slug", id(Some("n1")), vec![("subject_issuer", slug), ("nonce", "n1")]),
                ("by issuer", id(Some("n2")), vec![("subject_issuer", issuer.as_str())]),
                ("by itself", id(Some("n3")), vec![("nonce", "n3")]),
                ("without a nonce", id(None), vec![("subject_issuer", slug)]),
                ("for the app", provider.id_token(&native, Some("n4")), vec![("nonce", "n4")]),
                ("by the app", provider.id_token_with(CLIENT_ID, Some("n5"), azp), vec![]),
                ("for both", both, vec![]),
                (
                    "with the type that is given",
                    id(Some("n6")),
                    vec![("requested_token_type", ACCESS_TOKEN)],
                ),
            ] {
                let reply = present(&app, ID_TOKEN, &token, &changes).await;
                subs.push(is_exchanged(&app, reply, slug, what).await);
            }
            let assertion = provider.id_token(&native, Some("n7"));
            let reply = assert_by(&app, &assertion, &[("nonce", "n7")]).await;
            assert_eq!(reply.json()["issued_token_type"], json!(null), "{}", reply.text);
            subs.push(is_good(&app, reply, slug, "RFC 7523 §2.1").await);
            subs.dedup();
            assert_eq!(subs.len(), 1, "{slug}: one person");
        });
    }

    async fn apple_hashes_the_nonce_or_says_that_there_is_none(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let token = |nonce: Option<&str>, supported: bool| {
            every.apple.id_token_with(&native_of("apple"), nonce, |claims| {
                claims["nonce_supported"] = json!(supported);
            })
        };
        for (what, token, good) in [
            ("raw", token(Some("n1"), true), true),
            ("hashed", token(Some(&hashed("n1")), true), true),
            ("not supported", token(None, false), true),
            ("missing", token(None, true), false),
            ("another", token(Some("n2"), true), false),
            ("another, not supported", token(Some("n2"), false), false),
            ("the hash of another", token(Some(&hashed("n2")), true), false),
        ] {
            let changes = [("subject_issuer", "apple"), ("nonce", "n1")];
            let reply = present(&app, ID_TOKEN, &token, &changes).await;
            if good {
                is_exchanged(&app, reply, "apple", what).await;
            } else {
                reply.refused(400, "invalid_grant");
            }
        }
        // Nobody else hashes.
        let token = every.google.id_token(CLIENT_ID, Some(&hashed("n1")));
        present(&app, ID_TOKEN, &token, &[("nonce", "n1")]).await.refused(400, "invalid_grant");
    }

    async fn rfc8693_2_1_an_access_token_is_exchanged_where_it_proves_for_whom_it_is(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        with_each!(every: google, kakao, facebook, github, line; |slug, provider| {
            let mut tokens = vec![provider.access_token_for(CLIENT_ID)];
            // GitHub tells of its own app alone; at Kakao the number is that of the whole app.
            if !["github", "kakao"].contains(&slug) {
                tokens.push(provider.access_token_for(&native_of(slug)));
            }
            let mut subs = Vec::new();
            for token in &tokens {
                for issuer in [slug, provider.base()] {
                    let changes = [("subject_issuer", issuer)];
                    let reply = present(&app, ACCESS_TOKEN, token, &changes).await;
                    subs.push(is_exchanged(&app, reply, slug, issuer).await);
                }
            }
            subs.dedup();
            assert_eq!(subs.len(), 1, "{slug}: one person");
        });
    }

    async fn a_code_of_a_provider_is_redeemed_by_this_server(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        with_each!(
            every: github, facebook, kakao, google, line, microsoft, oidc;
            |slug, provider| {
                let code = provider.code_for(LANDING, Some(VERIFIER));
                let changes = [
                    ("subject_issuer", slug),
                    ("redirect_uri", LANDING),
                    ("code_verifier", VERIFIER),
                ];
                let first = present(&app, CODE, &code, &changes).await;
                is_exchanged(&app, first, slug, "code").await;
                present(&app, CODE, &code, &changes).await.refused(400, "invalid_grant");
                // RFC 7636 §4.6: the provider holds the app to its challenge, through us.
                for wrong in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"] {
                    let code = provider.code_for(LANDING, Some(VERIFIER));
                    let changes = [
                        ("subject_issuer", slug),
                        ("redirect_uri", LANDING),
                        ("code_verifier", wrong),
                    ];
                    present(&app, CODE, &code, &changes).await.refused(400, "invalid_grant");
                }
            }
        );
        // Naver wants to see the state again.
        for (state, error) in
            [("a-state", None), ("another", Some("invalid_grant")), ("", Some("invalid_request"))]
        {
            let code = code_of_naver(&every.naver, LANDING, "a-state");
            let changes =
                [("subject_issuer", "naver"), ("redirect_uri", LANDING), ("state", state)];
            let reply = present(&app, CODE, &code, &changes).await;
            match error {
                None => drop(is_exchanged(&app, reply, "naver", "code").await),
                Some(error) => reply.refused(400, error),
            }
        }
        // Apple's native codes belong to the app, and have no redirect URI.
        let bundle = native_of("apple");
        let code = every.apple.native_code_for(&bundle, Some("n1"));
        let changes = [("subject_issuer", "apple"), ("nonce", "n1")];
        let reply = present(&app, CODE, &code, &changes).await;
        let native = is_exchanged(&app, reply, "apple", "native code").await;
        let asked = every.apple.asked_at("/auth/token").pop().unwrap();
        assert_eq!(asked.get("client_id"), bundle);
        assert_eq!(decode_claims(asked.get("client_secret"))["sub"], bundle.as_str());
        assert!(!asked.form.has("redirect_uri"), "{asked:?}");
        let code = every.apple.code_for(LANDING, None);
        let changes = [("subject_issuer", "apple"), ("redirect_uri", LANDING)];
        let reply = present(&app, CODE, &code, &changes).await;
        assert_eq!(is_exchanged(&app, reply, "apple", "web code").await, native);
        let code = every.apple.native_code_for(&bundle, Some("n1"));
        let changes = [("subject_issuer", "apple"), ("nonce", "n2")];
        present(&app, CODE, &code, &changes).await.refused(400, "invalid_grant");
    }

    async fn rfc8693_2_1_a_confidential_client_exchanges_too_and_asks_for_less(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.client("backend", |client| client.metadata.grant_types = vec![GrantType::TokenExchange]);
        let app = app.await;
        let token = every.google.id_token(CLIENT_ID, None);
        let reply = present(&app, ID_TOKEN, &token, &[("scope", "read")]).await.ok();
        let tokens = reply.json();
        assert_eq!((&tokens["scope"], &tokens["issued_token_type"]), (&json!("read"), &json!(ACCESS_TOKEN)));
        // It is registered for no refresh token, and asked for no id token.
        assert_eq!((&tokens["refresh_token"], &tokens["id_token"]), (&json!(null), &json!(null)));
        assert!(app.is_active(&reply.text("access_token")).await);
    }
}
