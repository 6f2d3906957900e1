//! The official SDKs of the Model Context Protocol sign somebody in: they know the URL of an MCP server
//! and their client id, and find everything else.

use std::sync::Arc;

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
use tokio::process::Command;

use super::program::Program;
use super::toolchain;
use crate::support::{App, CALLBACK, Database, Network, Server, decode_claims, required_or_skip};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mcp_sdk_for_typescript_signs_somebody_in() {
    match toolchain::mcp_typescript().await {
        Ok(command) => Box::pin(signs_in(command)).await,
        Err(why) => required_or_skip(&why),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mcp_sdk_for_python_signs_somebody_in() {
    match toolchain::mcp_python().await {
        Ok(command) => Box::pin(signs_in(command)).await,
        Err(why) => required_or_skip(&why),
    }
}

#[expect(clippy::disallowed_methods, reason = "the program needs the PATH of this one")]
async fn signs_in(command: Command) {
    let server = Server::start_with(&Database::Sqlite, &[("mcp.enabled", "true")]).await;
    let sub = server.alice().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let add = ["mcp", "resource", "add", &url, "--scope", "files:read"];
    let made = server.cli().await.json(&add, None).await;
    let app = assistant(&server, &url).await;
    let verifier = Verifier::builder(server.issuer(), &url).fetch(Network(app.http.clone()));
    let mcp = Mcp {
        challenge: made["www_authenticate"].as_str().expect("a challenge").to_owned(),
        verifier: verifier.build().expect("a verifier"),
        url: url.clone(),
    };
    let routes = Router::new().route("/mcp", post(call)).with_state(Arc::new(mcp));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let path = std::env::var("PATH").unwrap_or_default();
    let told = [
        ("ISSUER", server.issuer().to_owned()),
        ("MCP_URL", url.clone()),
        ("CLIENT_ID", app.id.clone()),
        ("REDIRECT_URI", CALLBACK.to_owned()),
        ("PATH", path),
    ];
    let mut program = Program::start(command, &told);
    let leaves = program.succeeds("leave").await;
    assert!(leaves.starts_with(&server.url("/authorize?")), "{leaves}");
    let mut person = server.browser();
    let back = person.arrive(&leaves).await.location().expect("back").to_owned();
    assert_eq!(program.succeeds(&format!("back {back}")).await, sub);
    assert!(program.succeeds("scope").await.contains("files:read"));
    assert_eq!(program.succeeds("again").await, sub);
    assert_eq!(program.succeeds("refresh").await, sub);
    program.quit().await;
}

/// The client, registered by hand.
async fn assistant(server: &Server, url: &str) -> App {
    server
        .web_app("assistant", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.audiences = vec![url.to_owned()];
            let scope = Scope::parse("openid profile email offline_access files:read");
            client.metadata.scope = scope.expect("a scope");
        })
        .await
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
