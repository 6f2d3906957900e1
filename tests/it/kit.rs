//! The kit for resource servers (`kit`, `crates/mapae-verify`) and the vectors that it is held
//! against: `mapae verify`.

mod nginx;
mod older_lists;
mod polling;
mod programs;
mod proxies;
mod resource_server;

use std::collections::BTreeSet;
use std::path::Path;

use http::StatusCode;
use mapae_verify::{Fetch, FetchError, Fetching, Presented, Refusal, Requirement, Verifier};
use serde_json::Value;

use crate::support::{Cli, Database, free_port};

const AUDIENCE: &str = "https://api.example.com";
const SCOPE: &str = "orders:read";

/// The folder of vectors of an issuer at this port, and what `vectors.json` says.
async fn made(cli: &Cli, port: u16) -> (String, Value) {
    let folder = cli.folder.path().join("vectors").display().to_string();
    let issuer = format!("http://127.0.0.1:{port}");
    let arguments = ["--issuer", &issuer, "--audience", AUDIENCE, "--scope", SCOPE];
    let all = [&["verify", "vectors", "--out", &folder][..], &arguments].concat();
    let told = cli.json(&all, None).await;
    let text = std::fs::read_to_string(Path::new(&folder).join("vectors.json")).expect("vectors");
    let vectors: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(told["vectors"], vectors["vectors"].as_array().expect("a list").len());
    (folder, vectors)
}

/// The documents of a folder of vectors, without a network.
struct Folder(String);

impl Fetch for Folder {
    fn fetch(&self, request: http::Request<Vec<u8>>) -> Fetching {
        let file = match request.uri().path() {
            "/.well-known/openid-configuration" => "openid-configuration",
            "/jwks.json" => "jwks.json",
            "/status/1" => "status/1.jwt",
            _ => "",
        };
        let read = std::fs::read(Path::new(&self.0).join(file));
        let status = if read.is_ok() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let mut answer = http::Response::new(read.unwrap_or_default());
        *answer.status_mut() = status;
        Box::pin(async move { Ok::<_, FetchError>(answer) })
    }
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().expect("a text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crate_refuses_every_vector_for_the_reason_that_it_states() {
    let cli = Cli::new(&Database::Sqlite).await;
    let (folder, vectors) = made(&cli, 9400).await;
    let verifier = Verifier::builder(text(&vectors, "issuer"), text(&vectors, "audience"))
        .fetch(Folder(folder))
        .build()
        .expect("a verifier");
    let requirement = Requirement::scope(SCOPE);
    let mut names = BTreeSet::new();
    let (mut good, mut bad) = (0, 0);
    for vector in vectors["vectors"].as_array().expect("a list") {
        let mut headers = http::HeaderMap::new();
        let bearer = format!("Bearer {}", text(vector, "token"));
        headers.insert("authorization", bearer.parse().expect("a header"));
        for (name, value) in vector["headers"].as_object().expect("an object") {
            let name: http::HeaderName = name.parse().expect("a name");
            headers.insert(name, value.as_str().expect("a text").parse().expect("a header"));
        }
        let verified = async {
            let get = http::Method::GET;
            let presented = Presented::from_headers(&headers, &get, "https://api.example.com/")?;
            let token = verifier.verify(presented).await?;
            verifier.require(&token, &requirement)
        };
        let name = text(vector, "name");
        let reason = verified.await.as_ref().err().map_or("good", Refusal::reason);
        assert_eq!(reason, text(vector, "reason"), "{name}");
        assert_eq!(vector["accept"], reason == "good", "{name}");
        assert!(names.insert(name), "{name} stands twice");
        if reason == "good" { good += 1 } else { bad += 1 }
    }
    assert!(good >= 3 && bad >= 60, "{good} good and {bad} bad tokens");
}

/// People copy either of them: `kit/README.md` calls them the same file.
#[test]
fn fastapi_and_django_have_the_same_verifier() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit/python");
    let read = |of: &str| std::fs::read_to_string(python.join(of).join("verify.py"));
    assert_eq!(read("fastapi").expect("a file"), read("django").expect("a file"));
}

/// A resource server that looks at nothing, or at everything too closely.
async fn careless(status: u16) -> u16 {
    let answer = StatusCode::from_u16(status).expect("a status");
    let router = axum::Router::new().fallback(move || std::future::ready(answer));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = socket.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(socket, router).await });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_accepts_too_much_or_too_little_fails_the_run() {
    let cli = Cli::new(&Database::Sqlite).await;
    let (folder, vectors) = made(&cli, free_port()).await;
    let all = vectors["vectors"].as_array().expect("a list");
    let names = |accept: bool| {
        let those = all.iter().filter(|vector| vector["accept"] == accept);
        those.map(|vector| vector["name"].clone()).collect::<Value>()
    };
    let none = || Value::Array(Vec::new());
    let every = || all.iter().map(|vector| vector["name"].clone()).collect::<Value>();
    for (status, accepted, refused, unclear) in [
        (200, names(false), none(), none()),
        (401, none(), names(true), none()),
        (500, none(), none(), every()),
        // A wrong address is not an API that accepts everything.
        (404, none(), none(), every()),
    ] {
        let url = format!("http://127.0.0.1:{}/", careless(status).await);
        let arguments = ["verify", "run", "--url", &url, "--vectors", &folder];
        let said = cli.run(&arguments, None).await;
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("WRONG"), "{said:?}");
        let said = cli.run(&[&arguments[..], &["--json"]].concat(), None).await;
        assert_eq!(said.code, 1, "{said:?}");
        let told: Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!(told["good"], false);
        assert_eq!(told["wrongly_accepted"], accepted, "{status}");
        assert_eq!(told["wrongly_refused"], refused, "{status}");
        assert_eq!(told["unclear"], unclear, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_are_written_to_a_new_folder_and_make_sense() {
    let cli = Cli::new(&Database::Sqlite).await;
    let (folder, _) = made(&cli, 9400).await;
    let again = cli.run(&["verify", "vectors", "--out", &folder], None).await;
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("is not empty"), "{again:?}");
    for (wrong, why) in [
        (["--issuer", "https://id.example.com/"], "--issuer"),
        (["--issuer", "nonsense"], "--issuer"),
        (["--valid-for", "soon"], "--valid-for"),
        (["--valid-for", "0s"], "--valid-for"),
        (["--scope", "a b"], "--scope"),
    ] {
        let arguments = [&["verify", "vectors", "--out", "new"][..], &wrong].concat();
        let said = cli.run(&arguments, None).await;
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(why), "{said:?}");
    }
    let nowhere = ["verify", "run", "--url", "nowhere", "--vectors", &folder];
    assert_eq!(cli.run(&nowhere, None).await.code, 2);
    let missing = ["verify", "run", "--url", "http://127.0.0.1:9/", "--vectors", "missing"];
    assert_eq!(cli.run(&missing, None).await.code, 1);
}
