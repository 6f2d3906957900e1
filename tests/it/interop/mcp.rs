//! The official SDKs of the Model Context Protocol sign somebody in: they know the URL of an MCP server,
//! and find everything else. The suite of the protocol tests this server as an authorization server.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use mapae::domain::client::{AuthMethod, ClientKind};
use mapae::domain::scope::Scope;
use mapae_verify::{Presented, Verifier};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::program::Program;
use super::toolchain;
use crate::support::certificates::Authority;
use crate::support::{
    App, CALLBACK, Database, Network, Published, Publisher, Server, decode_claims, free_port,
    required_or_skip,
};

/// How a client is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KnownBy {
    /// An operator registered it.
    Hand,
    /// The SDK registers it (RFC 7591).
    Registration,
    /// The URL of its document names it.
    Document,
}

const EVERY_WAY: [KnownBy; 3] = [KnownBy::Hand, KnownBy::Registration, KnownBy::Document];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mcp_sdk_for_typescript_signs_somebody_in() {
    match toolchain::mcp_typescript().await {
        Ok(command) => Box::pin(signs_in_in_every_way(&command)).await,
        Err(why) => required_or_skip(&why),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mcp_sdk_for_python_signs_somebody_in() {
    match toolchain::mcp_python().await {
        Ok(command) => Box::pin(signs_in_in_every_way(&command)).await,
        Err(why) => required_or_skip(&why),
    }
}

async fn signs_in_in_every_way(command: &Command) {
    for known in EVERY_WAY {
        Box::pin(signs_in(toolchain::again(command), known)).await;
    }
}

/// Where programs are found.
#[expect(clippy::disallowed_methods, reason = "the program needs the PATH of this one")]
fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// A server that takes clients in every way, and somebody who publishes a document.
struct Scene {
    server: Server,
    publisher: Publisher,
    _folder: tempfile::TempDir,
}

/// The path of the document.
const DOCUMENT: &str = "/oauth/client.json";

impl Scene {
    async fn start(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (authority, ca_file) = (Authority::new(), folder.path().join("ca.pem"));
        std::fs::write(&ca_file, authority.pem()).expect("written");
        let settings = [
            ("mcp.enabled", "true"),
            ("registration.mode", "open"),
            ("outbound.allow_private", "true"),
            ("outbound.ca_file", ca_file.to_str().expect("UTF-8")),
        ];
        let server = Server::start_with(database, &settings).await;
        let publisher = Publisher::start_with_tls(&authority.issue(&["127.0.0.1"])).await;
        Self { server, publisher, _folder: folder }
    }

    /// Publishes a document with this redirect URI, and returns the client that it describes.
    fn document(&self, redirect_uri: &str) -> String {
        let id = self.publisher.url(DOCUMENT);
        let document = json!({
            "client_id": id, "client_name": "The Assistant", "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        self.publisher.publish(DOCUMENT, Published::json(&document));
        id
    }

    /// Who registered this client.
    async fn registered_by(&self, id: &str) -> String {
        let shown = self.server.cli().await.json(&["client", "show", "--id", id], None).await;
        shown["registered_by"].as_str().expect("a word").to_owned()
    }
}

async fn signs_in(command: Command, known: KnownBy) {
    let scene = Scene::start(&Database::Sqlite).await;
    let server = &scene.server;
    let sub = server.alice().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let add = ["mcp", "resource", "add", &url, "--scope", "files:read"];
    let made = server.cli().await.json(&add, None).await;
    server.forget_clients();
    let verifier = Verifier::builder(server.issuer(), &url).fetch(Network(server.http.clone()));
    let mcp = Mcp {
        challenge: made["www_authenticate"].as_str().expect("a challenge").to_owned(),
        verifier: verifier.build().expect("a verifier"),
        url: url.clone(),
    };
    let routes = Router::new().route("/mcp", post(call)).with_state(Arc::new(mcp));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut told = vec![
        ("ISSUER", server.issuer().to_owned()),
        ("MCP_URL", url.clone()),
        ("REDIRECT_URI", CALLBACK.to_owned()),
        ("PATH", path()),
    ];
    match known {
        KnownBy::Hand => told.push(("CLIENT_ID", assistant(server, &url, CALLBACK).await.id)),
        KnownBy::Registration => {}
        KnownBy::Document => told.push(("CLIENT_METADATA_URL", scene.document(CALLBACK))),
    }
    let mut program = Program::start(command, &told);
    let leaves = program.succeeds("leave").await;
    assert!(leaves.starts_with(&server.url("/authorize?")), "{known:?}: {leaves}");
    let mut person = server.browser();
    let back = person.arrive(&leaves).await.location().expect("back").to_owned();
    assert_eq!(program.succeeds(&format!("back {back}")).await, sub, "{known:?}");
    assert!(program.succeeds("scope").await.contains("files:read"));
    assert_eq!(program.succeeds("again").await, sub);
    assert_eq!(program.succeeds("refresh").await, sub);
    let id = program.succeeds("id").await;
    let by = match known {
        KnownBy::Hand => "operator",
        KnownBy::Registration => "itself",
        KnownBy::Document => "document",
    };
    assert_eq!(scene.registered_by(&id).await, by);
    assert_eq!(scene.publisher.asked(DOCUMENT), usize::from(known == KnownBy::Document));
    program.quit().await;
}

/// A public client, registered by hand.
async fn assistant(server: &Server, url: &str, redirect_uri: &str) -> App {
    server
        .web_app("assistant", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.audiences = vec![url.to_owned()];
            client.metadata.redirect_uris = vec![redirect_uri.to_owned()];
            let scope = Scope::parse("openid profile email offline_access files:read");
            client.metadata.scope = scope.expect("a scope");
        })
        .await
}

/// What a public client registers for itself.
async fn registered(server: &Server, redirect_uri: &str) -> String {
    let document = json!({
        "client_name": "The Assistant", "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "none", "application_type": "native",
    });
    let request = server.http.post(server.url("/register"));
    let request = request.header("content-type", "application/json").body(document.to_string());
    let answer = request.send().await.expect("an answer").text().await.expect("a body");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["client_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The redirect URI of the suite; it listens at a port of its own.
const LOOPBACK: &str = "http://127.0.0.1/callback";

/// The checks of all its scenarios for authorization servers.
const CHECKS: [&str; 3] = [
    "authorization-code-grant",
    "authorization-server-metadata",
    "authorization-server-metadata-cimd",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mcp_conformance_suite_finds_nothing_wrong() {
    let command = match toolchain::mcp_conformance().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    assert_eq!(scenarios(toolchain::again(&command)).await, 2, "is there a new one?");
    let scene = Scene::start(&Database::Sqlite).await;
    let server = &scene.server;
    server.alice().await;
    let mcp = "https://mcp.example.com/mcp";
    server.cli().await.json(&["mcp", "resource", "add", mcp, "--scope", "files:read"], None).await;
    server.forget_clients();
    for known in EVERY_WAY {
        let id = match known {
            KnownBy::Hand => assistant(server, mcp, LOOPBACK).await.id,
            KnownBy::Registration => registered(server, LOOPBACK).await,
            KnownBy::Document => scene.document(LOOPBACK),
        };
        let checks = Box::pin(checked(toolchain::again(&command), server, (&id, mcp))).await;
        let mut passed: Vec<_> = checks
            .iter()
            .inspect(|check| assert_eq!(check["status"], "SUCCESS", "{known:?}: {check}"))
            .map(|check| check["id"].as_str().expect("an id"))
            .collect();
        passed.sort_unstable();
        assert_eq!(passed, CHECKS, "{known:?}");
    }
}

/// How many scenarios the suite has for authorization servers.
async fn scenarios(mut command: Command) -> usize {
    let told = command.args(["list", "--authorization"]).env_clear().env("PATH", path());
    let output = told.output().await.expect("an end");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().filter(|line| line.trim_start().starts_with("- ")).count()
}

/// Runs every scenario for this client and this MCP server, signs somebody in when it asks for that,
/// and returns the checks.
async fn checked(mut command: Command, server: &Server, (id, mcp): (&str, &str)) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, results) = (free_port().to_string(), folder.path().to_str().expect("UTF-8"));
    command
        .args(["authorization", "--url", server.issuer(), "--client-id", id, "--resource", mcp])
        .args(["--port", &port, "--output-dir", results])
        .env_clear()
        .env("PATH", path())
        .stdout(Stdio::piped());
    let mut suite = command.spawn().expect("the suite starts");
    let mut lines = BufReader::new(suite.stdout.take().expect("standard output")).lines();
    let (begins, mut said) = (server.url("/authorize?"), String::new());
    let asks = async {
        while let Some(line) = lines.next_line().await.expect("UTF-8") {
            if line.starts_with(&begins) {
                let mut person = server.browser();
                let page = person.arrive(&line).await;
                let back = page.location().expect("back").to_owned();
                server.http.get(back).send().await.expect("the suite listens");
            }
            said.push_str(&line);
            said.push('\n');
        }
        suite.wait().await.expect("an end")
    };
    let ended = timeout(Duration::from_mins(1), asks).await.expect("an end in time");
    assert!(ended.success(), "{said}");
    read(folder.path())
}

/// The checks of all scenarios, from the folder of results.
fn read(results: &Path) -> Vec<Value> {
    let scenarios = std::fs::read_dir(results).expect("results");
    let checks = scenarios.flat_map(|one| {
        let file = one.expect("an entry").path().join("checks.json");
        let text = std::fs::read_to_string(&file).expect("checks");
        serde_json::from_str::<Vec<Value>>(&text).expect("a list")
    });
    checks.collect()
}

/// An MCP server with one tool, which says whose token it got.
struct Mcp {
    challenge: String,
    verifier: Verifier,
    url: String,
}

async fn call(State(mcp): State<Arc<Mcp>>, headers: HeaderMap, body: Bytes) -> Response {
    let post = Method::POST;
    let presented = Presented::from_headers(&headers, &post, &mcp.url);
    let verified = match presented {
        Ok(presented) => mcp.verifier.verify(presented).await.is_ok(),
        Err(_) => false,
    };
    if !verified {
        let challenge = [("www-authenticate", mcp.challenge.clone())];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let token = headers["authorization"].to_str().expect("a text").trim_start_matches("Bearer ");
    let request: Value = serde_json::from_slice(&body).expect("JSON");
    let result = match request["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": request["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "files", "version": "1" },
        }),
        "tools/list" => {
            json!({ "tools": [{ "name": "whoami", "inputSchema": { "type": "object" } }] })
        }
        "tools/call" => {
            let sub = &decode_claims(token)["sub"];
            json!({ "content": [{ "type": "text", "text": sub }] })
        }
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
    ([("content-type", "application/json")], answer.to_string()).into_response()
}
