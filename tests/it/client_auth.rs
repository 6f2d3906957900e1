//! Framing and client authentication: RFC 6749 §2.3, §3.2, RFC 7523.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::clients::Target;
use mapae::domain::client::{Assertions, AuthMethod};
use mapae::domain::grant_type::GrantType;
use serde_json::{Value, json};

use crate::support::{App, CALLBACK, CHALLENGE, Reply, Server, both, form};

async fn raw(
    server: &Server,
    request: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
) -> Reply {
    Reply::of(request(server.http.post(server.url("/token"))).send().await.unwrap()).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Registers a client that signs its assertions with this key.
async fn signer(server: &Server, id: &str, key: &EcdsaKeyPair) {
    server
        .client(id, |client| {
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            client.metadata.jwks = Some(json!({ "keys": [jwk(key)] }));
        })
        .await;
}

both! {
    async fn s001_only_post_is_allowed(database) {
        let server = Server::start(&database).await;
        // Scripts of browsers ask for leave first (CORS), but never to introspect.
        for (path, allowed) in
            [("/token", "POST,OPTIONS"), ("/par", "POST,OPTIONS"), ("/introspect", "POST"), ("/device_authorization", "POST"), ("/revoke", "POST,OPTIONS")]
        {
            for method in ["GET", "PUT", "DELETE", "HEAD", "PATCH"] {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let request = server.http.request(method.clone(), server.url(path));
                let reply = Reply::of(request.send().await.unwrap()).await;
                assert_eq!(reply.status, 405, "{method} {path}");
                assert_eq!(reply.header("allow"), allowed);
            }
        }
    }

    async fn s002_nothing_is_read_from_the_query(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let query = format!("?grant_type=client_credentials&client_id=app&client_secret={}", app.secret.as_ref().unwrap());
        let reply = Reply::of(server.http.post(server.url(&format!("/token{query}"))).send().await.unwrap()).await;
        reply.refused(401, "invalid_client");
        let reply = app.post("/token?grant_type=client_credentials", &[]).await;
        reply.refused(400, "invalid_request");
    }

    async fn s003_one_content_type_in_utf_8(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let secret = app.secret.clone();
        for content_type in ["application/json", "multipart/form-data; boundary=x", "text/plain",
            "application/x-www-form-urlencoded; charset=utf-16"] {
            let reply = raw(&server, |request| request.basic_auth("app", secret.as_ref())
                .header("content-type", content_type).body("grant_type=client_credentials")).await;
            reply.refused(415, "invalid_request");
        }
        let reply = raw(&server, |request| request.basic_auth("app", secret.as_ref())
            .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
            .body("grant_type=client_credentials")).await;
        reply.ok();
        // RFC 6749 Appendix B: ASCII is UTF-8, whatever a library of an app calls it.
        for charset in ["utf8", "us-ascii", "ISO-8859-1"] {
            raw(&server, |request| request.basic_auth("app", secret.as_ref())
                .header("content-type", format!("application/x-www-form-urlencoded; charset={charset}"))
                .body("grant_type=client_credentials")).await.ok();
        }
        let empty = raw(&server, |request| request.basic_auth("app", secret.as_ref())).await;
        empty.refused(400, "invalid_request");
        let large = format!("grant_type=client_credentials&x={}", "x".repeat(70_000));
        raw(&server, |request| request.basic_auth("app", secret.as_ref()).header(FORM.0, FORM.1).body(large))
            .await
            .refused(413, "invalid_request");
    }

    async fn s005_a_repeated_parameter_is_refused(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        for body in ["grant_type=client_credentials&grant_type=client_credentials",
            "grant_type=client_credentials&scope=read&scope=read", "grant_type=client_credentials&x=1&x=2",
            "grant_type=client_credentials&%67rant_type=password"] {
            raw(&server, |request| request.basic_auth("app", app.secret.as_ref()).header(FORM.0, FORM.1).body(body))
                .await
                .refused(400, "invalid_request");
        }
    }

    async fn s006_unknown_client_and_wrong_secret_are_one_answer(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let fields = [("grant_type", "client_credentials")];
        let wrong = App { secret: Some("mapae_cs_wrong".to_owned()), ..app.clone() }.token(&fields).await;
        let unknown = App { id: "nobody".to_owned(), ..app.clone() }.token(&fields).await;
        wrong.refused(401, "invalid_client");
        assert_eq!(wrong.text, unknown.text);
        assert_eq!(wrong.header("www-authenticate"), "Basic realm=\"mapae\"");
        assert_eq!(unknown.header("www-authenticate"), wrong.header("www-authenticate"));
        app.token(&fields).await.ok();
    }

    async fn s007_two_ways_of_authentication_are_refused(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let secret = app.secret.clone().unwrap();
        let grant = ("grant_type", "client_credentials");
        app.token(&[grant, ("client_secret", &secret)]).await.refused(400, "invalid_request");
        app.token(&[grant, ("client_id", "app"), ("client_assertion", "x")]).await.refused(400, "invalid_request");
        app.token(&[grant, ("client_id", "other")]).await.refused(400, "invalid_request");
        app.token(&[grant, ("client_id", "app")]).await.ok();
        let twice = raw(&server, |request| request.basic_auth("app", Some(&secret))
            .header("authorization", "Basic eDp5").header(FORM.0, FORM.1).body(form(&[grant]))).await;
        twice.refused(400, "invalid_request");
        let post = raw(&server, |request| request.header(FORM.0, FORM.1)
            .body(form(&[grant, ("client_id", "app"), ("client_secret", &secret)]))).await;
        post.ok();
    }

    async fn s008_each_client_by_its_own_method(database) {
        let server = Server::start(&database).await;
        let basic = server.client("basic", |client| client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic).await;
        let public = server.public_client("public").await;
        let grant = ("grant_type", "client_credentials");
        let secret = basic.secret.clone().unwrap();
        let by_post = raw(&server, |request| request.header(FORM.0, FORM.1)
            .body(form(&[grant, ("client_id", "basic"), ("client_secret", &secret)]))).await;
        by_post.refused(401, "invalid_client");
        let by_name = App { secret: None, ..basic }.token(&[grant]).await;
        by_name.refused(401, "invalid_client");
        let with_secret = App { secret: Some(secret), ..public.clone() }.token(&[grant]).await;
        with_secret.refused(401, "invalid_client");
        public.token(&[grant]).await.refused(400, "unauthorized_client");
    }

    /// RFC 6749 §2.3.1: a client whose secret is empty may leave it out.
    async fn rfc6749_2_3_1_an_empty_secret_by_header_is_no_secret(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let public = App { secret: Some(String::new()), ..server.public_client("public").await };
        let tokens = public.password("openid").await.ok();
        public.refresh(&tokens.text("refresh_token")).await.ok();
        public.revoke(&tokens.text("access_token")).await.ok();
        let confidential = App { secret: Some(String::new()), ..server.client("app", |_| {}).await };
        confidential.password("openid").await.refused(401, "invalid_client");
    }

    async fn s010_the_grant_type_decides(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |client| client.metadata.grant_types = vec![GrantType::Password]).await;
        app.token(&[]).await.refused(400, "invalid_request");
        app.token(&[("grant_type", "x")]).await.refused(400, "unsupported_grant_type");
        app.token(&[("grant_type", "client_credentials")]).await.refused(400, "unauthorized_client");
        app.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await.refused(400, "unauthorized_client");
        app.token(&[("grant_type", "password")]).await.refused(400, "invalid_request");
    }

    async fn s011_a_disabled_or_deleted_client_is_turned_away(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let witness = server.client("witness", |client| client.metadata.resource_servers = vec!["https://api".to_owned()]).await;
        let tokens = app.password("openid").await.ok().json();
        let store = &server.inner.services().store;
        mapae::admin::clients::set_enabled(&May::operator(), store, server.now(), Target::of("app"), false).await.unwrap();
        server.forget_clients();
        app.refresh(tokens["refresh_token"].as_str().unwrap()).await.refused(401, "invalid_client");
        witness.userinfo(tokens["access_token"].as_str().unwrap()).await.refused(401, "invalid_token");
        mapae::admin::clients::set_enabled(&May::operator(), store, server.now(), Target::of("app"), true).await.unwrap();
        server.forget_clients();
        app.refresh(tokens["refresh_token"].as_str().unwrap()).await.refused(400, "invalid_grant");
        mapae::admin::clients::delete(&May::operator(), store, server.now(), Target::of("app")).await.unwrap();
        server.forget_clients();
        app.refresh(tokens["refresh_token"].as_str().unwrap()).await.refused(401, "invalid_client");
    }

    async fn rfc7523_3_a_client_assertion_is_good_once(database) {
        let server = Server::start(&database).await;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        signer(&server, "signer", &key).await;
        let now = server.now().now().timestamp();
        let good = json!({ "iss": "signer", "sub": "signer", "aud": server.issuer(), "exp": now + 300, "iat": now, "jti": "1" });
        let with = |change: Value| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            claims
        };
        let first = assertion(&key, &good);
        let replies = join_all((0..20).map(|_| send(&server, &first))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        replies.iter().filter(|reply| reply.status != 200).for_each(|reply| reply.refused(401, "invalid_client"));

        // What the libraries of this field send by default: the token endpoint, and an hour by a
        // clock that may be ahead of ours.
        for taken in [
            json!({ "jti": "a", "aud": server.url("/token") }),
            json!({ "jti": "b", "aud": [server.issuer()] }),
            json!({ "jti": "b2", "aud": server.url("/par") }),
            json!({ "jti": "c", "aud": [server.url("/token")], "exp": now + 3660, "iat": now + 60 }),
        ] {
            send(&server, &assertion(&key, &with(taken.clone()))).await.ok();
            // It is known for as long as it lives.
            server.advance(300 - 1);
            send(&server, &assertion(&key, &with(taken))).await.refused(401, "invalid_client");
            server.advance(1 - 300);
        }
        for bad in [
            with(json!({ "jti": "2", "exp": now + 3661 })),
            with(json!({ "jti": "3", "exp": now })),
            with(json!({ "jti": "4", "aud": server.url("/token/") })),
            with(json!({ "jti": "4b", "aud": server.url("/authorize") })),
            with(json!({ "jti": "5b", "aud": [] })),
            with(json!({ "jti": "5c", "aud": [server.issuer(), "https://other"] })),
            with(json!({ "jti": "6", "aud": "https://other" })),
            with(json!({ "jti": "7", "iss": "other" })),
            with(json!({ "jti": "8", "sub": "other" })),
            with(json!({ "jti": "9", "nbf": now + 120 })),
            with(json!({ "jti": "" })),
            with(json!({ "jti": null })),
            with(json!({ "jti": "10", "exp": "soon" })),
        ] {
            send(&server, &assertion(&key, &bad)).await.refused(401, "invalid_client");
        }
        // RFC 8725 §3.11: a JWT that the client signed for another purpose is no assertion.
        for (typ, status) in [("oauth-authz-req+jwt", 401), ("dpop+jwt", 401), ("client-authentication+jwt", 200)] {
            let header = json!({ "alg": "ES256", "typ": typ });
            let sent = send(&server, &sign(&key, &header, &with(json!({ "jti": typ })))).await;
            assert_eq!(sent.status, status, "{typ}: {}", sent.text);
        }
        server.change("signer", |client| client.metadata.assertions = Assertions::Strict).await;
        for bad in [
            with(json!({ "jti": "12", "exp": now + 601 })),
            with(json!({ "jti": "13", "aud": server.url("/token") })),
            with(json!({ "jti": "14", "aud": [server.issuer()] })),
        ] {
            send(&server, &assertion(&key, &bad)).await.refused(401, "invalid_client");
        }
        let claims = with(json!({ "jti": "11" }));
        let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        send(&server, &assertion(&stranger, &claims)).await.refused(401, "invalid_client");
        for alg in ["none", "None", "HS256", "RS256"] {
            let header = B64.encode(json!({ "alg": alg, "typ": "JWT" }).to_string());
            let unsigned = format!("{header}.{}.", B64.encode(claims.to_string()));
            send(&server, &unsigned).await.refused(401, "invalid_client");
        }
        let critical = sign(&key, &json!({ "alg": "ES256", "crit": ["b64"], "b64": true }), &claims);
        send(&server, &critical).await.refused(401, "invalid_client");
        // RFC 8725 §3.1: the signature is right, and the header names another algorithm.
        for alg in ["ES384", "EdDSA"] {
            let renamed = sign(&key, &json!({ "alg": alg, "typ": "JWT" }), &claims);
            send(&server, &renamed).await.refused(401, "invalid_client");
        }
        send(&server, &assertion(&key, &claims)).await.ok();
    }

    /// RFC 7523 §3 (3): another server in the audience could replay the assertion here.
    async fn rfc7523_3_each_audience_of_an_assertion_is_this_server(database) {
        let server = Server::start(&database).await;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        server.web_app("signer", |client| {
            client.metadata.grant_types.extend([GrantType::ClientCredentials, GrantType::DeviceCode]);
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            client.metadata.jwks = Some(json!({ "keys": [jwk(&key)] }));
        }).await;
        let app = App {
            id: "signer".to_owned(), secret: None, base: server.issuer().to_owned(), http: server.http.clone(),
        };
        let now = server.now().now().timestamp();
        let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let present = async |path: &str, audience: &Value, jti: &str| {
            let claims = json!({ "iss": "signer", "sub": "signer", "aud": audience, "exp": now + 60, "jti": jti });
            let assertion = assertion(&key, &claims);
            let mut fields = match path {
                "/token" => vec![("grant_type", "client_credentials")],
                "/par" => vec![("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "openid"),
                    ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")],
                "/device_authorization" => vec![("scope", "openid")],
                _ => vec![("token", "x")],
            };
            fields.extend([kind, ("client_assertion", assertion.as_str())]);
            app.post(path, &fields).await
        };
        let (issuer, token) = (server.issuer(), server.url("/token"));
        for (path, status) in [("/token", 200), ("/par", 201), ("/introspect", 200), ("/revoke", 200), ("/device_authorization", 200)] {
            let own = server.url(path);
            for (number, audience) in [
                json!(own), json!([issuer, own]), json!([issuer, token]), json!([token, issuer, own]), json!([issuer, issuer]),
            ].into_iter().enumerate() {
                let jti = format!("{path} {number}");
                let reply = present(path, &audience, &jti).await;
                assert_eq!(reply.status, status, "{path} {audience}: {}", reply.text);
                // Nowhere is it good again.
                present("/token", &audience, &jti).await.refused(401, "invalid_client");
            }
            for (number, audience) in [
                json!([issuer, "https://other"]), json!(["https://other", issuer]), json!([issuer, token, "https://other/token"]),
                json!([issuer, own, server.url("/authorize")]), json!([issuer, ""]), json!([issuer, format!("{issuer}/")]),
                json!([issuer, 5]), json!([issuer, [token]]), json!([]),
            ].into_iter().enumerate() {
                let reply = present(path, &audience, &format!("bad {path} {number}")).await;
                assert_eq!((reply.status.as_u16(), reply.text("error")), (401, "invalid_client".to_owned()), "{path} {audience}");
            }
        }
        server.change("signer", |client| client.metadata.assertions = Assertions::Strict).await;
        for (number, audience) in [json!([issuer, token]), json!([issuer, issuer]), json!(token), json!(server.url("/revoke"))].iter().enumerate() {
            present("/token", audience, &format!("strict {number}")).await.refused(401, "invalid_client");
        }
        present("/token", &json!(issuer), "strict").await.ok();
    }

    /// RFC 7523 §3: a `jti` is unique for its issuer alone, so no client can use up that of another.
    async fn rfc7523_3_the_jti_of_one_client_is_nobody_elses(database) {
        let server = Server::start(&database).await;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let now = server.now().now().timestamp();
        let claims = |id: &str, jti: &str| {
            json!({ "iss": id, "sub": id, "aud": server.issuer(), "exp": now + 300, "jti": jti })
        };
        for id in ["one", "two"] {
            signer(&server, id, &key).await;
            send(&server, &assertion(&key, &claims(id, "1"))).await.ok();
        }
        // RFC 7523 §3 (2): a `client_id` in the form names the client of the assertion.
        for (id, status) in [("two", 401), ("one", 200)] {
            let assertion = assertion(&key, &claims("one", "2"));
            let body = form(&[
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &assertion),
            ]);
            let reply = raw(&server, |request| request.header(FORM.0, FORM.1).body(body)).await;
            assert_eq!(reply.status, status, "{id}: {}", reply.text);
        }
    }

    /// The clean-up deletes rows of assertions, and only of those that have expired.
    async fn rfc7523_3_an_assertion_is_known_after_a_clean_up(database) {
        let mut server = Server::start(&database).await;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        signer(&server, "signer", &key).await;
        let now = server.now().now().timestamp();
        let claims = |jti: &str, life: i64| {
            let aud = server.issuer().to_owned();
            json!({ "iss": "signer", "sub": "signer", "aud": aud, "exp": now + life, "jti": jti })
        };
        let (short, long) = (assertion(&key, &claims("1", 60)), assertion(&key, &claims("2", 3600)));
        for one in [&short, &long] {
            send(&server, one).await.ok();
        }
        server.advance(1800);
        // The clean-up runs at every start.
        server = server.restart().await;
        let evidence = server.evidence().await;
        let left = async || evidence.count("SELECT count(*) AS n FROM used_assertion").await;
        crate::support::eventually("the expired one is deleted", async || left().await < 2).await;
        send(&server, &long).await.refused(401, "invalid_client");
    }
}

fn jwk(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    json!({ "kty": "EC", "crv": "P-256", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]) })
}

fn assertion(key: &EcdsaKeyPair, claims: &Value) -> String {
    sign(key, &json!({ "alg": "ES256", "typ": "JWT" }), claims)
}

fn sign(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let signature = key.sign(&aws_lc_rs::rand::SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", B64.encode(signature))
}

async fn send(server: &Server, assertion: &str) -> Reply {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let body = form(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", kind),
        ("client_assertion", assertion),
    ]);
    raw(server, |request| request.header(FORM.0, FORM.1).body(body)).await
}
