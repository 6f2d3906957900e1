//! PS256 and EdDSA beside RS256 and ES256; userinfo and introspection as signed JWTs.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use mapae::domain::client::TokenAlg;
use mapae_verify::{Algorithm, Presented, Verifier};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::support::{App, Network, Reply, Server, both, decode_claims, decode_header, form};

const API: &str = "https://api.example.com";
const JWT: &str = "application/token-introspection+jwt";

/// The published keys: how many there are of each algorithm.
async fn published(server: &Server) -> BTreeMap<String, usize> {
    let reply =
        server.http.get(server.url("/.well-known/jwks.json")).send().await.expect("an answer");
    let mut algs = BTreeMap::new();
    for key in Reply::of(reply).await.ok().json()["keys"].as_array().expect("keys") {
        *algs.entry(key["alg"].as_str().expect("an alg").to_owned()).or_default() += 1;
    }
    algs
}

/// An introspection by somebody who accepts this.
async fn introspected(app: &App, token: &str, accept: &str) -> Reply {
    let request = app.http.post(format!("{}/introspect", app.base));
    let request = request.basic_auth(&app.id, app.secret.as_ref()).header("accept", accept);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form(&[("token", token)])).send().await.expect("an answer")).await
}

/// Whether a published key of this algorithm has signed the text.
async fn is_signed(server: &Server, jwt: &str, alg: &str) -> bool {
    let reply =
        server.http.get(server.url("/.well-known/jwks.json")).send().await.expect("an answer");
    let keys = mapae::keys::client_keys::ClientKeys::parse(&Reply::of(reply).await.ok().text);
    decode_header(jwt)["alg"] == alg && keys.expect("keys").verify::<Value>(jwt).is_ok()
}

both! {
    async fn rfc7518_3_1_the_first_key_of_an_algorithm_is_made_for_who_is_registered_for_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let usual = BTreeMap::from([("ES256".to_owned(), 1), ("RS256".to_owned(), 1)]);
        assert_eq!(published(&server).await, usual);
        for (name, alg) in [("ps", TokenAlg::Ps256), ("ed", TokenAlg::EdDsa)] {
            let app = server.client(name, |client| {
                client.metadata.token_alg = alg;
                client.metadata.audiences = vec![API.to_owned()];
            }).await;
            let reply = app.password("openid read").await.ok();
            let access = reply.text("access_token");
            for token in [&access, &reply.text("id_token")] {
                assert!(is_signed(&server, token, alg.as_str()).await, "{alg:?}");
            }
            assert!(app.is_active(&access).await);
            app.userinfo(&access).await.ok();
            app.refresh(&reply.text("refresh_token")).await.ok();
            let verifier = Verifier::builder(server.issuer(), API)
                .algorithms([Algorithm::Ps256, Algorithm::EdDsa])
                .fetch(Network(app.http.clone())).build().expect("a verifier");
            verifier.verify(Presented::bearer(&access)).await.expect("good");
        }
        let mut all = usual.clone();
        all.extend([("EdDSA".to_owned(), 1), ("PS256".to_owned(), 1)]);
        assert_eq!(published(&server).await, all);
        // Every later key is published for the lead before it signs.
        let keyring = &server.inner.services().keyring;
        let app = server.client("more", |client| client.metadata.token_alg = TokenAlg::EdDsa).await;
        let own = [("grant_type", "client_credentials"), ("scope", "read")];
        let kid = |reply: Reply| decode_header(&reply.text("access_token"))["kid"].clone();
        let before = kid(app.token(&own).await.ok());
        keyring.rotate(&[TokenAlg::EdDsa], false).await.expect("rotated");
        assert_eq!(published(&server).await["EdDSA"], 2);
        assert_eq!(kid(app.token(&own).await.ok()), before);
        server.advance(2 * 3600);
        assert_ne!(kid(app.token(&own).await.ok()), before);
    }

    async fn core_3_1_3_6_at_hash_is_by_the_hash_of_the_algorithm(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        for alg in TokenAlg::ALL.iter().copied() {
            // The id token alone has this algorithm.
            let app = server.client(&alg.as_str().to_lowercase(), |client| {
                client.metadata.id_token_signed_response_alg = Some(alg);
            }).await;
            let reply = app.password("openid").await.ok();
            let (access, id_token) = (reply.text("access_token"), reply.text("id_token"));
            assert!(is_signed(&server, &id_token, alg.as_str()).await, "{alg:?}");
            let hash = match alg {
                TokenAlg::EdDsa => Sha512::digest(&access)[..32].to_vec(),
                _ => Sha256::digest(&access)[..16].to_vec(),
            };
            assert_eq!(decode_claims(&id_token)["at_hash"], URL_SAFE_NO_PAD.encode(hash), "{alg:?}");
        }
    }

    async fn core_3_1_2_1_an_answer_of_userinfo_is_no_id_token_hint(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.userinfo_signed_response_alg = Some(TokenAlg::Rs256);
        }).await;
        let mut browser = server.browser();
        let tokens = app.exchange(&browser.code(&app).await).await.ok();
        let told = app.userinfo(&tokens.text("access_token")).await.ok().text;
        let page = browser.get(&app.authorization_url(&[("id_token_hint", &told)])).await;
        page.error_response("invalid_request");
        let hint = tokens.text("id_token");
        let page = browser.get(&app.authorization_url(&[("id_token_hint", &hint)])).await;
        page.authorization_response().code();
    }

    async fn many_first_requests_make_one_key(database) {
        let server = Server::start(&database).await;
        let app = server.client("ps", |client| client.metadata.token_alg = TokenAlg::Ps256).await;
        let own = [("grant_type", "client_credentials"), ("scope", "read")];
        let replies = join_all((0..8).map(|_| app.token(&own))).await;
        let kids = replies.into_iter().map(|reply| {
            decode_header(&reply.ok().text("access_token"))["kid"].to_string()
        });
        assert_eq!(kids.collect::<BTreeSet<_>>().len(), 1);
        assert_eq!(published(&server).await["PS256"], 1);
    }

    async fn the_key_of_an_algorithm_is_made_without_a_token_too(database) {
        let server = Server::start(&database).await;
        server.client("ed", |client| client.metadata.token_alg = TokenAlg::EdDsa).await;
        server.forget_clients();
        let services = server.inner.services();
        let wanted = services.clients.algorithms().await.expect("algorithms");
        services.keyring.ensure(wanted.iter().copied()).await.expect("made");
        assert_eq!(published(&server).await["EdDSA"], 1);
        // Nothing is made twice, and an algorithm that nobody has gets no successor.
        services.keyring.ensure(wanted.iter().copied()).await.expect("made");
        services.keyring.maintain().await.expect("maintained");
        assert_eq!(services.keyring.rotate(&[TokenAlg::Ps256], true).await.expect("rotated").len(), 0);
        assert_eq!(published(&server).await.values().sum::<usize>(), 3);
    }

    async fn core_5_3_2_userinfo_is_a_signed_jwt_for_who_is_registered_for_it(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |client| {
            client.metadata.userinfo_signed_response_alg = Some(TokenAlg::Ps256);
        }).await;
        let access = app.password("openid profile").await.ok().text("access_token");
        let reply = app.userinfo(&access).await.ok();
        assert_eq!(reply.header("content-type"), "application/jwt");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(is_signed(&server, &reply.text, "PS256").await);
        let claims = decode_claims(&reply.text);
        let told = (&claims["iss"], &claims["aud"], &claims["sub"], &claims["name"]);
        assert_eq!(told, (&json!(server.issuer()), &json!("app"), &json!(sub), &json!("Alice")));
        // It is no token, and a refusal is JSON as ever.
        assert_eq!(app.introspect(&reply.text).await, json!({ "active": false }));
        app.userinfo(&reply.text).await.refused(401, "invalid_token");
        let plain = server.client("plain", |_| {}).await;
        let access = plain.password("openid").await.ok().text("access_token");
        assert_eq!(plain.userinfo(&access).await.ok().header("content-type"), "application/json");
    }

    async fn rfc9701_5_introspection_is_a_signed_jwt_for_who_asks_for_it(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |client| client.metadata.audiences = vec![API.to_owned()]).await;
        let api = server.client("api", |client| {
            client.metadata.resource_servers = vec![API.to_owned()];
            client.metadata.introspection_signed_response_alg = Some(TokenAlg::EdDsa);
        }).await;
        let access = app.password("read").await.ok().text("access_token");
        let reply = introspected(&api, &access, JWT).await.ok();
        assert_eq!(reply.header("content-type"), JWT);
        assert_eq!(reply.header("vary"), "Accept");
        assert_eq!(decode_header(&reply.text)["typ"], "token-introspection+jwt");
        assert!(is_signed(&server, &reply.text, "EdDSA").await);
        let claims = decode_claims(&reply.text);
        let mut names: Vec<_> = claims.as_object().expect("an object").keys().collect();
        names.sort_unstable();
        assert_eq!(names, ["aud", "iat", "iss", "token_introspection"], "neither sub nor exp");
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.issuer()), &json!("api")));
        let told = &claims["token_introspection"];
        assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(sub)));
        assert_eq!(*told, introspected(&api, &access, "application/json").await.ok().json());
        for (accept, as_jwt) in [
            ("*/*", false),
            ("application/json", false),
            (&format!("{JWT};q=0, application/json"), false),
            (&format!("application/json, {};q=0.9", JWT.to_uppercase()), true),
        ] {
            let reply = introspected(&api, &access, accept).await.ok();
            assert_eq!(reply.header("content-type") == JWT, as_jwt, "{accept}");
        }
        // §6: RS256 for who named no algorithm. A token that is not theirs is inactive.
        let stranger = server.client("stranger", |_| {}).await;
        let reply = introspected(&stranger, &access, JWT).await.ok();
        assert!(is_signed(&server, &reply.text, "RS256").await);
        assert_eq!(decode_claims(&reply.text)["token_introspection"], json!({ "active": false }));
        assert_eq!(decode_claims(&reply.text)["aud"], "stranger");
        let wrong = App { secret: Some("wrong".to_owned()), ..api.clone() };
        introspected(&wrong, &access, JWT).await.refused(401, "invalid_client");
    }

    async fn rfc8414_2_the_metadata_names_every_signing_algorithm(database) {
        let server = Server::start(&database).await;
        let document = server.http.get(server.url("/.well-known/oauth-authorization-server"));
        let document = Reply::of(document.send().await.expect("an answer")).await.ok().json();
        for name in ["id_token", "userinfo", "introspection"] {
            let algs = &document[format!("{name}_signing_alg_values_supported")];
            assert_eq!(*algs, json!(["RS256", "ES256", "PS256", "EdDSA"]), "{name}");
        }
    }
}
