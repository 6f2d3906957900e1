//! The programs of the folder `kit`, each played against the vectors.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::{AUDIENCE, SCOPE, made};
use crate::interop::toolchain::{self, Language};
use crate::support::{Cli, Database, free_port, required_or_skip};

/// What a resource server of the kit is told.
pub(super) struct Told {
    pub(super) cli: Cli,
    folder: String,
    pub(super) issuer: u16,
    pub(super) api: u16,
}

impl Told {
    pub(super) async fn new() -> Self {
        let cli = Cli::new(&Database::Sqlite).await;
        let (issuer, api) = (free_port(), free_port());
        let (folder, _) = made(&cli, issuer).await;
        Self { cli, folder, issuer, api }
    }

    /// A good token of the vectors.
    pub(super) fn good(&self) -> String {
        let text = std::fs::read_to_string(Path::new(&self.folder).join("vectors.json"));
        let told: Value = serde_json::from_str(&text.expect("vectors")).expect("JSON");
        let good =
            told["vectors"].as_array().expect("a list").iter().find(|it| it["name"] == "good");
        good.expect("a good one")["token"].as_str().expect("a token").to_owned()
    }

    pub(super) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("ISSUER", format!("http://127.0.0.1:{}", self.issuer)),
            ("AUDIENCE", AUDIENCE.to_owned()),
            ("SCOPE", SCOPE.to_owned()),
            ("LISTEN", format!("127.0.0.1:{}", self.api)),
        ]
    }

    pub(super) fn start(&self, mut command: Command) -> Child {
        command.envs(self.environment()).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command.kill_on_drop(true).spawn().expect("it starts")
    }

    /// How it answers; it is waited for until it listens.
    pub(super) async fn played(&self) -> Value {
        let url = format!("http://127.0.0.1:{}/", self.api);
        let serve = format!("127.0.0.1:{}", self.issuer);
        let arguments = ["--url", &url, "--vectors", &self.folder, "--serve", &serve, "--json"];
        let said = self.cli.run(&[&["verify", "run"][..], &arguments].concat(), None).await;
        let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        assert_eq!(said.code, i32::from(told["good"] != true), "{said:?}");
        told
    }
}

/// A program that refuses every bad token and takes every good one.
async fn is_strict(program: Result<Command, String>) {
    let program = match program {
        Ok(program) => program,
        Err(why) => return required_or_skip(&why),
    };
    let told = Told::new().await;
    let _running = told.start(program);
    let answers = told.played().await;
    assert_eq!(answers["good"], true, "{answers:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node() {
    is_strict(toolchain::of_the_kit(Language::Node, "node").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fastapi() {
    is_strict(toolchain::of_the_kit(Language::Python, "python/fastapi").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn django() {
    is_strict(toolchain::of_the_kit(Language::Python, "python/django").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go() {
    is_strict(toolchain::of_the_kit(Language::Go, "go").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spring() {
    is_strict(toolchain::of_the_kit(Language::Java, "spring").await).await;
}

/// An example of the crate, as it was built with the tests.
fn example(name: &str) -> Result<Command, String> {
    let program = Path::new(env!("CARGO_BIN_EXE_mapae")).with_file_name("examples").join(name);
    if program.exists() {
        Ok(Command::new(program))
    } else {
        Err("no examples: cargo build -p mapae-verify --examples --all-features".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_on_axum() {
    is_strict(example("axum")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_on_tower() {
    is_strict(example("tower")).await;
}

/// It reads one token from standard input. What a request needs besides, it does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_that_reads_a_token() {
    if let Err(why) = example("verify") {
        return required_or_skip(&why);
    }
    let cli = Cli::new(&Database::Sqlite).await;
    let port = free_port();
    let (folder, vectors) = made(&cli, port).await;
    let files = axum::Router::new().fallback(async move |uri: http::Uri| {
        let path = match uri.path() {
            "/.well-known/openid-configuration" => "openid-configuration",
            "/status/1" => "status/1.jwt",
            other => other.trim_start_matches('/'),
        };
        let read = std::fs::read(Path::new(&folder).join(path));
        read.map_err(|_| http::StatusCode::NOT_FOUND)
    });
    let socket = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
    tokio::spawn(async move { axum::serve(socket, files).await });
    let mut read = 0;
    for vector in vectors["vectors"].as_array().expect("a list") {
        if !vector["headers"].as_object().expect("an object").is_empty() {
            continue;
        }
        let mut command = example("verify").expect("an example");
        command.env("ISSUER", format!("http://127.0.0.1:{port}")).env("AUDIENCE", AUDIENCE);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("standard input");
        let token = vector["token"].as_str().expect("a token");
        input.write_all(token.as_bytes()).await.expect("written");
        drop(input);
        let output = child.wait_with_output().await.expect("an end");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let reason = vector["reason"].as_str().expect("a reason");
        let is_good = ["good", "scope", "authentication"].contains(&reason);
        assert_eq!(output.status.code(), Some(i32::from(!is_good)), "{vector} {said}");
        let begins = if is_good { "good: ".to_owned() } else { format!("refused: {reason}: ") };
        assert!(said.starts_with(&begins), "{vector} {said}");
        read += 1;
    }
    assert!(read >= 50, "{read} tokens without headers");
}
