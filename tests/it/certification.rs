//! What the OpenID certification checks in every answer: metadata, entropy, character sets,
//! headers. Entropy is measured on the text of the values.

use std::collections::BTreeMap;

use mapae::domain::client::AuthMethod;

use crate::identity::{EVERY_SCOPE, PROFILE};
use crate::support::{App, CALLBACK, Reply, Server, VERIFIER, both, form};

/// Shannon's entropy of a text, in bits.
#[expect(clippy::cast_precision_loss, reason = "texts are short")]
fn entropy(text: &str) -> f64 {
    let mut counts = BTreeMap::<char, u32>::new();
    text.chars().for_each(|c| *counts.entry(c).or_default() += 1);
    let length = text.chars().count() as f64;
    counts
        .values()
        .map(|count| f64::from(*count))
        .map(|count| -count * (count / length).log2())
        .sum()
}

async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

both! {
    /// conformance 3.1-1 to 3.1-9
    async fn discovery_4_3_the_metadata_says_what_is_true_and_nothing_else(database) {
        let issuer = "https://id.example.com/tenant";
        let server = Server::start_with(&database, &[("issuer", issuer)]).await;
        let local = format!("http://{}/tenant/.well-known/openid-configuration", server.inner.address());
        let reply = Reply::of(server.http.get(local).send().await.unwrap()).await.ok();
        assert_eq!(reply.header("content-type"), "application/json");
        let metadata = reply.json();
        assert_eq!(metadata["issuer"], issuer);
        for (name, value) in metadata.as_object().unwrap() {
            if name.ends_with("_endpoint") || name.ends_with("_uri") {
                assert!(value.as_str().unwrap().starts_with("https://id.example.com/tenant/"), "{name}");
            }
        }
        let list = |name: &str| {
            let list = metadata[name].as_array().unwrap_or_else(|| panic!("{name}"));
            list.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(list("response_types_supported"), ["code"]);
        assert_eq!(list("subject_types_supported"), ["public", "pairwise"]);
        assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
        assert_eq!(list("acr_values_supported"), ["1", "2", "phr"]);
        assert_eq!(list("ui_locales_supported"), ["en", "ko"]);
        assert_eq!(list("response_modes_supported").len(), 7);
        assert_eq!(list("authorization_signing_alg_values_supported"), list("id_token_signing_alg_values_supported"));
        assert!(list("id_token_signing_alg_values_supported").contains(&"RS256"));
        assert!(!list("id_token_signing_alg_values_supported").contains(&"none"));
        for scope in list("scopes_supported") {
            assert!(scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{scope}");
        }
        for scope in EVERY_SCOPE.split(' ').chain(["offline_access"]) {
            assert!(list("scopes_supported").contains(&scope), "{scope}");
        }
        assert!(PROFILE.iter().all(|claim| list("claims_supported").contains(claim)));
        for grant in ["authorization_code", "refresh_token"] {
            assert!(list("grant_types_supported").contains(&grant), "{grant}");
        }
        for method in ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] {
            assert!(list("token_endpoint_auth_methods_supported").contains(&method), "{method}");
        }
        assert_eq!(metadata["request_uri_parameter_supported"], false);
        assert_eq!(list("request_object_signing_alg_values_supported"), ["RS256", "PS256", "ES256", "EdDSA"]);
        for name in ["request_parameter_supported", "claims_parameter_supported", "authorization_response_iss_parameter_supported",
            "backchannel_logout_supported", "backchannel_logout_session_supported"] {
            assert_eq!(metadata[name], true);
        }
        for absent in ["require_request_uri_registration",
            "registration_endpoint", "check_session_iframe", "frontchannel_logout_supported"] {
            assert!(metadata.get(absent).is_none(), "{absent}");
        }
    }

    /// conformance 3.2-5: what is not ASCII never gets into a description.
    async fn rfc6749_4_1_2_1_a_description_is_ascii_whatever_was_asked(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        for (name, value) in [("scope", "이름"), ("prompt", "로그인\"\\"), ("claims", "{\"값\":\u{1f40e}}"), ("max_age", "하나\r\n"),
            ("response_mode", "폼"), ("response_type", "코드"), ("resource", "https://예.example"), ("code_challenge_method", "무")] {
            let heard = server.browser().get(&app.authorization_url(&[(name, value)])).await.authorization_response();
            let described = heard.get("error_description");
            let legal = described.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E));
            assert!(legal && !described.is_empty() && !heard.get("error").is_empty(), "{name}: {heard:?}");
            // conformance 3.3-5: at the token endpoint as well.
            let fields = [("grant_type", value), ("code", value), ("redirect_uri", value), ("scope", value)];
            assert!(app.token(&fields).await.text.is_ascii());
        }
    }

    /// conformance 3.2-6, 3.3-1: secrets are long, different and look random.
    async fn s067_codes_and_tokens_cannot_be_guessed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5 {
            let code = browser.code(&app).await;
            let reply = app.exchange(&code).await.ok();
            assert_eq!(reply.header("content-type"), "application/json");
            assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
            let json = reply.json();
            assert_eq!((json["token_type"].as_str(), json["expires_in"].as_i64()), (Some("Bearer"), Some(600)));
            let mut names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]);
            for secret in [code, reply.text("access_token"), reply.text("refresh_token")] {
                assert!(secret.bytes().all(|byte| byte.is_ascii_graphic()));
                assert!(entropy(&secret) > 160.0, "{} of {secret}", entropy(&secret));
                assert!(seen.insert(secret), "the same twice");
            }
        }
    }

    /// conformance 3.3-2, 3.3-3: the halves of Basic are form-encoded (RFC 6749 §2.3.1).
    async fn rfc6749_2_3_1_a_code_is_redeemed_by_basic_or_by_post(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let by_post = server.web_app("posting app", |client| {
            client.metadata.first_party = true;
            client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
        })
        .await;
        let mut browser = server.browser();
        let code = browser.code(&app).await;
        let usual = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        let ask = async |code: &str, more: &[(&str, &str)], basic: Option<(&str, &str)>| {
            let mut fields = [&usual[..], more].concat();
            fields.push(("code", code));
            let mut request = server.http.post(server.url("/token")).body(form(&fields));
            request = request.header("content-type", "application/x-www-form-urlencoded");
            if let Some((id, secret)) = basic {
                request = request.basic_auth(id, Some(secret));
            }
            Reply::of(request.send().await.unwrap()).await
        };
        let secret = app.secret.clone().unwrap();
        let wrong = ask(&code, &[], Some(("app", "wrong"))).await;
        wrong.refused(401, "invalid_client");
        assert!(wrong.header("www-authenticate").starts_with("Basic "));
        let both = [("client_id", "app"), ("client_secret", secret.as_str())];
        ask(&code, &both, Some(("app", &secret))).await.refused(400, "invalid_request");
        let encoded: Vec<_> = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let encoded = encoded.concat();
        ask(&code, &[], Some(("%61pp", &encoded))).await.ok();
        let code = browser.code(&by_post).await;
        let secret = by_post.secret.clone().unwrap();
        ask(&code, &[], Some(("posting+app", &secret))).await.refused(401, "invalid_client");
        let wrong = [("client_id", "posting app"), ("client_secret", "wrong")];
        ask(&code, &wrong, None).await.refused(401, "invalid_client");
        let right = [("client_id", "posting app"), ("client_secret", secret.as_str())];
        ask(&code, &right, None).await.ok();
    }
}
