//! Signed authorization requests, RFC 9101.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use mapae::domain::client::{Client, RequestObjectAlg, TokenAlg};
use mapae::keys::make;
use serde_json::{Value, json};

use crate::support::{App, CALLBACK, CHALLENGE, STATE, Server, both, form};

/// A key of a client, with the algorithm that it signs by.
pub(crate) enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, Value, &'static str),
}

impl Key {
    pub(crate) fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn rsa(alg: &'static str) -> Self {
        let made = make::generate(TokenAlg::Rs256, 2048).unwrap();
        let key = RsaKeyPair::from_pkcs8(made.private.expose()).unwrap();
        let mut jwk = json!(made.public_jwk);
        jwk.as_object_mut().unwrap().remove("alg");
        jwk["kid"] = json!("1");
        Self::Rsa(Box::new(key), jwk, alg)
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Rsa(_, _, alg) => alg,
        }
    }

    /// The public half, which names no algorithm.
    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Es256(key) => {
                let point = key.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": "1", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]) })
            }
            Self::EdDsa(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": B64.encode(key.public_key().as_ref()) })
            }
            Self::Rsa(_, jwk, _) => jwk.clone(),
        }
    }

    pub(crate) fn sign_by(&self, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let signature = match self {
            Self::Es256(key) => {
                key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::EdDsa(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
            Self::Rsa(key, _, alg) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = SystemRandom::new();
                match *alg {
                    "PS256" => {
                        key.sign(&RSA_PSS_SHA256, &random, message.as_bytes(), &mut signature)
                    }
                    _ => key.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature),
                }
                .unwrap();
                signature
            }
        };
        format!("{message}.{}", B64.encode(signature))
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_by(
            &json!({ "alg": self.alg(), "typ": "oauth-authz-req+jwt", "kid": "1" }),
            claims,
        )
    }
}

/// Registers the key of a client that may sign its requests.
fn signing(client: &mut Client, key: &Key, alg: Option<RequestObjectAlg>) {
    client.metadata.jwks = Some(json!({ "keys": [key.jwk()] }));
    client.metadata.request_object_signing_alg = alg;
}

/// The claims of a good request. `changes` replaces or adds some; `null` takes one away.
fn claims(server: &Server, changes: &Value) -> Value {
    let now = server.now().now().timestamp();
    let mut claims = json!({
        "iss": "app", "client_id": "app", "aud": server.issuer(), "nbf": now, "exp": now + 300,
        "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": STATE,
        "nonce": "a-nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn url(app: &App, object: &str, beside: &[(&str, &str)]) -> String {
    let mut fields = vec![("client_id", app.id.as_str()), ("request", object)];
    fields.extend(beside);
    format!("{}/authorize?{}", app.base, form(&fields))
}

both! {
    async fn rfc9101_6_3_only_what_is_inside_a_signed_request_counts(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let key = Key::es256();
        let app = server.web_app("app", |client| signing(client, &key, Some(RequestObjectAlg::Es256))).await;
        let object = key.sign(&claims(&server, &json!({})));
        let beside = [("state", "outside"), ("redirect_uri", "https://evil.example"), ("scope", "admin"),
            ("nonce", "outside"), ("response_type", "token"), ("prompt", "none")];
        let heard = server.browser().arrive(&url(&app, &object, &beside)).await.authorization_response();
        assert_eq!(heard.get("state"), STATE);
        let tokens = app.exchange(&heard.code()).await.ok();
        assert_eq!(crate::support::decode_claims(&tokens.text("id_token"))["nonce"], "a-nonce");
        // A parameter that is repeated beside it does no harm.
        let twice = format!("{}&state=2", url(&app, &object, &[("state", "1")]));
        assert!(server.browser().open(&twice).await.has("login-submit"));
        // What is missing inside is missing.
        let object = key.sign(&claims(&server, &json!({ "redirect_uri": null })));
        server.browser().get(&url(&app, &object, &[("redirect_uri", CALLBACK)])).await.is_error("invalid_redirect_uri");
        let object = key.sign(&claims(&server, &json!({ "state": null })));
        let heard = server.browser().arrive(&url(&app, &object, &[("state", "outside")])).await.authorization_response();
        assert_eq!(heard.names(), ["code", "iss"]);
        // Errors are those of any request, with what stands inside.
        let object = key.sign(&claims(&server, &json!({ "response_type": "token" })));
        let heard = server.browser().get(&url(&app, &object, &[])).await.authorization_response();
        assert_eq!((heard.get("error"), heard.get("state")), ("unsupported_response_type", STATE));
        // Values that are no text: a number and an object.
        let object = key.sign(&claims(&server, &json!({ "max_age": 60, "claims": { "userinfo": { "email": null } } })));
        assert!(server.browser().open(&url(&app, &object, &[])).await.has("login-submit"));

        // RFC 9126 §3: the same is true of a request that is pushed.
        let object = key.sign(&claims(&server, &json!({})));
        let pushed = app.post("/par", &[("request", &object), ("state", "outside"), ("scope", "admin")]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        let heard = server.browser().arrive(&app.pushed_url(&pushed)).await.authorization_response();
        assert_eq!(heard.get("state"), STATE);
        app.exchange(&heard.code()).await.ok();
    }

    /// Each line one reason. The refusal goes to the redirect URI that stands beside the object.
    async fn rfc9101_4_bad_request_objects_are_refused_each_for_its_reason(database) {
        let server = Server::start(&database).await;
        let (key, other) = (Key::es256(), Key::es256());
        let app = server.web_app("app", |client| signing(client, &key, Some(RequestObjectAlg::Es256))).await;
        let keyless = server.web_app("keyless", |_| {}).await;
        let now = server.now().now().timestamp();
        let good = claims(&server, &json!({}));
        let with = |changes: Value| key.sign(&claims(&server, &changes));
        let header = |header: Value| key.sign_by(&header, &good);
        let encoded = |value: &Value| B64.encode(value.to_string());
        let unsigned = |alg: &str| format!("{}.{}.", encoded(&json!({ "alg": alg })), encoded(&good));
        let whole = key.sign(&good);
        let (head, signature) = (whole.split('.').next().unwrap(), whole.rsplit('.').next().unwrap());
        let changed = claims(&server, &json!({ "scope": "openid email" }));
        let beside = [("redirect_uri", CALLBACK), ("state", STATE)];
        for (object, reason) in [
            ("x".to_owned(), "request_object_malformed"),
            ("a.b.c".to_owned(), "request_object_malformed"),
            ("a.b.c.d.e".to_owned(), "request_object_malformed"),
            (key.sign(&json!([1])), "request_object_malformed"),
            (with(json!({ "exp": "soon" })), "request_object_malformed"),
            (with(json!({ "aud": 5 })), "request_object_malformed"),
            (with(json!({ "resource": [5] })), "request_object_malformed"),
            (unsigned("none"), "request_object_unsigned"),
            (unsigned("NONE"), "request_object_unsigned"),
            (header(json!({ "alg": "ES256", "typ": "at+jwt" })), "request_object_type_mismatch"),
            (header(json!({ "alg": "ES256", "typ": "JWT", "kid": "2" })), "request_object_signature_invalid"),
            (header(json!({ "alg": "ES256", "crit": ["x"], "x": 1 })), "request_object_signature_invalid"),
            (header(json!({ "alg": "RS256" })), "request_object_signature_invalid"),
            (header(json!({ "alg": "HS256" })), "request_object_signature_invalid"),
            (other.sign(&good), "request_object_signature_invalid"),
            (format!("{head}.{}.{signature}", encoded(&changed)), "request_object_signature_invalid"),
            (format!("{head}.{}.", encoded(&good)), "request_object_signature_invalid"),
            (with(json!({ "iss": "other" })), "request_object_client_mismatch"),
            (with(json!({ "client_id": "other" })), "request_object_client_mismatch"),
            (with(json!({ "iss": null, "client_id": null })), "request_object_client_mismatch"),
            (with(json!({ "sub": "app" })), "request_object_sub_is_client"),
            (with(json!({ "aud": "https://other.example" })), "request_object_audience_mismatch"),
            (with(json!({ "aud": [] })), "request_object_audience_mismatch"),
            (with(json!({ "aud": server.url("/token") })), "request_object_audience_mismatch"),
            (with(json!({ "exp": now })), "request_object_expired"),
            (with(json!({ "nbf": now + 61 })), "request_object_not_yet_valid"),
            (with(json!({ "iat": now + 61 })), "request_object_not_yet_valid"),
            (with(json!({ "request": whole })), "request_object_nested"),
            (with(json!({ "request_uri": "https://rp.example/request" })), "request_object_nested"),
        ] {
            let sentence = mapae::domain::reason::Reason::ALL.iter().find(|one| one.as_str() == reason).unwrap().sentence();
            let heard = server.browser().get(&url(&app, &object, &beside)).await;
            let heard = heard.error_response("invalid_request_object");
            assert_eq!((heard.get("error_description"), heard.get("state")), (sentence, STATE), "{object}");
            let pushed = app.post("/par", &[("request", &object)]).await;
            pushed.refused(400, "invalid_request_object");
            assert_eq!(pushed.text("error_description"), sentence, "{object}");
            // Without a redirect URI beside it there is a page.
            server.browser().get(&url(&app, &object, &[])).await.is_error("invalid_request_object");
        }
        let heard = server.browser().get(&url(&keyless, &whole, &beside)).await;
        heard.error_response("invalid_request_object");
        // Both ways at once: nothing is fetched.
        let both = [("redirect_uri", CALLBACK), ("request_uri", "https://rp.example/request")];
        server.browser().get(&url(&app, &whole, &both)).await.error_response("request_uri_not_supported");
        server.browser().get(&url(&app, &whole, &[("request_uri", "https://rp.example/request")])).await.is_error("invalid_request_uri");
        // An empty parameter is one that was left out (RFC 6749 §3.1): the object counts.
        let empty = [("request_uri", ""), ("scope", "admin"), ("redirect_uri", "https://evil.example")];
        assert!(server.browser().open(&url(&app, &whole, &empty)).await.has("login-submit"));
        let heard = server.browser().get(&url(&app, "x", &[("request_uri", ""), beside[0]])).await;
        heard.error_response("invalid_request_object");
        // What is optional, and several audiences.
        for fine in [
            json!({ "iss": null, "aud": null, "exp": null, "nbf": null }),
            json!({ "client_id": null, "sub": "somebody" }),
            json!({ "aud": ["https://other.example", server.issuer()] }),
            json!({ "nbf": now + 8, "exp": now + 86_400 }),
        ] {
            assert!(server.browser().open(&url(&app, &with(fine), &[])).await.has("login-submit"));
        }
        for typ in [json!({ "alg": "ES256" }), json!({ "alg": "ES256", "typ": "application/OAuth-Authz-Req+JWT" })] {
            assert!(server.browser().open(&url(&app, &header(typ), &[])).await.has("login-submit"));
        }
    }

    async fn rfc9101_10_1_each_client_signs_by_its_algorithm(database) {
        let server = Server::start(&database).await;
        let ed = Ed25519KeyPair::generate().unwrap();
        let other = Ed25519KeyPair::generate().unwrap();
        for (key, alg, (wrong, another)) in [
            (Key::rsa("RS256"), RequestObjectAlg::Rs256, (RequestObjectAlg::Ps256, Key::rsa("PS256"))),
            (Key::rsa("PS256"), RequestObjectAlg::Ps256, (RequestObjectAlg::Rs256, Key::rsa("RS256"))),
            (Key::es256(), RequestObjectAlg::Es256, (RequestObjectAlg::EdDsa, Key::EdDsa(other))),
            (Key::EdDsa(ed), RequestObjectAlg::EdDsa, (RequestObjectAlg::Es256, Key::es256())),
        ] {
            let id = format!("app-{}", alg.as_str());
            let app = server.web_app(&id, |client| signing(client, &key, Some(alg))).await;
            let object = key.sign(&claims(&server, &json!({ "iss": id, "client_id": id })));
            assert!(server.browser().open(&url(&app, &object, &[])).await.has("login-submit"), "{id}");
            server.change(&id, |client| {
                client.metadata.jwks = Some(json!({ "keys": [key.jwk(), another.jwk()] }));
                client.metadata.request_object_signing_alg = Some(wrong);
            }).await;
            server.browser().get(&url(&app, &object, &[])).await.is_error("invalid_request_object");
        }
    }

    /// conformance 2.8
    async fn rfc9101_10_5_a_client_that_has_to_sign_is_held_to_it(database) {
        let server = Server::start(&database).await;
        let key = Key::es256();
        let app = server.web_app("app", |client| {
            signing(client, &key, Some(RequestObjectAlg::Es256));
            client.metadata.require_signed_request_object = true;
        }).await;
        server.browser().get(&app.authorization_url(&[])).await.error_response("invalid_request");
        app.push(&[]).await.refused(400, "invalid_request");
        // An empty request_uri turns nothing off.
        for object in ["", "x"] {
            let beside = app.authorization_url(&[("request", object), ("request_uri", "")]);
            let error = if object.is_empty() { "invalid_request" } else { "invalid_request_object" };
            server.browser().get(&beside).await.error_response(error);
        }
        let now = server.now().now().timestamp();
        let object = |changes: Value| key.sign(&claims(&server, &changes));
        for missing in ["iss", "aud", "exp", "nbf"] {
            app.post("/par", &[("request", &object(json!({ missing: null })))]).await.refused(400, "invalid_request_object");
        }
        for bad in [
            json!({ "exp": now + 3601 }),
            json!({ "nbf": now - 3601 }),
            json!({ "nbf": now - 4000, "exp": now - 400 }),
        ] {
            app.post("/par", &[("request", &object(bad))]).await.refused(400, "invalid_request_object");
        }
        for fine in [json!({}), json!({ "nbf": now + 8 }), json!({ "aud": [server.issuer(), "https://other.example"] })] {
            let pushed = app.post("/par", &[("request", &object(fine))]).await;
            assert_eq!(pushed.status, 201, "{}", pushed.text);
            // What was pushed was signed.
            assert!(server.browser().open(&app.pushed_url(&pushed)).await.has("login-submit"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_signs_requests_by_keys_that_are_registered() {
    let cli = crate::support::Cli::new(&crate::support::Database::Sqlite).await;
    let file = cli.folder.path().join("keys.json");
    std::fs::write(&file, json!({ "keys": [Key::es256().jwk()] }).to_string()).unwrap();
    let file = file.display().to_string();
    let create = ["client", "create", "--id", "app", "--kind", "confidential"];
    let with = |more: &[&'static str]| [&create[..], more].concat();
    let refused = cli.run(&with(&["--request-object-signing-alg", "ES256"]), None).await;
    assert_ne!(refused.code, 0);
    let refused = cli.run(&with(&["--request-object-signing-alg", "none"]), None).await;
    assert_ne!(refused.code, 0);
    // No key of the set is for this algorithm.
    let mut other = with(&["--request-object-signing-alg", "PS256", "--jwks"]);
    other.push(&file);
    let refused = cli.run(&other, None).await;
    assert!(refused.code != 0 && refused.err.contains("PS256"), "{refused:?}");
    let mut good = with(&[
        "--request-object-signing-alg",
        "ES256",
        "--require-signed-request-object",
        "--jwks",
    ]);
    good.push(&file);
    cli.json(&good, None).await;
    let shown = cli.json(&["client", "show", "--id", "app"], None).await;
    assert_eq!(
        (&shown["request_object_signing_alg"], &shown["require_signed_request_object"]),
        (&json!("ES256"), &json!(true))
    );
    cli.json(&["client", "update", "--id", "app", "--request-object-signing-alg", ""], None).await;
    let shown = cli.json(&["client", "show", "--id", "app"], None).await;
    assert_eq!(shown["request_object_signing_alg"], Value::Null);
}
