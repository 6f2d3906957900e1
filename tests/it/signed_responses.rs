//! Signed authorization responses: JARM.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::JwkSet;
use mapae::domain::client::TokenAlg;
use mapae::keys::jwt::VerifyingKey;
use serde_json::Value;

use crate::support::{App, CALLBACK, Page, Reply, STATE, Server, both, decode_header};

/// The claims of a signed response, verified by the keys that the server shows.
async fn verified(server: &Server, app: &App, response: &str, alg: Algorithm) -> Value {
    let jwks = server.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    let jwks: JwkSet = serde_json::from_str(&Reply::of(jwks).await.text).unwrap();
    let header = decode_header(response);
    let kid = header["kid"].as_str().expect("a kid");
    let key = VerifyingKey::from_jwk(jwks.find(kid).expect("the key"), alg).unwrap();
    let claims: Value = key.verify(response).expect("signed");
    assert_eq!(
        (claims["iss"].as_str(), claims["aud"].as_str()),
        (Some(server.issuer()), Some(app.id.as_str()))
    );
    let now = server.now().now().timestamp();
    let exp = claims["exp"].as_i64().unwrap();
    assert!(exp > now && exp <= now + 600, "{claims}");
    claims
}

/// The JWT in an answer by query or fragment. Nothing stands beside it.
#[track_caller]
fn response(page: &Page, begins: &str) -> String {
    assert!(page.location().unwrap().starts_with(begins), "{page:?}");
    let heard = page.authorization_response();
    assert_eq!(heard.names(), ["response"]);
    heard.get("response").to_owned()
}

both! {
    async fn jarm_2_an_answer_is_signed_in_each_mode(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        for (mode, mark) in [("jwt", '?'), ("query.jwt", '?'), ("fragment.jwt", '#')] {
            let page = browser.get(&app.authorization_url(&[("response_mode", mode)])).await;
            let jwt = response(&page, &format!("{CALLBACK}{mark}response="));
            let claims = verified(&server, &app, &jwt, Algorithm::RS256).await;
            assert_eq!((claims["state"].as_str(), claims["iss"].as_str()), (Some(STATE), Some(server.issuer())));
            app.exchange(claims["code"].as_str().unwrap()).await.ok();
            // It is no id token: nobody is hinted at by it.
            let hint = app.authorization_url(&[("id_token_hint", &jwt)]);
            browser.get(&hint).await.error_response("invalid_request");
        }
        let page = browser.get(&app.authorization_url(&[("response_mode", "form_post.jwt")])).await;
        assert_eq!(page.reply.status, 200);
        assert!(page.field("code").is_none() && page.field("state").is_none(), "{}", page.reply.text);
        let claims = verified(&server, &app, &page.hidden("response"), Algorithm::RS256).await;
        app.exchange(claims["code"].as_str().unwrap()).await.ok();
    }

    async fn jarm_2_1_errors_are_signed_as_well(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        // Before a page, and after one.
        let refused = server.browser().get(&app.authorization_url(&[("response_mode", "jwt"), ("prompt", "none")])).await;
        let jwt = response(&refused, CALLBACK);
        let claims = verified(&server, &app, &jwt, Algorithm::RS256).await;
        assert_eq!((claims["error"].as_str(), claims["state"].as_str()), (Some("login_required"), Some(STATE)));
        let malformed = app.authorization_url(&[("response_mode", "fragment.jwt"), ("max_age", "x")]);
        let jwt = response(&server.browser().get(&malformed).await, &format!("{CALLBACK}#"));
        let claims = verified(&server, &app, &jwt, Algorithm::RS256).await;
        assert_eq!(claims["error"], "invalid_request");
        assert!(claims["error_description"].as_str().is_some_and(|text| !text.is_empty()));
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[("response_mode", "jwt")])).await;
        let consent = browser.sign_in(&login).await;
        let jwt = response(&browser.consent(&consent, "deny").await, CALLBACK);
        let claims = verified(&server, &app, &jwt, Algorithm::RS256).await;
        assert_eq!(claims["error"], "access_denied");
    }

    async fn a_stranger_gets_only_so_many_refusals_signed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let refused = app.authorization_url(&[("response_mode", "jwt"), ("prompt", "none")]);
        let mut stranger = server.browser();
        for _ in 0..60 {
            response(&stranger.get(&refused).await, CALLBACK);
        }
        let page = stranger.get(&refused).await;
        assert_eq!((page.reply.status.as_u16(), page.location()), (429, None));
        assert_eq!(page.reply.header("retry-after"), "1");
        assert!(page.reply.text.contains("temporarily_unavailable"), "{}", page.reply.text);
        // What needs no signature is answered, and so is whoever signs in.
        let plain = app.authorization_url(&[("prompt", "none")]);
        stranger.get(&plain).await.error_response("login_required");
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[("response_mode", "jwt")])).await;
        let consent = browser.sign_in(&login).await;
        let jwt = response(&browser.consent(&consent, "allow").await, CALLBACK);
        let claims = verified(&server, &app, &jwt, Algorithm::RS256).await;
        app.exchange(claims["code"].as_str().unwrap()).await.ok();
        server.advance(1);
        response(&stranger.get(&refused).await, CALLBACK);
        assert_eq!(stranger.get(&refused).await.reply.status, 429);
    }

    async fn jarm_3_the_algorithm_is_that_of_the_registration_or_rs256(database) {
        let server = Server::start(&database).await;
        let ask = [("response_mode", "jwt"), ("prompt", "none")];
        for (id, token_alg, own, alg) in [
            ("a", TokenAlg::Rs256, None, Algorithm::RS256),
            ("b", TokenAlg::Es256, None, Algorithm::RS256),
            ("c", TokenAlg::Rs256, Some(TokenAlg::Es256), Algorithm::ES256),
            ("d", TokenAlg::Es256, Some(TokenAlg::Rs256), Algorithm::RS256),
        ] {
            let app = server.web_app(id, |client| {
                client.metadata.token_alg = token_alg;
                client.metadata.authorization_signed_response_alg = own;
            }).await;
            let page = server.browser().get(&app.authorization_url(&ask)).await;
            verified(&server, &app, &response(&page, CALLBACK), alg).await;
        }
    }
}
