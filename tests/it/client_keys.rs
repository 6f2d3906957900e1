//! The keys that a client publishes at its `jwks_uri`: RFC 7591 §2, RFC 7523 §3, RFC 9101 §4.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use futures_util::future::join_all;
use mapae::domain::client::AuthMethod;
use serde_json::{Value, json};

use crate::support::{App, CALLBACK, CHALLENGE, Published, Publisher, Reply, Server, both, form};

/// A key that signs, with its `kid`.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    kid: &'static str,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        Self { key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), kid }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]) })
    }

    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": typ, "kid": self.kid });
        let message =
            format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = self.key.sign(&random, message.as_bytes()).unwrap();
        format!("{message}.{}", B64.encode(signature))
    }

    /// An assertion of a client, RFC 7523 §3.
    pub(crate) fn assertion(&self, server: &Server, client: &str) -> String {
        let now = server.now().now();
        let jti = format!("{}-{}", now.timestamp_nanos_opt().unwrap(), rand_text());
        self.sign("JWT", &json!({
            "iss": client, "sub": client, "aud": server.issuer(), "exp": now.timestamp() + 60, "jti": jti,
        }))
    }
}

fn rand_text() -> String {
    B64.encode(mapae::domain::random::bytes::<16>())
}

pub(crate) const ASSERTION: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

pub(crate) fn set(keys: &[&Signer]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

async fn token(app: &App, assertion: &str) -> Reply {
    let app = App { secret: None, id: String::new(), ..app.clone() };
    let fields = [("grant_type", "client_credentials"), ASSERTION, ("client_assertion", assertion)];
    let request = app.http.post(format!("{}/token", app.base));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form(&fields)).send().await.unwrap()).await
}

async fn client(server: &Server, publisher: &Publisher) -> App {
    let uri = publisher.url("/jwks");
    server
        .web_app("app", |client| {
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            client.metadata.jwks_uri = Some(uri);
            client
                .metadata
                .grant_types
                .push(mapae::domain::grant_type::GrantType::ClientCredentials);
        })
        .await
}

const PRIVATE: &[(&str, &str)] = &[("outbound.allow_private", "true")];

both! {
    async fn rfc7523_3_keys_at_a_jwks_uri_are_fetched_once_and_again_for_a_new_one(database) {
        let (server, publisher) = (Server::start_with(&database, PRIVATE).await, Publisher::start().await);
        let app = client(&server, &publisher).await;
        let [first, second, third] = ["1", "2", "3"].map(Signer::new);
        publisher.publish("/jwks", Published::json(&set(&[&first])));
        // Many at once share one fetch.
        let assertions: Vec<_> = (0..10).map(|_| first.assertion(&server, "app")).collect();
        for reply in join_all(assertions.iter().map(|one| token(&app, one))).await {
            reply.ok();
        }
        assert_eq!(publisher.asked("/jwks"), 1);
        // The first unknown kid is asked for at once, and a fetch that brought it keeps nobody waiting.
        for (next, asked) in [(&second, 2), (&third, 3)] {
            publisher.publish("/jwks", Published::json(&set(&[next])));
            token(&app, &next.assertion(&server, "app")).await.ok();
            assert_eq!(publisher.asked("/jwks"), asked);
        }
        // A key that is not published any more does not count.
        token(&app, &first.assertion(&server, "app")).await.refused(401, "invalid_client");
        assert_eq!(publisher.asked("/jwks"), 4);
        // That brought nothing: for thirty seconds nothing else is asked for.
        let stranger = Signer::new("x");
        token(&app, &stranger.assertion(&server, "app")).await.refused(401, "invalid_client");
        publisher.publish("/jwks", Published::json(&set(&[&second])));
        server.advance(29);
        token(&app, &second.assertion(&server, "app")).await.refused(401, "invalid_client");
        assert_eq!(publisher.asked("/jwks"), 4);
        token(&app, &third.assertion(&server, "app")).await.ok();
        server.advance(1);
        token(&app, &second.assertion(&server, "app")).await.ok();
        assert_eq!(publisher.asked("/jwks"), 5);
    }

    async fn rfc7523_3_old_keys_count_for_a_day_while_nobody_answers(database) {
        let (server, publisher) = (Server::start_with(&database, PRIVATE).await, Publisher::start().await);
        let app = client(&server, &publisher).await;
        let key = Signer::new("1");
        token(&app, &key.assertion(&server, "app")).await.refused(401, "invalid_client");
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        // Who did not answer is not asked by every request.
        token(&app, &key.assertion(&server, "app")).await.refused(401, "invalid_client");
        assert_eq!(publisher.asked("/jwks"), 1);
        server.advance(30);
        token(&app, &key.assertion(&server, "app")).await.ok();
        publisher.publish("/jwks", Published::status(503));
        server.advance(15 * 60);
        token(&app, &key.assertion(&server, "app")).await.ok();
        token(&app, &key.assertion(&server, "app")).await.ok();
        assert_eq!(publisher.asked("/jwks"), 3);
        server.advance(24 * 3600);
        token(&app, &key.assertion(&server, "app")).await.refused(401, "invalid_client");
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        server.advance(30);
        token(&app, &key.assertion(&server, "app")).await.ok();
    }

    async fn rfc9101_4_a_request_object_is_verified_by_a_key_at_the_jwks_uri(database) {
        let (server, publisher) = (Server::start_with(&database, PRIVATE).await, Publisher::start().await);
        let app = client(&server, &publisher).await;
        let key = Signer::new("1");
        publisher.publish("/jwks", Published::json(&set(&[&Signer::new("0")])));
        let now = server.now().now().timestamp();
        let claims = json!({
            "iss": "app", "client_id": "app", "aud": server.issuer(), "nbf": now, "exp": now + 60,
            "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": "s",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        });
        let object = key.sign("oauth-authz-req+jwt", &claims);
        let assertion = key.assertion(&server, "app");
        let push = async |assertion: &str| {
            let fields = [("request", object.as_str()), ASSERTION, ("client_assertion", assertion)];
            App { id: "app".to_owned(), secret: None, ..app.clone() }.post("/par", &fields).await
        };
        push(&assertion).await.refused(401, "invalid_client");
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        server.advance(30);
        let pushed = push(&key.assertion(&server, "app")).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        let other = Signer::new("9").sign("oauth-authz-req+jwt", &claims);
        let url = format!("{}/authorize?{}", app.base, form(&[("client_id", "app"), ("request", &other), ("redirect_uri", CALLBACK), ("response_type", "code")]));
        server.browser().get(&url).await.error_response("invalid_request_object");
    }

    async fn s151_keys_are_not_fetched_from_inside_or_in_any_amount(database) {
        let publisher = Publisher::start().await;
        let key = Signer::new("1");
        let server = Server::start(&database).await;
        let app = client(&server, &publisher).await;
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        token(&app, &key.assertion(&server, "app")).await.refused(401, "invalid_client");
        assert_eq!(publisher.asked("/jwks"), 0, "a private address");
        drop(server);

        let server = Server::start_with(&database, PRIVATE).await;
        let app = client(&server, &publisher).await;
        let many: Vec<_> = (0..33).map(|_| key.jwk()).collect();
        let mut large = set(&[&key]);
        large["pad"] = json!("x".repeat(64 * 1024));
        let mut private = set(&[&key]);
        private["keys"][0]["d"] = json!("AAAA");
        let elsewhere = publisher.url("/elsewhere");
        publisher.publish("/elsewhere", Published::json(&set(&[&key])));
        for bad in [
            Published::json(&json!({ "keys": many })),
            Published::json(&large),
            Published::json(&private),
            Published::json(&json!({ "keys": [] })),
            Published::json(&json!([])),
            Published::status(302).with("location", &elsewhere),
        ] {
            publisher.publish("/jwks", bad);
            token(&app, &key.assertion(&server, "app")).await.refused(401, "invalid_client");
            server.advance(30);
        }
        assert_eq!(publisher.asked("/elsewhere"), 0, "a redirect");
        publisher.publish("/jwks", Published::json(&set(&[&key])));
        token(&app, &key.assertion(&server, "app")).await.ok();
    }

    async fn rfc7591_2_a_client_has_jwks_or_a_jwks_uri(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        let create = |more: &[&str]| {
            let mut arguments = vec!["client", "create", "--id", "app", "--kind", "confidential", "--name", "App", "--grant", "client_credentials", "--json"];
            arguments.extend(more);
            arguments.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let run = async |arguments: Vec<String>| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            cli.run(&arguments, None).await
        };
        for bad in ["http://app.example/jwks", "ftp://app.example/jwks", "https://a@app.example/jwks", "jwks", "https://app.example/jwks#x"] {
            let said = run(create(&["--jwks-uri", bad])).await;
            assert_eq!(said.code, 2, "{bad}: {}", said.err);
        }
        // With an operator, keys without a purpose are a mistake.
        let said = run(create(&["--jwks-uri", "https://app.example/jwks", "--auth-method", "client_secret_basic"])).await;
        assert!(said.code == 2 && said.err.contains("goes with private_key_jwt"), "{said:?}");
        let said = run(create(&["--jwks-uri", "https://app.example/jwks"])).await;
        assert_eq!(said.code, 0, "{}", said.err);
        let shown = cli.json(&["client", "show", "--id", "app"], None).await;
        assert_eq!(shown["jwks_uri"], "https://app.example/jwks");
        assert_eq!(shown["token_endpoint_auth_method"], "private_key_jwt");
    }
}
