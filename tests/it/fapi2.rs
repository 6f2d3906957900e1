//! FAPI 2.0: a client of the profile, and everything that it is refused. The tables follow the
//! modules of the conformance suite, each line one reason.

use mapae::domain::client::{Client, TokenAlg};
use mapae::domain::client_metadata::ClientChange;
use mapae::domain::reason::Reason;
use serde_json::{Value, json};

use crate::signed_requests::Key;
use crate::support::{
    App, CALLBACK, CHALLENGE, Holder, Reply, STATE, Server, VERIFIER, both, decode_claims,
    decode_header, form,
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client of the profile: it signs its assertions by one key and proves another one.
struct Bank<'a> {
    server: &'a Server,
    app: App,
    key: Key,
    holder: Holder,
}

/// Registers the profile with these other attributes.
fn profiled(client: &mut Client, key: &Key, more: &Value) {
    let mut given = json!({
        "profile": "fapi2", "jwks": { "keys": [key.jwk()] }, "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    });
    given.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let change = ClientChange(given.as_object().cloned().unwrap());
    client.metadata = client.metadata.changed(&change).unwrap();
}

impl<'a> Bank<'a> {
    async fn new(server: &'a Server, id: &str, key: Key, more: &Value) -> Self {
        let app = server.web_app(id, |client| profiled(client, &key, more)).await;
        assert_eq!(app.secret, None);
        Self { server, app, key, holder: Holder::new(server.now()) }
    }

    /// An assertion. `changes` replaces or adds claims; `null` leaves one out.
    fn assertion(&self, changes: &Value) -> String {
        let now = self.server.now().now().timestamp();
        let mut claims = json!({
            "iss": self.app.id, "sub": self.app.id, "aud": self.server.issuer(),
            "jti": uuid::Uuid::new_v4().to_string(), "iat": now, "exp": now + 60,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.key.sign_by(&json!({ "alg": self.key.alg(), "kid": "1" }), &claims)
    }

    /// A request with this assertion and this proof.
    async fn send(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        assertion: Option<&str>,
        proof: Option<&str>,
    ) -> Reply {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.app.id));
        if let Some(assertion) = assertion {
            fields.push(("client_assertion_type", ASSERTION_TYPE));
            fields.push(("client_assertion", assertion));
        }
        let mut request = self.app.http.post(self.server.url(path));
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Reply::of(request.body(form(&fields)).send().await.unwrap()).await
    }

    /// A request with a good assertion and a good proof.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let proof = self.holder.prove("POST", &self.server.url(path), &json!({}));
        self.send(path, fields, Some(&self.assertion(&json!({}))), Some(&proof)).await
    }

    /// Pushes a request. `changes` replaces or adds parameters; an empty one is left out.
    async fn push(&self, changes: &[(&str, &str)]) -> Reply {
        let request = self.app.authorization_request(changes);
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(request.as_bytes()).into_owned().collect();
        let named = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = named.filter(|(name, _)| *name != "client_id").collect();
        self.post("/par", &fields).await
    }

    async fn code(&self) -> String {
        let pushed = created(self.push(&[]).await);
        let mut browser = self.server.browser();
        browser.arrive(&self.app.pushed_url(&pushed)).await.authorization_response().code()
    }

    async fn redeem(&self, code: &str) -> Reply {
        self.post("/token", &redeeming(code)).await
    }

    async fn refresh(&self, token: &str) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post("/token", &fields).await
    }

    /// The claims of a good request object, changed.
    fn object(&self, changes: &Value) -> String {
        let now = self.server.now().now().timestamp();
        let mut claims = json!({
            "iss": self.app.id, "client_id": self.app.id, "aud": self.server.issuer(), "nbf": now,
            "exp": now + 300, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid",
            "state": STATE, "nonce": "a-nonce", "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.key.sign(&claims)
    }
}

fn redeeming(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

#[track_caller]
fn created(reply: Reply) -> Reply {
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply
}

fn sentence(reason: &str) -> &'static str {
    Reason::ALL.iter().find(|one| one.as_str() == reason).expect("a reason").sentence()
}

both! {
    /// happy-flow, discovery-end-point-verification, ensure-dpop-auth-code-binding-success
    async fn fapi2_5_3_2_a_client_of_the_profile_signs_a_person_in(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({})).await;
        let metadata = bank.app.metadata().await;
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(metadata["response_types_supported"], json!(["code"]));
        let pushed = created(bank.push(&[]).await);
        assert_eq!(pushed.header("cache-control"), "no-store");
        assert_eq!(pushed.json()["expires_in"], 60);
        let mut browser = server.browser();
        let page = browser.arrive(&bank.app.pushed_url(&pushed)).await;
        // §5.3.2.2: 303, and who answers.
        assert_eq!(page.reply.status, 303);
        let heard = page.authorization_response();
        assert_eq!((heard.get("state"), heard.get("iss")), (STATE, server.issuer()));
        let tokens = bank.redeem(&heard.code()).await.ok();
        assert_eq!(tokens.text("token_type"), "DPoP");
        let (access, refresh, id) =
            (tokens.text("access_token"), tokens.text("refresh_token"), tokens.text("id_token"));
        for token in [&access, &id] {
            assert_eq!(decode_header(token)["alg"], "ES256");
        }
        assert_eq!(decode_claims(&access)["cnf"]["jkt"], bank.holder.jkt());
        assert_eq!(decode_claims(&id)["nonce"], "a-nonce");
        bank.holder.userinfo(&bank.app, &access).await.ok();
        // access-token-type-header-case-sensitivity; downgrade to Bearer
        for (scheme, status) in [("dpop", 200), ("DPOP", 200), ("Bearer", 401)] {
            use base64::Engine;
            use sha2::Digest;
            let ath = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&access));
            let proof = bank.holder.prove("GET", &server.url("/userinfo"), &json!({ "ath": ath }));
            let proofs: &[&str] = &[&proof];
            let reply = crate::support::userinfo_by(&bank.app, scheme, &access, proofs).await;
            assert_eq!(reply.status, status, "{scheme}");
        }
        // §5.3.2.1: refresh tokens do not rotate.
        for _ in 0..2 {
            let again = bank.refresh(&refresh).await.ok();
            assert!(again.json().get("refresh_token").is_none_or(|same| *same == *refresh));
        }
        // Its own tokens are bound too.
        let own = bank.post("/token", &[("grant_type", "client_credentials")]).await.ok();
        assert_eq!(own.text("token_type"), "DPoP");
        // user-rejects-authentication
        let pushed = created(bank.push(&[("prompt", "consent")]).await);
        let consent = browser.open(&bank.app.pushed_url(&pushed)).await;
        browser.consent(&consent, "deny").await.error_response("access_denied");
    }

    /// ensure-authorization-request-without-state, -nonce, -with-64-char-nonce, -long-nonce,
    /// -long-state, ensure-other-scope-order, test-claims-parameter-identity-claims
    async fn fapi2_what_the_suite_wants_to_succeed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({})).await;
        let (nonce, long, state) = ("n".repeat(64), "n".repeat(384), "s".repeat(384));
        let changes: [&[(&str, &str)]; 7] = [
            &[("state", "")],
            &[("nonce", "")],
            &[("nonce", &nonce)],
            &[("nonce", &long)],
            &[("state", &state)],
            &[("scope", "email openid")],
            &[("claims", r#"{"id_token":{"email":{"essential":true}},"userinfo":{"name":null}}"#)],
        ];
        let mut browser = server.browser();
        for change in changes {
            let pushed = created(bank.push(change).await);
            let heard = browser.arrive(&bank.app.pushed_url(&pushed)).await.authorization_response();
            let tokens = bank.redeem(&heard.code()).await.ok();
            let claims = decode_claims(&tokens.text("id_token"));
            match change[0] {
                ("state", "") => assert_eq!(heard.names(), ["code", "iss"]),
                ("state", state) => assert_eq!(heard.get("state"), state),
                ("nonce", "") => assert!(claims.get("nonce").is_none()),
                ("nonce", nonce) => assert_eq!(claims["nonce"], nonce),
                ("claims", _) => assert!(claims["email"].is_string(), "{claims}"),
                _ => {}
            }
        }
    }

    /// An essential `acr` comes as it was asked for, or the app hears that it cannot.
    async fn core_5_5_1_1_an_essential_acr_of_a_pushed_request_is_met_or_refused(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({})).await;
        let mut browser = server.browser();
        let pushed = created(bank.push(&[]).await);
        browser.arrive(&bank.app.pushed_url(&pushed)).await.authorization_response().code();
        server.advance(600);
        for (values, met) in [
            (json!({ "value": "1" }), true),
            (json!({ "values": ["phr", "1"] }), true),
            (json!({ "values": ["2"] }), false),
            (json!({ "values": ["phr"] }), false),
            (json!({ "value": "urn:mace:incommon:iap:silver" }), false),
        ] {
            let mut acr = values.clone();
            acr["essential"] = json!(true);
            let claims = json!({ "id_token": { "acr": acr } }).to_string();
            let pushed = created(bank.push(&[("claims", &claims)]).await);
            let page = browser.arrive(&bank.app.pushed_url(&pushed)).await;
            if met {
                let tokens = bank.redeem(&page.authorization_response().code()).await.ok();
                assert_eq!(decode_claims(&tokens.text("id_token"))["acr"], "1", "{values}");
            } else {
                page.error_response("unmet_authentication_requirements");
            }
        }
    }

    /// Each line one reason; the same at both endpoints that authenticate.
    async fn fapi2_5_3_2_1_assertions_are_refused_each_for_its_reason(database) {
        let server = Server::start(&database).await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({})).await;
        let other = Bank::new(&server, "other", Key::es256(), &json!({})).await;
        let now = server.now().now().timestamp();
        let own = [("grant_type", "client_credentials")];
        let (token, par, issuer) = (server.url("/token"), server.url("/par"), server.issuer());
        let proof = |path: &str| bank.holder.prove("POST", &server.url(path), &json!({}));
        for path in ["/token", "/par"] {
            for bad in [
                // par-test-token-endpoint-url-as-audience-fails
                json!({ "aud": token }),
                // par-test-par-endpoint-url-as-audience-fails
                json!({ "aud": par }),
                // par-test-array-as-audience-fails
                json!({ "aud": [issuer] }),
                json!({ "aud": [issuer, "https://other.example"] }),
                // ensure-client-assertion-with-wrong-aud-fails
                json!({ "aud": "https://other.example" }),
                json!({ "aud": format!("{issuer}/") }),
                json!({ "aud": null }),
                // ensure-client-assertion-with-exp-is-5-minutes-in-past-fails
                json!({ "exp": now - 300 }),
                json!({ "exp": null }),
                json!({ "exp": now + 3600 }),
                // ensure-client-assertion-with-no-sub-fails
                json!({ "sub": null }),
                json!({ "iss": null }),
                json!({ "iss": "other" }),
                json!({ "sub": "other", "iss": "other" }),
                json!({ "jti": null }),
                // par-test-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails
                json!({ "nbf": now + 61 }),
                json!({ "iat": now + 61 }),
            ] {
                let assertion = bank.assertion(&bad);
                let reply = bank.send(path, &own, Some(&assertion), Some(&proof(path))).await;
                assert_eq!(reply.json()["error"], "invalid_client", "{path} {bad} {}", reply.text);
            }
            // Another key, no assertion, and the client of another assertion.
            let forged = Bank { app: bank.app.clone(), key: Key::es256(), holder: Holder::new(server.now()), ..bank }.assertion(&json!({}));
            bank.send(path, &own, Some(&forged), Some(&proof(path))).await.refused(401, "invalid_client");
            bank.send(path, &own, None, Some(&proof(path))).await.refused(401, "invalid_client");
            // ensure-client-id-in-token-endpoint
            let theirs = other.assertion(&json!({}));
            bank.send(path, &own, Some(&theirs), Some(&proof(path))).await.refused(401, "invalid_client");
        }
        // par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
        let early = bank.assertion(&json!({ "nbf": now + 8 }));
        bank.send("/token", &own, Some(&early), Some(&proof("/token"))).await.ok();
        // Once is once.
        bank.send("/token", &own, Some(&early), Some(&proof("/token"))).await.refused(401, "invalid_client");
    }

    /// ensure-signed-client-assertion-with-RS256-fails, ensure-signed-request-object-with-RS256-fails
    async fn fapi2_5_4_1_nothing_is_signed_by_rs256(database) {
        let server = Server::start(&database).await;
        // One key, whose JWK names no algorithm: PS256 is good and RS256 is not.
        let Key::Rsa(key, jwk, _) = Key::rsa("PS256") else { unreachable!() };
        let bank = Bank::new(&server, "bank", Key::Rsa(key, jwk, "PS256"), &json!({})).await;
        let own = [("grant_type", "client_credentials")];
        bank.post("/token", &own).await.ok();
        let object = bank.object(&json!({}));
        created(bank.post("/par", &[("request", &object)]).await);
        let Bank { app, key: Key::Rsa(key, jwk, _), holder, .. } = bank else { unreachable!() };
        let strong = |key: Key| Bank { server: &server, app: app.clone(), key, holder: Holder::new(server.now()) };
        let weak = strong(Key::Rsa(key, jwk, "RS256"));
        weak.post("/token", &own).await.refused(401, "invalid_client");
        weak.post("/par", &own).await.refused(401, "invalid_client");
        let object = weak.object(&json!({}));
        let Bank { key: Key::Rsa(key, jwk, _), .. } = weak else { unreachable!() };
        let bank = Bank { server: &server, app: app.clone(), key: Key::Rsa(key, jwk, "PS256"), holder };
        let refused = bank.post("/par", &[("request", &object)]).await;
        refused.refused(400, "invalid_request_object");
        assert_eq!(refused.text("error_description"), sentence("request_object_alg_refused"));
    }

    /// An API cannot have what the profile forbids.
    async fn fapi2_5_4_1_an_api_for_rs256_gets_the_algorithm_of_the_client(database) {
        let server = Server::start(&database).await;
        let api = "https://api.example.com";
        let cli = server.cli().await;
        cli.json(&["resource", "create", "--id", api, "--token-alg", "RS256"], None).await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({ "audiences": [api] })).await;
        server.forget_clients();
        let own = bank.post("/token", &[("grant_type", "client_credentials")]).await.ok();
        let access = own.text("access_token");
        assert!(decode_claims(&access)["aud"].to_string().contains(api));
        assert_eq!(decode_header(&access)["alg"], "ES256");
    }

    /// When the profile begins, what was there before does not go on.
    async fn fapi2_5_3_2_what_began_before_the_profile_ends(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("bank", |_| ()).await;
        let (access, _) = app.exchange(&server.browser().code(&app).await).await.pair();
        app.userinfo(&access).await.ok();
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        assert!(login.has("login-submit"));
        let key = Key::es256();
        server.change("bank", |client| profiled(client, &key, &json!({}))).await;
        app.userinfo(&access).await.refused(401, "invalid_token");
        let heard = browser.sign_in(&login).await;
        let heard = heard.error_response("invalid_request");
        assert_eq!(heard.get("error_description"), sentence("push_required"));
    }

    /// Requests: each line one reason.
    async fn fapi2_5_3_2_2_requests_are_refused_each_for_its_reason(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({})).await;
        let other = Bank::new(&server, "other", Key::es256(), &json!({})).await;
        // ensure-unsigned-authorization-request-without-using-par-fails
        server.browser().get(&bank.app.authorization_url(&[])).await.error_response("invalid_request");
        for (changes, error) in [
            // par-ensure-pkce-required, par-plain-pkce-rejected
            (&[("code_challenge", ""), ("code_challenge_method", "")][..], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            // ensure-response-type-code-idtoken-fails, ensure-response-type-token-fails
            (&[("response_type", "code id_token")], "unsupported_response_type"),
            (&[("response_type", "token")], "unsupported_response_type"),
            (&[("response_type", "")], "invalid_request"),
            // ensure-registered-redirect-uri, ensure-redirect-uri-in-authorization-request
            (&[("redirect_uri", "https://evil.example/cb")], "invalid_request"),
            (&[("redirect_uri", "https://app.example.com/callback?dummy1=lorem")], "invalid_request"),
            (&[("redirect_uri", "")], "invalid_request"),
            // par-authorization-request-containing-request_uri-form-param
            (&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request"),
            // ensure-mismatched-dpop-jkt-fails
            (&[("dpop_jkt", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")], "invalid_request"),
        ] {
            bank.push(changes).await.refused(400, error);
        }
        // par-attempt-invalid-http-method
        for method in [reqwest::Method::GET, reqwest::Method::PUT] {
            let reply = server.http.request(method, server.url("/par")).send().await.unwrap();
            assert_eq!(reply.status(), 405);
        }
        // par-attempt-to-use-request_uri-for-different-client
        let pushed = created(bank.push(&[]).await);
        server.browser().get(&other.app.pushed_url(&pushed)).await.is_error("invalid_request_uri");
        // par-ensure-reused-request-uri-prior-to-auth-completion-succeeds, -reuse-request_uri
        let mut browser = server.browser();
        let url = bank.app.pushed_url(&pushed);
        assert!(browser.open(&url).await.has("login-submit"));
        browser.arrive(&url).await.authorization_response().code();
        server.browser().get(&url).await.is_error("invalid_request_uri");
        // par-attempt-to-use-expired-request_uri
        let pushed = created(bank.push(&[]).await);
        server.advance(61);
        server.browser().get(&bank.app.pushed_url(&pushed)).await.is_error("invalid_request_uri");
    }

    /// Codes and tokens: each line one reason.
    async fn fapi2_5_3_2_1_codes_are_refused_each_for_its_reason(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({})).await;
        let other = Bank::new(&server, "other", Key::es256(), &json!({})).await;
        let code = bank.code().await;
        let good = redeeming(&code);
        // ensure-holder-of-key-required
        let assertion = bank.assertion(&json!({}));
        bank.send("/token", &good, Some(&assertion), None).await.refused(400, "invalid_dpop_proof");
        // ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected
        bank.post("/token", &good[..3]).await.refused(400, "invalid_grant");
        let mut wrong = good;
        wrong[3].1 = "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong";
        let code = if bank.post("/token", &wrong).await.status == 400 { bank.code().await } else { panic!() };
        // ensure-authorization-code-is-bound-to-client
        other.redeem(&code).await.refused(400, "invalid_grant");
        // ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt
        let code = bank.code().await;
        let thief = Holder::new(server.now()).prove("POST", &server.url("/token"), &json!({}));
        let assertion = bank.assertion(&json!({}));
        bank.send("/token", &redeeming(&code), Some(&assertion), Some(&thief)).await.refused(400, "invalid_grant");
        // ensure-token-endpoint-fails-with-expired-auth-code
        let code = bank.code().await;
        server.advance(60);
        bank.redeem(&code).await.refused(400, "invalid_grant");
        // attempt-reuse-authorization-code-after-one-second
        let code = bank.code().await;
        let (_, refresh) = bank.redeem(&code).await.pair();
        server.advance(1);
        bank.redeem(&code).await.refused(400, "invalid_grant");
        bank.refresh(&refresh).await.refused(400, "invalid_grant");
        // refresh-token: it needs the client, and is bound to it.
        let (_, refresh) = bank.redeem(&bank.code().await).await.pair();
        other.refresh(&refresh).await.refused(400, "invalid_grant");
        let proof = bank.holder.prove("POST", &server.url("/token"), &json!({}));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        bank.send("/token", &fields, None, Some(&proof)).await.refused(401, "invalid_client");
        bank.refresh(&refresh).await.ok();
        // Grants that the profile does not have.
        let password = [("grant_type", "password"), ("username", "alice"), ("password", "x")];
        bank.post("/token", &password).await.refused(400, "unauthorized_client");
    }

    /// With `rotate` the previous token and its successor are good for a minute.
    async fn fapi2_5_3_2_1_a_rotated_token_can_be_sent_again_for_a_minute(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let bank = Bank::new(&server, "bank", Key::es256(), &json!({ "refresh_policy": "rotate" })).await;
        let (_, first) = bank.redeem(&bank.code().await).await.pair();
        let (_, second) = bank.refresh(&first).await.pair();
        assert_ne!(first, second);
        server.advance(59);
        assert_eq!(bank.refresh(&first).await.pair().1, second);
        let (_, third) = bank.refresh(&second).await.pair();
        assert_ne!(third, second);
        server.advance(30);
        assert_eq!(bank.refresh(&second).await.pair().1, third);
        bank.refresh(&third).await.ok();
    }

    /// FAPI 2.0 Message Signing §5.3.1: what is signed says how long it counts, also where signing is
    /// the client's own choice.
    async fn fapi2_ms_5_3_1_request_objects_are_refused_each_for_its_reason(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        for (id, more) in [("chooses", json!({})), ("must", json!({ "require_signed_request_object": true }))] {
            let bank = Bank::new(&server, id, Key::es256(), &more).await;
            let now = server.now().now().timestamp();
            for (bad, reason) in [
                // ensure-request-object-without-exp-fails, -without-nbf-fails
                (json!({ "exp": null }), "request_object_claim_missing"),
                (json!({ "nbf": null }), "request_object_claim_missing"),
                (json!({ "aud": null }), "request_object_claim_missing"),
                // ensure-expired-request-object-fails
                (json!({ "nbf": now - 400, "exp": now - 300 }), "request_object_expired"),
                // ensure-request-object-with-bad-aud-fails
                (json!({ "aud": "https://other.example" }), "request_object_audience_mismatch"),
                // ensure-request-object-with-exp-over-60-fails, -with-nbf-over-60-fails
                (json!({ "exp": now + 4200 }), "request_object_lifetime_too_long"),
                (json!({ "nbf": now - 4200 }), "request_object_lifetime_too_long"),
                (json!({ "nbf": now + 61 }), "request_object_not_yet_valid"),
                // ensure-matching-key-in-authorization-request
                (json!({ "client_id": "other" }), "request_object_client_mismatch"),
                // par-authorization-request-containing-request_uri
                (json!({ "request_uri": "urn:ietf:params:oauth:request_uri:x" }), "request_object_nested"),
            ] {
                let refused = bank.post("/par", &[("request", &bank.object(&bad))]).await;
                refused.refused(400, "invalid_request_object");
                assert_eq!(refused.text("error_description").split(':').next(), sentence(reason).split(':').next(), "{bad}");
            }
            // ensure-request-object-signature-algorithm-is-not-none, -with-invalid-signature-fails
            let good = bank.object(&json!({}));
            let (signed, _) = good.rsplit_once('.').unwrap();
            let forged = Bank { server: &server, app: bank.app.clone(), key: Key::es256(), holder: Holder::new(server.now()) }.object(&json!({}));
            let none = bank.key.sign_by(&json!({ "alg": "none" }), &json!({ "client_id": id }));
            for bad in [format!("{signed}."), forged, none] {
                bank.post("/par", &[("request", &bad)]).await.refused(400, "invalid_request_object");
            }
            // ensure-request-object-without-redirect-uri-fails: what stands outside does not count.
            let object = bank.object(&json!({ "redirect_uri": null }));
            bank.post("/par", &[("request", &object), ("redirect_uri", CALLBACK)]).await.refused(400, "invalid_request");
            // ensure-unsigned-request-at-par-endpoint-fails
            assert_eq!(bank.push(&[]).await.status, if id == "must" { 400 } else { 201 });
            // ensure-request-object-with-multiple-aud-succeeds, -with-nbf-8-seconds-in-the-future;
            // state-only-outside-request-object-not-used, ensure-different-state-inside-and-outside
            for (fine, state) in [
                (json!({ "aud": [server.issuer(), "https://other.example"] }), Some(STATE)),
                (json!({ "nbf": now + 8 }), Some(STATE)),
                (json!({ "exp": now + 3600 }), Some(STATE)),
                (json!({ "state": null }), None),
            ] {
                let fields = [("request", bank.object(&fine)), ("state", "outside".to_owned())];
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let pushed = created(bank.post("/par", &fields).await);
                let heard = server.browser().arrive(&bank.app.pushed_url(&pushed)).await.authorization_response();
                assert_eq!(heard.names().contains(&"state").then(|| heard.get("state")), state);
            }
        }
    }

    /// FAPI 2.0 Message Signing §5.4.1: the answer is signed, by an algorithm of the profile.
    async fn fapi2_ms_5_4_1_the_answer_is_signed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let signing = json!({ "require_signed_request_object": true, "token_alg": "PS256" });
        let bank = Bank::new(&server, "bank", Key::es256(), &signing).await;
        let object = bank.object(&json!({ "response_mode": "jwt" }));
        let pushed = created(bank.post("/par", &[("request", &object)]).await);
        let heard = server.browser().arrive(&bank.app.pushed_url(&pushed)).await.authorization_response();
        assert_eq!(heard.names(), ["response"]);
        let (header, claims) = (decode_header(heard.get("response")), decode_claims(heard.get("response")));
        assert_eq!((&header["alg"], &claims["iss"], &claims["aud"]), (&json!("PS256"), &json!(server.issuer()), &json!("bank")));
        let now = server.now().now().timestamp();
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now && exp <= now + 600));
        let tokens = bank.redeem(claims["code"].as_str().unwrap()).await.ok();
        assert_eq!(decode_header(&tokens.text("id_token"))["alg"], "PS256");
    }

    /// The command line: what the profile sets, and what it refuses at once and later.
    async fn fapi2_what_contradicts_the_profile_cannot_be_registered(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        let file = |name: &str, jwks: Value| {
            let file = cli.folder.path().join(name);
            std::fs::write(&file, jwks.to_string()).unwrap();
            file.display().to_string()
        };
        let good = file("good.json", json!({ "keys": [Key::es256().jwk()] }));
        let mut weak = Key::rsa("RS256").jwk();
        weak["alg"] = json!("RS256");
        let weak = file("weak.json", json!({ "keys": [weak, Key::es256().jwk()] }));
        let create = ["client", "create", "--id", "bank", "--kind", "confidential", "--profile", "fapi2"];
        let with = |more: &[&str]| -> Vec<String> {
            create.iter().chain(more).map(|word| (*word).to_owned()).collect()
        };
        let uri = ["--redirect-uri", CALLBACK];
        for (more, word) in [
            (vec!["--auth-method", "client_secret_basic"], "private_key_jwt"),
            (vec![], "jwks_uri"),
            (vec!["--jwks", &weak], "RS256"),
            (vec!["--jwks", &good, "--token-alg", "RS256"], "RS256"),
            (vec!["--jwks", &good, "--redirect-uri", "http://127.0.0.1/cb"], "https"),
            (vec!["--jwks", &good, "--grant", "password"], "grants"),
            (vec!["--jwks", &good, "--refresh-policy", "strict"], "refresh_policy"),
        ] {
            let words = with(&more);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let refused = cli.run(&words, None).await;
            assert!(refused.code != 0 && refused.err.contains(word), "{more:?} {refused:?}");
        }
        let words = with(&[&uri[..], &["--jwks", &good, "--grant", "authorization_code"]].concat());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        cli.json(&words, None).await;
        let shown = cli.json(&["client", "show", "--id", "bank"], None).await;
        for (name, value) in [
            ("profile", json!("fapi2")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("assertions", json!("strict")),
            ("require_pkce", json!("true")),
            ("require_pushed_authorization_requests", json!(true)),
            ("dpop_bound_access_tokens", json!(true)),
            ("refresh_policy", json!("static")),
            ("token_alg", json!("ES256")),
            ("authorization_signed_response_alg", json!("ES256")),
            ("introspection_signed_response_alg", json!("ES256")),
        ] {
            assert_eq!(shown[name], value, "{name}");
        }
        let update = async |more: &[&str]| {
            let words = [&["client", "update", "--id", "bank"], more].concat();
            cli.run(&words, None).await
        };
        for more in [
            &["--auth-method", "client_secret_post"][..],
            &["--token-alg", "RS256"],
            &["--userinfo-signed-response-alg", "RS256"],
            &["--dpop-bound-access-tokens", "false"],
            &["--require-pushed-authorization-requests", "false"],
            &["--assertions", "tolerant"],
            &["--jwks", &weak],
            &["--redirect-uri", "http://localhost/cb"],
        ] {
            assert_ne!(update(more).await.code, 0, "{more:?}");
        }
        assert_eq!(update(&["--name", "Bank", "--token-alg", "PS256"]).await.code, 0);
        // Without the profile it is a client like any other.
        assert_eq!(update(&["--profile", ""]).await.code, 0);
        assert_eq!(update(&["--token-alg", "RS256"]).await.code, 0);
        // And back again: what is there is set right.
        assert_eq!(update(&["--profile", "fapi2"]).await.code, 0);
        let shown = cli.json(&["client", "show", "--id", "bank"], None).await;
        assert_eq!(shown["token_alg"], TokenAlg::Es256.as_str());
    }
}
