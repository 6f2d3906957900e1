//! A standard error that nobody reads, and an app that never answers, delay neither requests nor
//! the stop.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Child;

use crate::support::{
    Binary, Cli, ClientArguments, Database, PASSWORD, free_port, http, terminate,
};

const ADDRESSED: &str = "grant_type=refresh_token&refresh_token=x&client_id=nobody";

/// A server whose standard error is a pipe that nobody reads until the test does.
async fn piped(cli: &Cli) -> Child {
    let child = cli.command(&["serve"]).stdin(Stdio::null()).spawn().expect("the binary");
    cli.is_ready().await;
    child
}

/// Requests that each leave a line in the log.
async fn refused(base: &str, times: usize) {
    let http = http();
    for _ in 0..times {
        let request = http.post(format!("{base}/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = tokio::time::timeout(Duration::from_secs(20), request.body(ADDRESSED).send());
        let status = answer.await.expect("an answer in time").expect("an answer").status();
        assert!(status.is_client_error(), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_error_that_nobody_reads_holds_nobody_up() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let admin = format!("127.0.0.1:{}", free_port());
    cli.set("MAPAE_ADMIN_LISTEN", &admin);
    cli.set("MAPAE_LOG", "debug");
    cli.set("MAPAE_SHUTDOWN_DEADLINE", "3s");
    let mut child = piped(&cli).await;
    let base = cli.get("MAPAE_ISSUER").to_owned();
    // A pipe takes 64 KiB: a few hundred lines.
    let tasks = (0..4).map(|_| {
        tokio::spawn({
            let base = base.clone();
            async move { refused(&base, 500).await }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("answered");
    }
    for path in ["/readyz", "/.well-known/jwks.json"] {
        assert_eq!(
            http().get(format!("{base}{path}")).send().await.unwrap().status(),
            200,
            "{path}"
        );
    }
    terminate(&child).await;
    let ended = tokio::time::timeout(Duration::from_secs(30), child.wait());
    assert_eq!(ended.await.expect("an end").unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_logged_is_written_before_the_end() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_LOG", "debug");
    let mut child = piped(&cli).await;
    let mut err = child.stderr.take().expect("standard error");
    let read = tokio::spawn(async move {
        let mut text = String::new();
        err.read_to_string(&mut text).await.expect("UTF-8");
        text
    });
    refused(cli.get("MAPAE_ISSUER"), 200).await;
    terminate(&child).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    let text = read.await.expect("read");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert!(lines.len() >= 200, "{}", lines.len());
    assert_eq!(lines.last().expect("a line")["message"], "stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_says_why_by_the_same_way() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_LISTEN", "192.0.2.1:1");
    let said = cli.run(&["serve"], None).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.lines().last().unwrap().starts_with("mapae: listen: "), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_never_answers_does_not_hold_up_the_end_beyond_its_deadline() {
    // It takes connections and says nothing.
    let app = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/logout", app.local_addr().unwrap());
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    cli.set("MAPAE_SHUTDOWN_DEADLINE", "1s");
    let mut binary: Binary = cli.serve().await;
    binary.user("alice", PASSWORD).await;
    let arguments = ClientArguments::by_password().with("--backchannel-logout-uri", &uri);
    let client = binary.register("app", &arguments).await;
    // More than are told at once.
    for _ in 0..40 {
        client.password("openid").await.pair();
    }
    binary.cli(&["user", "logout", "--username", "alice"], None).await;
    let (_held, _) = app.accept().await.expect("a call");
    binary.terminate().await;
    // Each call waits for five seconds, and three rounds of them take fifteen.
    let ended = tokio::time::timeout(Duration::from_secs(10), binary.child.wait());
    assert_eq!(ended.await.expect("an end in time").unwrap().code(), Some(0));
    assert!(binary.log().contains("stopped"), "{}", binary.log());
}
