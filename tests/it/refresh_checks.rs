//! What is checked before a refresh token is spent: scope, resources, proof.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::{PASSWORD, Server, USERNAME, both, decode_claims};

/// The same token under another header, or with other claims.
fn forged(token: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).expect("base64url");
    signature[7] ^= 1;
    let none = encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let mut claims = decode_claims(token);
    claims["scope"] = "admin".into();
    vec![
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(signature)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], encode(&claims.to_string()), parts[2]),
        format!("{token}.{}", parts[2]),
        format!("{}.{}", parts[0], parts[1]),
    ]
}

both! {
    async fn rfc6749_6_a_narrower_scope_is_for_that_token_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, first) = app.password("openid read write").await.pair();
        let narrow = app.refresh_with(&first, &[("scope", "read")]).await.ok();
        assert_eq!(narrow.json()["scope"], "read");
        assert!(narrow.json().get("id_token").is_none(), "openid was left out");
        let (access, second) = narrow.pair();
        assert_eq!(app.introspect(&access).await["scope"], "read");
        assert_eq!(app.introspect(&second).await["scope"], "openid read write");
        let full = app.refresh(&second).await.ok();
        assert_eq!(full.json()["scope"], "openid read write");
        assert!(full.json()["id_token"].is_string());
        let (_, third) = full.pair();
        let same = app.refresh_with(&third, &[("scope", "write read openid")]).await.ok();
        assert_eq!(same.json()["scope"], "openid read write");
        // A repeat may ask for another part of it: the successor is the same.
        let again = app.refresh_with(&third, &[("scope", "write")]).await.ok();
        assert_eq!(again.json()["scope"], "write");
        assert_eq!(again.text("refresh_token"), same.text("refresh_token"));
    }

    async fn s090_a_wider_scope_is_refused_before_spending(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.audiences = vec!["https://a".to_owned(), "https://b".to_owned()];
        }).await;
        let fields = [
            ("grant_type", "password"), ("username", USERNAME), ("password", PASSWORD),
            ("scope", "openid read"), ("resource", "https://a"),
        ];
        let (_, token) = app.token(&fields).await.pair();
        let beyond = ["write", "openid read write", "admin", "read offline_access"];
        let malformed = ["read  openid", "\"", "read\u{7f}"];
        for wider in beyond.into_iter().chain(malformed) {
            app.refresh_with(&token, &[("scope", wider)]).await.refused(400, "invalid_scope");
        }
        for target in ["https://b", "https://c", "https://a//", "a b"] {
            let more = [("resource", target)];
            let reply = app.refresh_with(&token, &more).await;
            reply.refused(400, "invalid_target");
            let described = reply.text("error_description");
            assert!(described.ends_with(&format!(": {target}")), "{described}");
        }
        assert!(app.is_active(&token).await, "nothing was spent");
        let (access, _) = app.refresh_with(&token, &[("resource", "https://a")]).await.pair();
        assert_eq!(decode_claims(&access)["scope"], "openid read");
        // A narrower token does not narrow what a repeat may have, and a wider one ends nothing.
        app.refresh_with(&token, &[("scope", "read write")]).await.refused(400, "invalid_scope");
        app.refresh(&token).await.ok();
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn a_proof_is_an_access_token_of_this_family(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, first) = app.password("openid").await.pair();
        let (access, second) = app.refresh_with(&first, &[("access_token", &access)]).await.pair();
        // Expired but ours, and any one of this family.
        server.advance(3600);
        let (_, third) = app.refresh_with(&second, &[("access_token", &access)]).await.pair();
        let (latest, fourth) = app.refresh_with(&third, &[("access_token", &access)]).await.pair();
        // A token that was revoked proves who holds it all the same.
        app.revoke(&latest).await.ok();
        assert!(!app.is_active(&latest).await);
        app.refresh_with(&fourth, &[("access_token", &latest)]).await.ok();
    }

    async fn a_bad_proof_is_refused_before_spending(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let other = server.client("other", |_| {}).await;
        let reply = app.password("openid read").await.ok();
        let id_token = reply.text("id_token");
        let (access, token) = reply.pair();
        let (another_family, _) = app.password("openid read").await.pair();
        let (another_client, _) = other.password("openid read").await.pair();
        let own = app.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await.ok();
        let mut wrong = forged(&access);
        wrong.extend([another_family, another_client, own.text("access_token"), id_token]);
        wrong.extend(["x".to_owned(), "a.b.c".to_owned(), token.clone()]);
        for proof in &wrong {
            let reply = app.refresh_with(&token, &[("access_token", proof)]).await;
            reply.refused(400, "invalid_grant");
        }
        let twice = [("access_token", access.as_str()), ("access_token", access.as_str())];
        app.refresh_with(&token, &twice).await.refused(400, "invalid_request");
        assert!(app.is_active(&token).await && app.is_active(&access).await, "nothing was spent");
        let (_, next) = app.refresh_with(&token, &[("access_token", &access)]).await.pair();
        // Not even a repeat comes without the right proof, and it ends nothing.
        let reply = app.refresh_with(&token, &[("access_token", &wrong[0])]).await;
        reply.refused(400, "invalid_grant");
        app.refresh(&next).await.ok();
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn a_client_can_owe_the_proof(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.require_access_token_proof = true).await;
        let (access, first) = app.password("openid").await.pair();
        app.refresh(&first).await.refused(400, "invalid_grant");
        app.refresh_with(&first, &[("access_token", "")]).await.refused(400, "invalid_grant");
        assert!(app.is_active(&first).await);
        let (_, second) = app.refresh_with(&first, &[("access_token", &access)]).await.pair();
        app.refresh(&first).await.refused(400, "invalid_grant");
        let (_, again) = app.refresh_with(&first, &[("access_token", &access)]).await.pair();
        assert_eq!(again, second);
        server.advance(700);
        app.refresh_with(&second, &[("access_token", &access)]).await.ok();
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
        server.advance(31);
        // Proof or no proof: who shows a token that is long spent gives themselves away.
        app.refresh_with(&first, &[("access_token", &access)]).await.refused(400, "invalid_grant");
        assert_eq!(server.evidence().await.events_of("refresh.reused").await.len(), 1);
        assert!(!app.is_active(&access).await);
    }
}
