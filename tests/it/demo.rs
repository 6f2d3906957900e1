//! `mapae demo`: the printed tour works when pasted, and nothing is left behind.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Cli, Database, eventually, free_port, http, required_or_skip, terminate};

/// Reads what the demo prints until its tour is over.
async fn tour(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.expect("a line") {
        said.push_str(&line);
        said.push('\n');
        // The last lines ask about a token that the tour revoked.
        if said.contains("/revoke") && line.contains("/introspect") {
            return said;
        }
    }
    panic!("the demo ended: {said}");
}

fn demo_folders(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("mapae-demo")
        })
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_works_when_pasted_and_nothing_is_left() {
    if Command::new("curl").arg("--version").output().await.is_err() {
        return required_or_skip("there is no curl");
    }
    let mut cli = Cli::new(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    cli.set("TMPDIR", folder.to_str().unwrap());
    // What a real installation sets must not reach into the demo.
    cli.set("MAPAE_LISTEN", "0.0.0.0:1");
    let port = free_port().to_string();
    let mut child = cli.command(&["demo", "--port", &port]).stdin(Stdio::null()).spawn().unwrap();
    let said = tour(&mut child).await;
    let issuer = format!("http://localhost:{port}");
    assert!(said.starts_with(&format!("mapae is running at {issuer} ")), "{said}");
    assert_eq!(demo_folders(&folder), 1);
    let (_, script) =
        said.split_once("Paste these lines into another terminal.\n").expect("a tour");
    let pasted = Command::new("bash").args(["-e", "-c", script]).output().await.expect("bash");
    assert!(pasted.status.success() && pasted.stderr.is_empty(), "{pasted:?}");
    let out = String::from_utf8(pasted.stdout).unwrap();
    let answers: Vec<Value> = serde_json::Deserializer::from_str(&out)
        .into_iter()
        .map(|one| one.expect("JSON"))
        .collect();
    let [discovery, jwks, signed_in, person, refreshed, own, asked, after] = &answers[..] else {
        panic!("eight answers: {out}");
    };
    assert_eq!(discovery["issuer"], issuer.as_str());
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    for tokens in [signed_in, refreshed] {
        assert!(tokens["access_token"].is_string() && tokens["id_token"].is_string());
    }
    assert_ne!(signed_in["refresh_token"], refreshed["refresh_token"]);
    assert_eq!(person["name"], "홍길동");
    assert_eq!(person["email"], "hong@example.com");
    assert!(own["access_token"].is_string() && own.get("refresh_token").is_none());
    assert_eq!((&asked["active"], &asked["client_id"]), (&true.into(), &"demo-app".into()));
    assert_eq!(*after, serde_json::json!({ "active": false }));
    terminate(&child).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_eq!(demo_folders(&folder), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_demo_is_there_again() {
    let cli = Cli::new(&Database::Sqlite).await;
    let port = free_port().to_string();
    let arguments = ["demo", "--keep", "--port", &port, "--json"];
    let mut subjects = Vec::new();
    for _ in 0..2 {
        let mut child = cli.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        let told: Value = serde_json::from_str(&line).expect("one JSON document");
        let text = |member: &str| told[member].as_str().expect("text").to_owned();
        let app = crate::support::App {
            id: text("client_id"),
            secret: Some(text("client_secret")),
            base: format!("http://127.0.0.1:{port}"),
            http: http(),
        };
        let (access, _) =
            app.password_as(&text("username"), &text("password"), "openid").await.pair();
        subjects.push(app.introspect(&access).await["sub"].clone());
        let ready = format!("{}/readyz", app.base);
        terminate(&child).await;
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        let mut rest = String::new();
        lines.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "", "nothing but the document");
        eventually("it is gone", async || http().get(&ready).send().await.is_err()).await;
        assert!(cli.folder.path().join("mapae-demo/mapae.db").exists());
    }
    assert_eq!(subjects[0], subjects[1]);
}
