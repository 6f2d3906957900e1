//! The proxies of the folder `kit`, each played against the vectors, with the configuration that is
//! there to copy: only places are others.

use std::path::{Path, PathBuf};

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::programs::Told;
use crate::interop::toolchain::{self, Language};
use crate::support::{Reply, decode_claims, eventually, free_port, http, required_or_skip};

const ENVOY: &str = include_str!("../../../kit/envoy/envoy.yaml");

/// What a verifier lets through that looks at no status list: the pages of the proxies say so.
const BEYOND: [&str; 3] =
    ["revoked-by-its-status", "status-beyond-the-list", "status-in-a-list-that-is-gone"];

/// Whoever answers the vectors like this refuses all that a status list need not tell.
#[track_caller]
fn looks_at_all_but_status_lists(answers: &Value) {
    assert_eq!(answers["wrongly_accepted"], json!(BEYOND), "{answers:#}");
    assert_eq!(answers["wrongly_refused"], json!([]), "{answers:#}");
    assert_eq!(answers["unclear"], json!([]), "{answers:#}");
}

/// Plays the vectors, and starts the proxy when their issuer answers.
async fn played(told: &Told, start: impl AsyncFnOnce() -> Child) -> (Value, Child) {
    let issuer = format!("127.0.0.1:{}", told.issuer);
    let started = async {
        eventually("the issuer is there", async || {
            tokio::net::TcpStream::connect(&issuer).await.is_ok()
        })
        .await;
        start().await
    };
    tokio::join!(told.played(), started)
}

/// A file of the kit in which these places are others, written to this folder.
fn copied(name: &str, folder: &Path, places: &[(&str, String)]) -> PathBuf {
    let of_the_kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit").join(name);
    let mut text = std::fs::read_to_string(&of_the_kit).expect("a file");
    for (theirs, ours) in places {
        assert!(text.contains(theirs), "{theirs}");
        text = text.replace(theirs, ours);
    }
    let copy = folder.join(of_the_kit.file_name().expect("a name"));
    std::fs::write(&copy, text).expect("written");
    copy
}

/// An API behind a proxy, which says who it was told that the caller is.
async fn api() -> u16 {
    let who = |headers: HeaderMap| {
        let told = headers.get_all("x-token-subject").iter().filter_map(|one| one.to_str().ok());
        std::future::ready(told.collect::<Vec<_>>().join(" and "))
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = socket.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(socket, axum::Router::new().fallback(who)).await });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_refuses_all_that_a_status_list_need_not_tell() {
    let program = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].map(Path::new);
    let Some(program) = program.into_iter().find(|path| path.exists()) else {
        return required_or_skip("there is no haproxy");
    };
    let told = Told::new().await;
    let settings = told.cli.folder.path().join("haproxy");
    std::fs::create_dir(&settings).expect("a folder");
    let (answers, _running) = played(&told, async || {
        let configure = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit/haproxy/configure");
        let mut command = Command::new("python3");
        command.arg(configure).arg(&settings).envs(told.environment());
        assert!(command.status().await.expect("python3").success());
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(settings.join("haproxy.cfg"));
        told.start(command)
    })
    .await;
    looks_at_all_but_status_lists(&answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_refuses_all_that_a_status_list_need_not_tell() {
    let program = match toolchain::envoy().await {
        Ok(program) => program,
        Err(why) => return required_or_skip(&why),
    };
    let told = Told::new().await;
    let (issuer, behind) = (told.issuer, api().await);
    let folder = told.cli.folder.path();
    let at = |port: u16| format!("address: 127.0.0.1, port_value: {port}");
    let tls = ENVOY.find("      transport_socket:").expect("TLS");
    let places = [
        // The issuer of the vectors speaks none.
        (&ENVOY[tls..], String::new()),
        ("address: 0.0.0.0, port_value: 8080", at(told.api)),
        ("https://id.example.com/.well-known/", format!("http://127.0.0.1:{issuer}/")),
        ("https://id.example.com", format!("http://127.0.0.1:{issuer}")),
        ("address: id.example.com, port_value: 443", at(issuer)),
        ("address: 127.0.0.1, port_value: 9000", at(behind)),
    ];
    let settings = copied("envoy/envoy.yaml", folder, &places);
    let (answers, _running) = played(&told, async || {
        let mut command = Command::new(&program);
        // Several of them on one machine keep out of each other's way.
        command.args(["--use-dynamic-base-id", "--concurrency", "1", "-c"]).arg(&settings);
        told.start(command)
    })
    .await;
    looks_at_all_but_status_lists(&answers);
    // Nobody may say who they are.
    let request = http().get(format!("http://127.0.0.1:{}/", told.api)).bearer_auth(told.good());
    let request = request.header("x-token-subject", "somebody-else");
    let reply = Reply::of(request.send().await.expect("an answer")).await.ok();
    assert_eq!(reply.text, decode_claims(&told.good())["sub"]);
}

/// The free Traefik verifies no JWT: it asks a program of the kit, which looks at status lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traefik_lets_through_what_a_program_of_the_kit_accepts() {
    let asked = toolchain::of_the_kit(Language::Node, "node").await;
    let (program, mut asked) = match (toolchain::traefik().await, asked) {
        (Ok(program), Ok(asked)) => (program, asked),
        (Err(why), _) | (_, Err(why)) => return required_or_skip(&why),
    };
    let told = Told::new().await;
    let (verifier, behind) = (free_port(), api().await);
    let folder = told.cli.folder.path();
    let places = [
        ("127.0.0.1:9000", format!("127.0.0.1:{verifier}")),
        ("127.0.0.1:8000", format!("127.0.0.1:{behind}")),
        ("api.example.com", "127.0.0.1".to_owned()),
    ];
    let settings = copied("traefik/dynamic.yaml", folder, &places);
    asked.envs(told.environment()).env("LISTEN", format!("127.0.0.1:{verifier}"));
    let _asked = asked.spawn().expect("it starts");
    let mut command = Command::new(&program);
    command.arg(format!("--entrypoints.web.address=127.0.0.1:{}", told.api));
    command.arg(format!("--providers.file.filename={}", settings.display()));
    command.args(["--global.checknewversion=false", "--global.sendanonymoususage=false"]);
    let _running = told.start(command);
    // It listens before it has read its configuration.
    let url = format!("http://127.0.0.1:{}/", told.api);
    eventually("Traefik asks the program", async || {
        http().get(&url).send().await.is_ok_and(|answer| answer.status() == 401)
    })
    .await;
    let answers = told.played().await;
    assert_eq!(answers["good"], true, "{answers:#}");
}
