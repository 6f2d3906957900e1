//! What the token endpoint issues: RFC 9068, OpenID Connect Core §2, RFC 8707.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapae::domain::client::TokenAlg;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Server, both, decode_claims, decode_header};

both! {
    async fn rfc9068_2_an_access_token_is_at_jwt_with_its_claims(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |client| client.metadata.audiences = vec!["https://api".to_owned()]).await;
        let reply = app.password("openid read").await.ok();
        let token = reply.text("access_token");
        assert_eq!(decode_header(&token)["typ"], "at+jwt");
        assert_eq!(decode_header(&token)["alg"], "RS256");
        let claims = decode_claims(&token);
        assert_eq!(claims["iss"], server.issuer());
        assert_eq!(claims["sub"], sub.as_str());
        assert_eq!(claims["aud"], json!(["https://api", server.issuer()]));
        assert_eq!(claims["client_id"], "app");
        assert_eq!(claims["scope"], "openid read");
        assert_eq!(claims["amr"], json!(["pwd"]));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
        assert!(claims["jti"].is_string() && claims["sid"].is_string());
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.json()["token_type"], "Bearer");
        assert_eq!(reply.json()["expires_in"], 600);
    }

    async fn core_2_an_id_token_is_issued_with_openid_and_says_nothing_more(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let reply = app.password("openid profile email").await.ok();
        let claims = decode_claims(&reply.text("id_token"));
        let digest = Sha256::digest(reply.text("access_token"));
        assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(&digest[..16]));
        assert_eq!(claims["aud"], "app");
        let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "sid", "sub"]);
        assert!(app.password("profile").await.ok().json().get("id_token").is_none());
    }

    async fn es256_covers_both_tokens_of_a_client(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.token_alg = TokenAlg::Es256).await;
        let reply = app.password("openid").await.ok();
        for token in ["access_token", "id_token"] {
            assert_eq!(decode_header(&reply.text(token))["alg"], "ES256");
        }
        app.userinfo(&reply.text("access_token")).await.ok();
    }

    async fn rfc6749_4_4_client_credentials(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let reply = app.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await.ok();
        let claims = decode_claims(&reply.text("access_token"));
        assert_eq!((claims["sub"].as_str(), claims["aud"].as_str()), (Some("app"), Some(server.issuer())));
        for absent in ["refresh_token", "id_token"] {
            assert!(reply.json().get(absent).is_none(), "{absent}");
        }
        for absent in ["sid", "auth_time", "amr"] {
            assert!(claims.get(absent).is_none(), "{absent}");
        }
        for scope in ["openid", "offline_access", "read openid", "admin"] {
            let fields = [("grant_type", "client_credentials"), ("scope", scope)];
            app.token(&fields).await.refused(400, "invalid_scope");
        }
    }

    async fn rfc6749_3_3_scope_is_within_what_was_registered(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        app.password("read admin").await.refused(400, "invalid_scope");
        app.password("read  write").await.refused(400, "invalid_scope");
        let omitted = app.password("").await.ok();
        assert_eq!(omitted.json()["scope"], "email profile read write");
    }

    async fn rfc8707_2_resources_are_those_that_were_registered(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.audiences = ["https://a", "https://b", "https://c"].map(str::to_owned).to_vec();
        }).await;
        let fields = |resource| vec![("grant_type", "client_credentials"), ("resource", resource)];
        let aud = async |fields: &[(&str, &str)]| {
            decode_claims(&app.token(fields).await.ok().text("access_token"))["aud"].clone()
        };
        assert_eq!(aud(&fields("")).await, "https://a");
        assert_eq!(aud(&fields("https://b")).await, "https://b");
        let both = [fields("https://b"), vec![("resource", "https://c")]].concat();
        assert_eq!(aud(&both).await, json!(["https://b", "https://c"]));
        app.token(&fields("https://x")).await.refused(400, "invalid_target");

        let password = [("grant_type", "password"), ("username", "alice"),
            ("password", crate::support::PASSWORD), ("resource", "https://b")];
        let tokens = app.token(&password).await.ok();
        let refresh = tokens.text("refresh_token");
        app.refresh_with(&refresh, &[("resource", "https://c")]).await.refused(400, "invalid_target");
        let next = app.refresh(&refresh).await.ok();
        assert_eq!(decode_claims(&next.text("access_token"))["aud"], "https://b");
    }
}
