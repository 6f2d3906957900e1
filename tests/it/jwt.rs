//! Forged tokens at every endpoint that reads one: RFC 8725.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use crate::support::{Server, both, decode_claims, decode_header};

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()))
}

both! {
    async fn s106_s107_s111_forged_tokens_are_refused_everywhere(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let tokens = app.password("openid").await.ok();
        let good = tokens.text("access_token");
        let (header, claims) = (decode_header(&good), decode_claims(&good));
        let signature = good.rsplit('.').next().unwrap();
        let message = good.rsplit_once('.').unwrap().0;
        let with = |member: &str, value: Value| {
            let mut header = header.clone();
            header[member] = value;
            header
        };
        let jwks: Value = app.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap().json().await.unwrap();
        let rsa = jwks["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "RSA").unwrap();
        let hmac = |secret: &[u8]| {
            let message = unsigned(&with("alg", json!("HS256")), &claims);
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            format!("{message}.{}", B64.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes())))
        };
        let other = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let by_other = |header: &Value| {
            let message = unsigned(header, &claims);
            let mut signature = vec![0; other.public_modulus_len()];
            let random = aws_lc_rs::rand::SystemRandom::new();
            other.sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
            format!("{message}.{}", B64.encode(signature))
        };
        let mut admin = claims.clone();
        admin["sub"] = json!("somebody else");
        let forged = [
            format!("{}.", unsigned(&with("alg", json!("none")), &claims)),
            format!("{}.", unsigned(&with("alg", json!("nOnE")), &claims)),
            format!("{}.{signature}", unsigned(&with("alg", json!("none")), &claims)),
            format!("{message}."),
            message.to_owned(),
            format!("{}.{signature}", unsigned(&header, &admin)),
            format!("{}.{signature}", unsigned(&with("alg", json!("RS384")), &claims)),
            format!("{}.{signature}", unsigned(&with("alg", json!("PS256")), &claims)),
            hmac(rsa["n"].as_str().unwrap().as_bytes()),
            hmac(rsa.to_string().as_bytes()),
            by_other(&header),
            by_other(&with("kid", json!("unknown"))),
            by_other(&with("jwk", rsa.clone())),
            by_other(&with("jku", json!("http://127.0.0.1:1/jwks"))),
            by_other(&with("x5u", json!("http://127.0.0.1:1/x"))),
            format!("{good}.{signature}"),
            format!("{good}="),
            format!(" {good}"),
            format!("{good}\n"),
            tokens.text("id_token"),
            json!({ "payload": message, "signature": signature }).to_string(),
        ];
        for token in &forged {
            assert_eq!(app.introspect(token).await, json!({ "active": false }), "{token}");
            let reply = app.post("/userinfo", &[("access_token", token)]).await;
            assert!(matches!(reply.status.as_u16(), 400 | 401), "{} {token}", reply.status);
            let refresh = tokens.text("refresh_token");
            app.refresh_with(&refresh, &[("access_token", token)]).await.refused(400, "invalid_grant");
        }
        app.userinfo(&good).await.ok();
        app.refresh_with(&tokens.text("refresh_token"), &[("access_token", &good)]).await.ok();
    }
}
