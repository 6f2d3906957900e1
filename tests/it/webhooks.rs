//! Webhooks: who is told of what, how a message is signed, and what happens when nobody takes it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapae::domain::scope::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::interop::toolchain;
use crate::support::{
    Cli, Database, PASSWORD, Reply, Server, both, eventually, http, required_or_skip,
};

/// A message as it came.
#[derive(Clone, Debug)]
struct Told {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    /// Which of its signatures this secret made.
    fn signed_by(&self, secret: &str) -> Vec<usize> {
        let key =
            STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let tag =
            hmac::sign(&key, format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(tag.as_ref()));
        let signatures = self.signature.split(' ').enumerate();
        signatures.filter(|(_, one)| *one == expected).map(|(at, _)| at).collect()
    }
}

/// The program that is told.
#[derive(Clone)]
struct Receiver {
    told: Arc<Mutex<Vec<Told>>>,
    answer: Arc<Mutex<StatusCode>>,
    /// While it is there, nobody gets an answer.
    hangs: Arc<Mutex<Option<Arc<Notify>>>>,
    url: String,
}

/// What a receiver writes into an answer that refuses a message.
const WRITTEN: &str = "<b>ask root@hook.example</b>";

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    let header = |name: &str| headers[name].to_str().expect("ASCII").to_owned();
    assert_eq!(header("content-type"), "application/json");
    receiver.told.lock().unwrap().push(Told {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body,
    });
    let hangs = receiver.hangs.lock().unwrap().clone();
    if let Some(until) = hangs {
        until.notified().await;
    }
    let answer = *receiver.answer.lock().unwrap();
    (answer, if answer.is_server_error() { WRITTEN } else { "" })
}

impl Receiver {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", socket.local_addr().unwrap());
        let receiver = Self {
            told: Arc::default(),
            answer: Arc::new(Mutex::new(StatusCode::NO_CONTENT)),
            hangs: Arc::default(),
            url,
        };
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        receiver
    }

    fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    fn all(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    async fn hears(&self, count: usize) -> Vec<Told> {
        eventually("the receiver is told", async || self.all().len() >= count).await;
        self.all()
    }
}

/// Somebody who calls the administration API.
struct Api {
    base: String,
    token: String,
}

impl Api {
    async fn of(server: &Server, id: &str, scope: &str) -> Self {
        let audience = format!("{}/admin/api", server.issuer());
        let app = server
            .client(id, |client| {
                client.metadata.audiences = vec![audience];
                client.metadata.scope = Scope::parse(scope).expect("a scope");
            })
            .await;
        let token = app.token(&[("grant_type", "client_credentials")]).await.ok();
        Self { base: app.base, token: token.text("access_token") }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        seen: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        let url = format!("{}/admin/api/v1{path}", self.base);
        let mut request = http().request(method, url).bearer_auth(&self.token);
        if let Some(seen) = seen {
            request = request.header("if-match", seen);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Reply::of(request.send().await.expect("an answer")).await
    }

    async fn create(&self, url: &str, events: &[&str]) -> Reply {
        let body = json!({ "url": url, "events": events });
        self.send(Method::POST, "/webhooks", None, Some(body)).await
    }
}

const SCOPES: &str = "admin:clients admin:users";

async fn start(database: &Database) -> (Server, Receiver, Api) {
    let server = Server::start_with(database, &[("outbound.allow_private", "true")]).await;
    let api = Api::of(&server, "robot", SCOPES).await;
    (server, Receiver::start().await, api)
}

/// Waits until the server knows of a new webhook: it tells of an event that this causes.
async fn learned(server: &Server, receiver: &Receiver, prefix: &str) {
    let number = std::cell::Cell::new(0);
    eventually("the webhook is known", async || {
        let before = receiver.all().len();
        number.set(number.get() + 1);
        server.user(&format!("{prefix}{}", number.get()), None).await;
        eventually("the outbox is empty", async || waiting(server).await == 0).await;
        receiver.all().len() > before
    })
    .await;
    receiver.told.lock().unwrap().clear();
}

/// The last attempt to tell a webhook of something, as soon as it is like this.
async fn attempt(api: &Api, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/webhooks/{id}");
    let mut last = Value::Null;
    eventually("the attempt is noted", async || {
        let shown = api.send(Method::GET, &path, None, None).await.ok();
        assert!(!shown.text.contains("hook.example"), "{}", shown.text);
        last = shown.json()["last_attempt"].clone();
        is_so(&last)
    })
    .await;
    last
}

async fn waiting(server: &Server) -> i64 {
    let of_webhooks = "SELECT count(*) AS n FROM outbox WHERE kind = 'webhook'";
    server.evidence().await.count(of_webhooks).await
}

both! {
    async fn a_webhook_is_told_of_the_events_that_it_names(database) {
        let (server, receiver, api) = start(&database).await;
        let made = api.create(&receiver.url, &["user.*", "sign_in.succeeded"]).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let secret = made.text("secret");
        assert!(secret.starts_with("whsec_") && STANDARD.decode(&secret[6..]).unwrap().len() == 32);
        assert!(!api.send(Method::GET, "/webhooks", None, None).await.ok().text.contains("whsec_"));
        let path = made.header("location").split_once("/admin/api/v1").unwrap().1.to_owned();
        let shown = api.send(Method::GET, &path, None, None).await.ok();
        assert_eq!(shown.json()["events"], json!(["user.*", "sign_in.succeeded"]));

        learned(&server, &receiver, "early").await;
        let body = json!({ "username": "mina", "email": "mina@example.com", "password": PASSWORD });
        let person = api.send(Method::POST, "/users", None, Some(body)).await;
        let id = person.text("id");
        let told = receiver.hears(1).await.remove(0);
        let body = told.json();
        assert_eq!(body["type"], "user.created");
        assert_eq!((&body["data"]["user_id"], &body["data"]["actor"]), (&json!(id), &json!("client:robot")));
        assert_eq!(body["data"]["event_id"], told.id.as_str());
        let members: BTreeSet<_> = body["data"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, BTreeSet::from(["actor", "address", "event_id", "request_id", "user_id"]));
        // Neither the address of the person nor a secret goes out.
        assert!(!told.body.contains("mina") && !told.body.contains(PASSWORD), "{}", told.body);
        let at = server.now().now();
        assert_eq!(told.timestamp, at.timestamp().to_string());
        assert_eq!(body["timestamp"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap(), at);
        assert_eq!(told.signed_by(&secret), [0]);
        assert_eq!(told.signature.split(' ').count(), 1);

        // What it did not ask for is not sent.
        api.send(Method::POST, "/clients", None, Some(json!({ "id": "other" }))).await;
        server.user("jun", Some(PASSWORD)).await;
        let told = receiver.hears(2).await;
        assert_eq!(told.iter().map(Told::kind).collect::<Vec<_>>(), ["user.created", "user.created"]);
    }

    async fn a_message_is_sent_again_until_it_is_taken_under_one_id(database) {
        let (server, receiver, api) = start(&database).await;
        let secret = api.create(&receiver.url, &["user.created"]).await.text("secret");
        learned(&server, &receiver, "early").await;
        receiver.answers(StatusCode::INTERNAL_SERVER_ERROR);
        server.user("mina", None).await;
        receiver.hears(1).await;
        eventually("it is put off", async || {
            server.evidence().await.count("SELECT count(*) AS n FROM outbox WHERE attempts = 1 AND kind = 'webhook'").await == 1
        }).await;
        receiver.answers(StatusCode::OK);
        server.advance(60);
        let told = receiver.hears(2).await;
        assert_eq!((&told[0].id, &told[0].body), (&told[1].id, &told[1].body));
        // Each attempt says when it was made, and is signed so.
        let times: Vec<i64> = told.iter().map(|one| one.timestamp.parse().unwrap()).collect();
        assert_eq!(times[1] - times[0], 60);
        assert!(told.iter().all(|one| one.signed_by(&secret) == [0]));
        eventually("it was taken", async || waiting(&server).await == 0).await;
    }

    async fn a_message_that_nobody_takes_is_given_up_and_nobody_is_told_of_that(database) {
        let (server, receiver, api) = start(&database).await;
        api.create(&receiver.url, &["user.created", "webhook.*"]).await;
        learned(&server, &receiver, "early").await;
        receiver.answers(StatusCode::FOUND);
        server.user("mina", None).await;
        let mut made = 1;
        receiver.hears(made).await;
        for pause in [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000] {
            eventually("it is put off", async || {
                let due = "SELECT count(*) AS n FROM outbox WHERE kind = 'webhook' AND attempts = ";
                server.evidence().await.count(&format!("{due}{made}")).await == 1
            }).await;
            server.advance(pause + 30);
            made += 1;
            receiver.hears(made).await;
        }
        eventually("it is given up", async || waiting(&server).await == 0).await;
        let given_up = server.evidence().await.events_of("webhook.given_up").await;
        assert_eq!(given_up.len(), 1);
        assert!(given_up[0].detail.as_ref().unwrap().starts_with(&receiver.all()[0].id));
        assert_eq!(receiver.all().len(), made);
    }

    async fn the_last_attempt_says_what_came_of_it_and_since_when_it_fails(database) {
        let (server, receiver, api) = start(&database).await;
        let made = api.create(&receiver.url, &["user.created"]).await;
        assert!(made.json().get("last_attempt").is_none(), "{}", made.text);
        let id = made.text("id");
        learned(&server, &receiver, "early").await;
        let taken = attempt(&api, &id, |last| last["status"] == 204).await;
        assert_eq!((&taken["failures"], taken.get("failing_since")), (&json!(0), None));

        receiver.answers(StatusCode::INTERNAL_SERVER_ERROR);
        server.user("mina", None).await;
        let first = attempt(&api, &id, |last| last["failures"] == 1).await;
        assert_eq!((&first["status"], first.get("failure")), (&json!(500), None));
        assert_eq!(first["at"], first["failing_since"]);
        server.advance(60);
        let second = attempt(&api, &id, |last| last["failures"] == 2).await;
        assert_eq!(second["failing_since"], first["failing_since"]);
        assert_ne!(second["at"], first["at"]);
        // Of what the receiver wrote nothing is kept.
        let stored = "SELECT last_outcome AS text FROM webhook";
        assert_eq!(server.evidence().await.texts(stored).await, ["500"]);

        receiver.answers(StatusCode::OK);
        server.advance(301);
        let again = attempt(&api, &id, |last| last["status"] == 200).await;
        assert_eq!((&again["failures"], again.get("failing_since")), (&json!(0), None));

        // At this port nobody listens.
        let away = api.create("http://127.0.0.1:1/hook", &["user.created"]).await.text("id");
        eventually("it was tried", async || {
            server.user(&format!("jun{}", mapae::domain::random::identifier()), None).await;
            server.evidence().await.count("SELECT count(*) AS n FROM webhook WHERE failures > 0").await == 1
        }).await;
        let unheard = attempt(&api, &away, |last| last["failures"].as_u64() > Some(0)).await;
        assert_eq!((&unheard["failure"], unheard.get("status")), (&json!("connection refused"), None));
        // An attempt is no change that somebody could overlook.
        let path = format!("/webhooks/{id}");
        assert_eq!(api.send(Method::DELETE, &path, Some(made.header("etag")), None).await.status, 204);
    }

    async fn the_command_line_shows_the_last_attempt(database) {
        let mut cli = Cli::installed(&database).await;
        cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
        let receiver = Receiver::start().await;
        let create = ["webhook", "create", "--url", &receiver.url, "--event", "user.created"];
        let made = cli.json(&create, None).await;
        let id = made["id"].as_str().unwrap();
        let words = cli.run(&["webhook", "show", id], None).await;
        assert!(words.code == 0 && words.out.contains("last_attempt: none yet"), "{words:?}");
        receiver.answers(StatusCode::SERVICE_UNAVAILABLE);
        cli.json(&["user", "create", "--username", "mina"], None).await;
        let binary = cli.serve().await;
        let ended = async |status: u16| {
            let mut last = Value::Null;
            eventually("the attempt is noted", async || {
                let shown = binary.cli.json(&["webhook", "show", "--id", id], None).await;
                last = shown["last_attempt"].clone();
                last["status"] == status
            }).await;
            last
        };
        let refused = ended(503).await;
        assert!(refused["failures"].as_u64() > Some(0) && refused["failure"].is_null(), "{refused}");
        let since = "failed since ";
        let list = binary.cli.run(&["webhook", "list"], None).await;
        assert!(list.out.contains(": 503 (") && list.out.contains(since), "{list:?}");
        assert!(!list.out.contains("hook.example"), "{list:?}");
        receiver.answers(StatusCode::OK);
        binary.cli.json(&["webhook", "replay", id], None).await;
        let taken = ended(200).await;
        assert_eq!((&taken["failures"], &taken["failing_since"]), (&json!(0), &Value::Null));
        let words = binary.cli.run(&["webhook", "show", id], None).await;
        assert!(words.out.contains(": 200") && !words.out.contains(since), "{words:?}");
        let unknown = binary.cli.run(&["webhook", "show", "nothing"], None).await;
        assert_eq!(unknown.code, 1, "{unknown:?}");
    }

    async fn a_receiver_that_hangs_holds_nothing_else_back(database) {
        let (server, deaf, api) = start(&database).await;
        let quick = Receiver::start().await;
        api.create(&deaf.url, &["user.created"]).await;
        learned(&server, &deaf, "early").await;
        api.create(&quick.url, &["user.created"]).await;
        learned(&server, &quick, "second").await;
        deaf.told.lock().unwrap().clear();
        let hangs = Arc::new(Notify::new());
        *deaf.hangs.lock().unwrap() = Some(Arc::clone(&hangs));
        // More than are sent at once to one receiver.
        for number in 0..12 {
            server.user(&format!("person{number}"), None).await;
        }
        deaf.hears(1).await;
        quick.hears(12).await;
        hangs.notify_waiters();
    }

    async fn a_replaced_secret_signs_for_a_day_beside_the_new_one(database) {
        let (server, receiver, api) = start(&database).await;
        let made = api.create(&receiver.url, &["user.created"]).await;
        let (id, old) = (made.text("id"), made.text("secret"));
        learned(&server, &receiver, "early").await;
        let path = format!("/webhooks/{id}/secret");
        let refused = api.send(Method::POST, &path, None, None).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (428, &json!("admin_version_missing")));
        let rotated = api.send(Method::POST, &path, Some(made.header("etag")), None).await.ok();
        let new = rotated.text("secret");
        // The version is another one now.
        let again = api.send(Method::POST, &path, Some(made.header("etag")), None).await;
        assert_eq!((again.status.as_u16(), &again.json()["reason"]), (412, &json!("admin_changed")));
        server.user("mina", None).await;
        let told = receiver.hears(1).await.remove(0);
        assert_eq!((told.signed_by(&new), told.signed_by(&old)), (vec![0], vec![1]));
        server.advance(86_400);
        // The token of the caller is over, too.
        server.user("jun", None).await;
        let told = receiver.hears(2).await.remove(1);
        assert_eq!((told.signed_by(&new), told.signed_by(&old)), (vec![0], vec![]));
    }

    async fn a_message_is_sent_again_on_demand(database) {
        let (server, receiver, api) = start(&database).await;
        let made = api.create(&receiver.url, &["user.created"]).await;
        let path = format!("/webhooks/{}/replay", made.text("id"));
        learned(&server, &receiver, "early").await;
        server.user("mina", None).await;
        let first = receiver.hears(1).await.remove(0);
        // To this webhook, and to all that are told of such events.
        for (path, count) in [(&*path, 2), ("/webhooks/replay", 3)] {
            let replayed = api.send(Method::POST, path, None, Some(json!({ "message": first.id }))).await.ok();
            assert_eq!(replayed.json(), json!({ "messages": 1 }));
            let again = receiver.hears(count).await.remove(count - 1);
            assert_eq!((&again.id, &again.body), (&first.id, &first.body));
            let unknown = api.send(Method::POST, path, None, Some(json!({ "message": "nothing" }))).await;
            assert_eq!(unknown.status, 404);
        }
        // What waits for a receiver that was away is sent at once, not after its pause.
        receiver.answers(StatusCode::SERVICE_UNAVAILABLE);
        server.user("jun", None).await;
        receiver.hears(4).await;
        eventually("it is put off", async || {
            server.evidence().await.count("SELECT count(*) AS n FROM outbox WHERE attempts = 1 AND kind = 'webhook'").await == 1
        }).await;
        receiver.answers(StatusCode::OK);
        let hurried = api.send(Method::POST, &path, None, Some(json!({}))).await.ok();
        assert_eq!(hurried.json(), json!({ "messages": 1 }));
        receiver.hears(5).await;
    }

    async fn a_deleted_webhook_is_told_nothing_more(database) {
        let (server, receiver, api) = start(&database).await;
        let made = api.create(&receiver.url, &["user.created"]).await;
        learned(&server, &receiver, "early").await;
        receiver.answers(StatusCode::SERVICE_UNAVAILABLE);
        server.user("mina", None).await;
        receiver.hears(1).await;
        let path = format!("/webhooks/{}", made.text("id"));
        let etag = made.header("etag");
        assert_eq!(api.send(Method::DELETE, &path, Some(etag), None).await.status, 204);
        eventually("what waited is gone", async || waiting(&server).await == 0).await;
        assert_eq!(api.send(Method::GET, &path, None, None).await.status, 404);
        eventually("the server knows it", async || {
            server.user(&format!("later{}", mapae::domain::random::identifier()), None).await;
            waiting(&server).await == 0
        }).await;
        server.advance(86_400);
        assert_eq!(receiver.all().len(), 1);
    }

    async fn s151_a_private_address_is_refused_and_never_called(database) {
        let server = Server::start(&database).await;
        let api = Api::of(&server, "robot", SCOPES).await;
        for bad in ["http://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://user@example.com/", "http://example.com/", "file:///etc/passwd", "example.com"] {
            let refused = api.create(bad, &["*"]).await;
            assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (422, &json!("admin_invalid")), "{bad}");
        }
        for bad in [&[][..], &["user"][..], &["user.dleted"][..]] {
            assert_eq!(api.create("https://example.com/hook", bad).await.status, 422, "{bad:?}");
        }
        // A name that leads to this machine is refused when it is called.
        let receiver = Receiver::start().await;
        let port = receiver.url.rsplit(':').next().unwrap().to_owned();
        assert_eq!(api.create(&format!("https://localhost:{port}"), &["user.created"]).await.status, 201);
        eventually("it was tried", async || {
            server.user(&format!("mina{}", mapae::domain::random::identifier()), None).await;
            let tried = "SELECT count(*) AS n FROM outbox WHERE kind = 'webhook' AND attempts > 0 AND due_at > ";
            let now = server.now().now().timestamp_millis();
            server.evidence().await.count(&format!("{tried}{now}")).await > 0
        }).await;
        assert!(receiver.all().is_empty());
    }

    async fn the_package_of_standard_webhooks_takes_our_messages_for_genuine(database) {
        let verifier = match toolchain::standard_webhooks().await {
            Ok(command) => command,
            Err(why) => return required_or_skip(&why),
        };
        let mut cli = Cli::installed(&database).await;
        cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
        let receiver = Receiver::start().await;
        let made = cli.json(&["webhook", "create", "--url", &receiver.url, "--event", "user.*", "group.created"], None).await;
        let id = made["id"].as_str().unwrap();
        let listed = cli.json(&["webhook", "list"], None).await;
        assert_eq!((&listed["webhooks"][0]["id"], &listed["webhooks"][0]["events"]), (&made["id"], &json!(["user.*", "group.created"])));
        assert!(!listed.to_string().contains("whsec_"));
        // A command that writes an event writes the message; a server sends it.
        cli.json(&["user", "create", "--username", "mina"], None).await;
        let binary = cli.serve().await;
        let told = receiver.hears(1).await.remove(0);
        let mut verifier = verifier;
        verifier.args([made["secret"].as_str().unwrap(), &told.id, &told.timestamp, &told.signature, &told.body]);
        let verified = verifier.output().await.unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        assert_eq!(String::from_utf8_lossy(&verified.stdout).trim(), "verified");
        // The other verbs.
        let rotated = binary.cli.json(&["webhook", "rotate-secret", id], None).await;
        assert_ne!(rotated["secret"], made["secret"]);
        let replayed = binary.cli.json(&["webhook", "replay", &told.id], None).await;
        assert_eq!(replayed["messages"], 1);
        let again = receiver.hears(2).await.remove(1);
        assert_eq!((&again.id, again.signed_by(rotated["secret"].as_str().unwrap())), (&told.id, vec![0]));
        assert_eq!(again.signed_by(made["secret"].as_str().unwrap()), [1]);
        binary.cli.json(&["webhook", "delete", id], None).await;
        assert_eq!(binary.cli.json(&["webhook", "list"], None).await["webhooks"], json!([]));
    }

    async fn the_secret_of_a_webhook_outlives_another_master_key(database) {
        let mut cli = Cli::installed(&database).await;
        cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
        let receiver = Receiver::start().await;
        let made = cli.json(&["webhook", "create", "--url", &receiver.url, "--event", "user.created"], None).await;
        let rewrapped = cli.run(&["key", "rewrap"], None).await;
        assert_eq!(rewrapped.code, 0, "{rewrapped:?}");
        cli.json(&["user", "create", "--username", "mina"], None).await;
        let _binary = cli.serve().await;
        let told = receiver.hears(1).await.remove(0);
        assert_eq!(told.signed_by(made["secret"].as_str().unwrap()), [0]);
    }
}
