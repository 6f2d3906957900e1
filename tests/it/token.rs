//! The token endpoint: RFC 6749 §3.2.

use crate::support::{Server, both, decode_claims, decode_header};

both! {
    async fn rfc9068_2_an_access_token_is_at_jwt_with_its_claims(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |client| client.audiences = vec!["https://api".to_owned()]).await;
        let reply = app.password("openid read").await.ok();
        let token = reply.text("access_token");
        assert_eq!(decode_header(&token)["typ"], "at+jwt");
        assert_eq!(decode_header(&token)["alg"], "RS256");
        let claims = decode_claims(&token);
        assert_eq!(claims["iss"], server.issuer());
        assert_eq!(claims["sub"], sub.as_str());
        assert_eq!(claims["aud"], serde_json::json!(["https://api", server.issuer()]));
        assert_eq!(claims["client_id"], "app");
        assert_eq!(claims["scope"], "openid read");
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
        assert!(claims["jti"].is_string() && claims["sid"].is_string());
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}
