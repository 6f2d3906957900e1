//! `docs/openapi.json`, and what a tool that makes requests from it finds.

use std::fs;
use std::path::Path;

use mapae::oauth::openapi;
use serde_json::Value;

use crate::interop::toolchain;
use crate::support::{Binary, Cli, Database, Reply, form, http, required_or_skip};

fn page() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the document")).expect("JSON")
}

#[test]
fn the_document_is_the_one_that_the_code_makes() {
    let again = "is old: cargo run -q -- explain --openapi > docs/openapi.json";
    assert!(page() == openapi::document(), "docs/openapi.json {again}");
}

/// What is answered is what the document says of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_lists_and_the_feed_are_described_as_they_are() {
    let server = Binary::start(&Database::Sqlite).await;
    let each = ["--kind", "confidential", "--grant", "client_credentials", "--status-list", "each"];
    let scope = ["--scope", "revocations:read"];
    let app = server.client("app", &[&each[..], &scope].concat()).await;
    let token = app.token(&[("grant_type", "client_credentials"), ("scope", "revocations:read")]);
    let token = token.await.ok().text("access_token");
    let document = page();
    for (path, place, types) in [
        ("/status", "/status", &["application/json"][..]),
        ("/status/{number}", "/status/1", &["application/statuslist+jwt"]),
        ("/revocations", "/revocations", &["application/json", "text/event-stream"]),
    ] {
        for media_type in types {
            let request = http().get(format!("{}{place}", server.issuer()));
            let request = request.bearer_auth(&token).header("accept", *media_type);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.headers()["content-type"], *media_type, "{path}");
        }
        let described = &document["paths"][path]["get"]["responses"]["200"]["content"];
        let described: Vec<_> = described.as_object().expect("types").keys().collect();
        assert_eq!(described, types, "{path}");
    }
}

/// Sends what nobody can use, each time another: 30 MB together.
async fn send_nonsense(issuer: &str) {
    const PATHS: [&str; 6] = ["/token", "/introspect", "/revoke", "/par", "/userinfo", "/register"];
    // A server may end a connection on which it refused a body, so none is used twice.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let long = "x".repeat(50_000);
    for number in 0..600 {
        let (path, id) = (PATHS[number % PATHS.len()], format!("nobody-{number}"));
        let fields = [("client_id", id.as_str()), ("grant_type", &id), ("token", &long)];
        let request = http.post(format!("{issuer}{path}")).body(form(&fields));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let status = request.send().await.expect("an answer").status();
        assert!(status.is_client_error(), "{path}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s168_no_request_that_is_made_from_the_document_makes_the_server_fail() {
    let command = match toolchain::schemathesis().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_REGISTRATION_MODE", "open");
    let server = cli.serve().await;
    let app =
        server.client("app", &["--kind", "confidential", "--grant", "client_credentials"]).await;
    // Every endpoint of the document is there.
    for (path, methods) in page()["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let method = method.to_uppercase().parse().expect("a method");
            let place = path.replace("{number}", "1").replace("{client_id}", "app");
            let request = http().request(method, format!("{}{place}", server.issuer()));
            let reply = Reply::of(request.send().await.expect("an answer")).await;
            // No token has a place in a status list yet, so there is none.
            let is_missing = reply.status == 404 && place == *path;
            assert!(!is_missing && reply.status != 405, "{path}: {}", reply.text);
        }
    }
    let mut command = command;
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json"));
    command.args(["--url", &server.issuer(), "--seed", "7", "--max-examples", "40"]);
    command.args(["--checks", "not_a_server_error,status_code_conformance"]);
    command.args(["--phases", "examples,coverage,fuzzing", "--generation-database", "none"]);
    command.args(["--auth", &format!("app:{}", app.secret.expect("a secret")), "--no-color"]);
    let ran = command.output().await.expect("schemathesis");
    let said =
        format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
    // Nothing of what is refused is kept in memory.
    let before = server.memory();
    send_nonsense(&server.issuer()).await;
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more than {before}");
    assert!(!server.whole_log().await.contains("panicked"));
}
