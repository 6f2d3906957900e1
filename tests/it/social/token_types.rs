//! Tokens of other types or times that were signed by the keys of a provider: RFC 8725 §3.11, RFC
//! 7519 §4.1.5, OpenID Connect Back-Channel Logout §2.4.

use serde_json::{Value, json};

use super::native::{ID_TOKEN, assert_by, native_app, present};
use super::refusal_check::RefusalCheck;
use super::with_idp;
use crate::support::both;
use crate::support::upstream::{CLIENT_ID, Oidc};

/// The event of a logout token.
fn logout() -> Value {
    json!({ "http://schemas.openid.net/event/backchannel-logout": {} })
}

both! {
    async fn rfc8725_3_11_only_an_id_token_of_this_hour_is_exchanged(database) {
        let idp = Oidc::start().await;
        let (server, _) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let app = native_app(&server, "native").await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let signer = idp.signer();
        let signed = |typ: Value, more: &Value| {
            let mut header = signer.header();
            header["typ"] = typ;
            let now = server.now().now().timestamp();
            let mut claims = json!({
                "iss": idp.base(), "sub": "3456789012", "aud": CLIENT_ID, "iat": now,
                "exp": now + 3600, "jti": uuid::Uuid::new_v4().to_string(),
            });
            let more = more.as_object().unwrap().iter();
            for (name, value) in more {
                claims[name] = match value.as_i64() {
                    Some(seconds) => json!(now + seconds),
                    None => value.clone(),
                };
            }
            signer.sign(&header, &claims)
        };
        let usual = || json!("JWT");
        let years = -2 * 365 * 86_400;
        for (typ, more, reason) in [
            (json!("logout+jwt"), json!({ "events": logout() }), "not_an_id_token"),
            (usual(), json!({ "events": logout(), "sid": "s" }), "not_an_id_token"),
            (usual(), json!({ "events": {} }), "not_an_id_token"),
            (json!("at+jwt"), json!({}), "not_an_id_token"),
            (json!("application/at+jwt"), json!({}), "not_an_id_token"),
            (json!("secevent+jwt"), json!({}), "not_an_id_token"),
            (json!(["JWT"]), json!({}), "not_an_id_token"),
            (usual(), json!({ "typ": "Bearer" }), "not_an_id_token"),
            (usual(), json!({ "token_use": "access" }), "not_an_id_token"),
            (usual(), json!({ "nbf": 301 }), "issued_ahead"),
            (usual(), json!({ "iat": -3601 }), "too_old"),
            (usual(), json!({ "iat": years }), "too_old"),
        ] {
            for grant in ["exchange", "bearer"] {
                server.advance(60);
                let token = signed(typ.clone(), &more);
                let reply = match grant {
                    "exchange" => present(&app, ID_TOKEN, &token, &[]).await,
                    _ => assert_by(&app, &token, &[]).await,
                };
                let what = format!("{typ} {more} {grant}");
                refusal_check.refused(&reply, &format!("idp: {reason}"), &what).await;
            }
        }
        // A nonce says for what it was made, however long ago; but not one of another app.
        let old = || signed(usual(), &json!({ "iat": years, "nonce": "n" }));
        server.advance(60);
        let reply = present(&app, ID_TOKEN, &old(), &[("nonce", "m")]).await;
        refusal_check.refused(&reply, "idp: wrong_nonce", "another nonce").await;
        present(&app, ID_TOKEN, &old(), &[("nonce", "n")]).await.ok();
        for (typ, more) in [
            (usual(), json!({ "iat": -3590, "nbf": 290 })),
            (json!(null), json!({ "typ": "ID" })),
            (json!("application/jwt"), json!({ "token_use": "id" })),
        ] {
            present(&app, ID_TOKEN, &signed(typ.clone(), &more), &[]).await.ok();
            assert_by(&app, &signed(typ, &more), &[]).await.ok();
        }
    }
}
