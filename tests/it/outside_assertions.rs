//! Assertions of other issuers as client authentication: Kubernetes service accounts, GitHub Actions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapae::domain::client::AuthMethod;
use mapae::domain::grant_type::GrantType;
use mapae::domain::trusted_issuer::TrustedIssuer;
use mapae::keys::jws::hs256;
use serde_json::{Value, json};

use crate::support::{Holder, Reply, Server, both, decode_claims, form};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SUBJECT: &str = "system:serviceaccount:shop:worker";

/// What a cluster says of itself, and how often it was asked.
struct Cluster {
    issuer: String,
    documents: Arc<Documents>,
}

#[derive(Default)]
struct Documents {
    metadata: std::sync::Mutex<Value>,
    keys: std::sync::Mutex<Value>,
    asked: [AtomicUsize; 2],
}

impl Cluster {
    async fn start(keys: &[Value]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let documents = Arc::new(Documents::default());
        *documents.metadata.lock().unwrap() =
            json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/openid/v1/jwks") });
        *documents.keys.lock().unwrap() = json!({ "keys": keys });
        let metadata = |State(all): State<Arc<Documents>>| async move {
            all.asked[0].fetch_add(1, Ordering::SeqCst);
            all.metadata.lock().unwrap().to_string()
        };
        let keys = |State(all): State<Arc<Documents>>| async move {
            all.asked[1].fetch_add(1, Ordering::SeqCst);
            all.keys.lock().unwrap().to_string()
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/openid/v1/jwks", get(keys))
            .with_state(Arc::clone(&documents));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { issuer, documents }
    }

    fn asked(&self) -> [usize; 2] {
        [0, 1].map(|number| self.documents.asked[number].load(Ordering::SeqCst))
    }
}

fn jwk(key: &Holder, kid: &str) -> Value {
    let mut jwk = key.jwk();
    jwk["kid"] = json!(kid);
    jwk
}

/// The claims of a token of the cluster. It has no `jti`, as many have none.
fn claims(server: &Server, issuer: &str, changes: &Value) -> Value {
    let now = server.now().now().timestamp();
    let mut claims = json!({
        "iss": issuer, "sub": SUBJECT, "aud": [server.issuer()], "exp": now + 3600, "iat": now, "nbf": now,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

const HEAD: &str = r#"{"alg":"ES256","kid":"one"}"#;

fn signed(key: &Holder, claims: &Value) -> String {
    key.sign(&serde_json::from_str(HEAD).expect("JSON"), claims)
}

/// A token request of the worker with this assertion.
async fn ask(server: &Server, id: &str, assertion: &str) -> Reply {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ];
    let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let request = server.http.post(server.url("/token")).body(form(&fields));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.send().await.expect("an answer")).await
}

/// A client that has no secret, and trusts this issuer.
async fn worker(server: &Server, issuer: &str, jwks: Option<Value>) {
    server
        .client("worker", |client| {
            client.metadata.grant_types = vec![GrantType::ClientCredentials];
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            let (issuer, subject) = (issuer.to_owned(), SUBJECT.to_owned());
            client.metadata.trusted_issuers = vec![TrustedIssuer { issuer, subject, jwks }];
        })
        .await;
}

const PRIVATE: &[(&str, &str)] = &[("outbound.allow_private", "true")];

both! {
    async fn rfc7523_2_2_a_workload_needs_no_secret_and_its_issuer_is_asked_once(database) {
        let server = Server::start_with(&database, PRIVATE).await;
        let key = Holder::new(server.now());
        let cluster = Cluster::start(&[jwk(&key, "one")]).await;
        worker(&server, &cluster.issuer, None).await;
        let assertion = signed(&key, &claims(&server, &cluster.issuer, &json!({})));
        let token = ask(&server, "worker", &assertion).await.ok().text("access_token");
        assert_eq!(decode_claims(&token)["sub"], "worker");
        // A platform hands one token out for many requests; one as a text is the same as a list of one.
        ask(&server, "worker", &assertion).await.ok();
        let text = claims(&server, &cluster.issuer, &json!({ "aud": server.issuer() }));
        ask(&server, "worker", &signed(&key, &text)).await.ok();
        assert_eq!(cluster.asked(), [1, 1]);
        // GitHub writes `typ`, and a token that lives for a day is the longest.
        let head = json!({ "alg": "ES256", "kid": "one", "typ": "JWT" });
        let now = server.now().now().timestamp();
        let long = claims(&server, &cluster.issuer, &json!({ "exp": now + 24 * 3600, "jti": "x" }));
        ask(&server, "worker", &key.sign(&head, &long)).await.ok();
        // It authenticates at the other endpoints as well.
        let fields = [("client_id", "worker"), ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion.as_str()), ("token", token.as_str())];
        let request = server.http.post(server.url("/introspect")).body(form(&fields))
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(Reply::of(request.send().await.unwrap()).await.ok().json()["active"], true);

        // The cluster has another key: it is fetched when a token names it, and not at every such token.
        let next = Holder::new(server.now());
        *cluster.documents.keys.lock().unwrap() = json!({ "keys": [jwk(&next, "two")] });
        let by_next = |head: Value| next.sign(&head, &claims(&server, &cluster.issuer, &json!({})));
        ask(&server, "worker", &by_next(json!({ "alg": "ES256", "kid": "two" }))).await.ok();
        assert_eq!(cluster.asked(), [1, 2]);
        for _ in 0..3 {
            ask(&server, "worker", &by_next(json!({ "alg": "ES256", "kid": "three" }))).await.refused(401, "invalid_client");
        }
        assert_eq!(cluster.asked(), [1, 2]);
        ask(&server, "worker", &assertion).await.refused(401, "invalid_client");
    }

    #[expect(clippy::too_many_lines, reason = "one list of faults")]
    async fn rfc7523_3_an_assertion_of_another_issuer_is_refused_for_one_reason_each(database) {
        let server = Server::start_with(&database, PRIVATE).await;
        let key = Holder::new(server.now());
        let cluster = Cluster::start(&[jwk(&key, "one")]).await;
        let issuer = cluster.issuer.as_str();
        worker(&server, issuer, Some(json!({ "keys": [jwk(&key, "one")] }))).await;
        server.client("other", |_| {}).await;
        let good = signed(&key, &claims(&server, issuer, &json!({})));
        ask(&server, "worker", &good).await.ok();
        let now = server.now().now().timestamp();
        let ours = server.issuer();
        for (what, changes) in [
            ("no issuer", json!({ "iss": null })),
            ("another issuer", json!({ "iss": "https://token.actions.githubusercontent.com" })),
            ("a slash more", json!({ "iss": format!("{issuer}/") })),
            ("another scheme", json!({ "iss": issuer.replace("http://", "https://") })),
            ("in capitals", json!({ "iss": issuer.to_uppercase() })),
            ("longer", json!({ "iss": format!("{issuer}.evil.example") })),
            ("with a person", json!({ "iss": issuer.replace("http://", "http://x@") })),
            ("with a space", json!({ "iss": format!("{issuer} ") })),
            ("a list of issuers", json!({ "iss": [issuer] })),
            ("our issuer", json!({ "iss": ours })),
            ("no subject", json!({ "sub": null })),
            ("another subject", json!({ "sub": "system:serviceaccount:shop:admin" })),
            ("a subject with more", json!({ "sub": format!("{SUBJECT}-2") })),
            ("a subject in capitals", json!({ "sub": SUBJECT.to_uppercase() })),
            ("the client as subject", json!({ "sub": "worker" })),
            ("an empty subject", json!({ "sub": "" })),
            ("no audience", json!({ "aud": null })),
            ("another audience", json!({ "aud": "https://kubernetes.default.svc" })),
            ("the token endpoint", json!({ "aud": format!("{ours}/token") })),
            ("a slash more in the audience", json!({ "aud": format!("{ours}/") })),
            ("two audiences", json!({ "aud": [ours, "https://kubernetes.default.svc"] })),
            ("twice us", json!({ "aud": [ours, ours] })),
            ("an empty audience", json!({ "aud": [] })),
            ("no end", json!({ "exp": null })),
            ("an end that is text", json!({ "exp": "tomorrow" })),
            ("expired", json!({ "exp": now })),
            ("more than a day", json!({ "exp": now + 24 * 3600 + 1 })),
            ("for ever", json!({ "exp": 1e300 })),
            ("issued in the future", json!({ "iat": now + 120 })),
            ("not valid yet", json!({ "nbf": now + 120 })),
        ] {
            let reply = ask(&server, "worker", &signed(&key, &claims(&server, issuer, &changes))).await;
            assert_eq!(reply.status, 401, "{what}: {}", reply.text);
            reply.refused(401, "invalid_client");
        }
        let right = claims(&server, issuer, &json!({}));
        let stranger = Holder::new(server.now());
        let part = |value: &str| URL_SAFE_NO_PAD.encode(value);
        let (head, body) = (part(HEAD), part(&right.to_string()));
        let by = |head: &str| format!("{}.{body}", part(head));
        let public = jwk(&key, "one").to_string();
        let confused = by(r#"{"alg":"HS256","kid":"one"}"#);
        let mac = URL_SAFE_NO_PAD.encode(hs256(public.as_bytes(), confused.as_bytes()));
        let signature = good.rsplit_once('.').unwrap().1;
        for (what, assertion) in [
            ("by a stranger", signed(&stranger, &right)),
            ("by a key that it brings along", stranger.sign(&json!({ "alg": "ES256", "kid": "one", "jwk": stranger.jwk() }), &right)),
            ("by no key", format!("{}.", by(r#"{"alg":"none"}"#))),
            ("by no key in capitals", format!("{}.", by(r#"{"alg":"nOnE"}"#))),
            ("by the public key as a secret", format!("{confused}.{mac}")),
            ("by another algorithm", format!("{}.{signature}", by(r#"{"alg":"RS256","kid":"one"}"#))),
            ("without a signature", format!("{head}.{body}.")),
            ("with another kid", key.sign(&json!({ "alg": "ES256", "kid": "two" }), &right)),
            ("with a critical extension", key.sign(&json!({ "alg": "ES256", "kid": "one", "crit": ["x"], "x": 1 }), &right)),
            ("of another type", key.sign(&json!({ "alg": "ES256", "kid": "one", "typ": "at+jwt" }), &right)),
            ("a logout token", key.sign(&json!({ "alg": "ES256", "kid": "one", "typ": "logout+jwt" }), &right)),
            ("with another body", format!("{head}.{}.{signature}", part(&claims(&server, issuer, &json!({ "x": 1 })).to_string()))),
            ("four parts", format!("{good}.x")),
            ("no JWT", "no-jwt".to_owned()),
        ] {
            let reply = ask(&server, "worker", &assertion).await;
            assert_eq!(reply.status, 401, "{what}: {}", reply.text);
            reply.refused(401, "invalid_client");
        }
        // For whom it is has to be said, and it is nobody else.
        for id in ["", "other", "nobody", SUBJECT] {
            ask(&server, id, &good).await.refused(401, "invalid_client");
        }
        assert_eq!(cluster.asked(), [0, 0], "the keys were given");
        server.change("worker", |client| "another".clone_into(&mut client.metadata.trusted_issuers[0].subject)).await;
        ask(&server, "worker", &good).await.refused(401, "invalid_client");
        let cli = server.cli().await;
        cli.json(&["client", "disable", "--id", "worker"], None).await;
        server.forget_clients();
        ask(&server, "worker", &good).await.refused(401, "invalid_client");
    }

    async fn s151_an_issuer_is_asked_through_the_guard_and_must_say_who_it_is(database) {
        let server = Server::start(&database).await;
        let key = Holder::new(server.now());
        let cluster = Cluster::start(&[jwk(&key, "one")]).await;
        worker(&server, &cluster.issuer, None).await;
        let assertion = |server: &Server| signed(&key, &claims(server, &cluster.issuer, &json!({})));
        // A private address is not called without the setting.
        ask(&server, "worker", &assertion(&server)).await.refused(401, "invalid_client");
        assert_eq!(cluster.asked(), [0, 0]);
        drop(server);

        let server = Server::start_with(&database, PRIVATE).await;
        worker(&server, &cluster.issuer, None).await;
        let good = cluster.documents.metadata.lock().unwrap().clone();
        let metadata = |change: Value| {
            let mut said = good.clone();
            said.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            *cluster.documents.metadata.lock().unwrap() = said;
        };
        for wrong in [
            json!({ "issuer": format!("{}/", cluster.issuer) }),
            json!({ "issuer": "https://evil.example" }),
            json!({ "jwks_uri": null }),
            json!({ "jwks_uri": "http://169.254.169.254/latest/meta-data" }),
        ] {
            metadata(wrong.clone());
            let reply = ask(&server, "worker", &assertion(&server)).await;
            assert_eq!(reply.status, 401, "{wrong} {}", reply.text);
            // What was fetched is used for an hour.
            server.advance(3 * 86_400);
        }
        metadata(json!({}));
        ask(&server, "worker", &assertion(&server)).await.ok();
    }

    async fn whom_a_client_trusts_is_made_listed_and_removed(database) {
        let server = Server::start_with(&database, PRIVATE).await;
        let key = Holder::new(server.now());
        let app = server.client("worker", |client| client.metadata.grant_types = vec![GrantType::ClientCredentials]).await;
        let cli = server.cli().await;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let keys = file("keys.json", &json!({ "keys": [jwk(&key, "one")] }).to_string());
        let issuer = "https://cluster.example.com";
        let verb = |more: &[&str]| {
            ["client", "trust", "--id", "worker"].into_iter().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
        };
        let json_of = async |more: &[&str]| {
            let verb = verb(more);
            cli.json(&verb.iter().map(String::as_str).collect::<Vec<_>>(), None).await
        };
        let made = json_of(&["--issuer", issuer, "--subject", SUBJECT, "--jwks", &keys]).await;
        assert_eq!(made["trusted_issuers"][0]["subject"], SUBJECT);
        server.forget_clients();
        let assertion = signed(&key, &claims(&server, issuer, &json!({})));
        ask(&server, "worker", &assertion).await.ok();
        // Its secret counts until it is taken away.
        app.token(&[("grant_type", "client_credentials")]).await.ok();
        cli.json(&["client", "update", "--id", "worker", "--auth-method", "private_key_jwt"], None).await;
        server.forget_clients();
        app.token(&[("grant_type", "client_credentials")]).await.refused(401, "invalid_client");
        ask(&server, "worker", &assertion).await.ok();
        json_of(&["--issuer", issuer, "--subject", "another"]).await;
        assert_eq!(json_of(&[]).await["trusted_issuers"].as_array().unwrap().len(), 2);
        let (no_json, no_keys) = (file("no.json", "{"), file("none.json", "{\"keys\":[]}"));
        for wrong in [
            vec!["--issuer", issuer],
            vec!["--subject", SUBJECT],
            vec!["--issuer", "cluster", "--subject", SUBJECT],
            vec!["--issuer", issuer, "--subject", ""],
            vec!["--issuer", server.issuer(), "--subject", SUBJECT],
            vec!["--issuer", issuer, "--subject", SUBJECT, "--jwks", &no_json],
            vec!["--issuer", issuer, "--subject", SUBJECT, "--jwks", &no_keys],
        ] {
            let verb = verb(&wrong);
            let said = cli.run(&verb.iter().map(String::as_str).collect::<Vec<_>>(), None).await;
            assert_eq!(said.code, 2, "{wrong:?} {said:?}");
        }
        let left = json_of(&["--issuer", issuer, "--subject", SUBJECT, "--remove"]).await;
        assert_eq!(left["trusted_issuers"][0]["subject"], "another");
        server.forget_clients();
        ask(&server, "worker", &assertion).await.refused(401, "invalid_client");
    }
}
