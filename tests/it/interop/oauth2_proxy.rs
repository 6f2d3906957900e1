//! oauth2-proxy before an app that reads who signed in from the headers of the request.

use std::process::Stdio;

use axum::Router;
use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::clients::{EMAIL, alice, started, web_app};
use super::toolchain;
use crate::support::{
    AuthorizationResponse, Binary, Browser, Database, free_port, http, required_or_skip,
};

/// Says who it was told has signed in.
async fn upstream() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let home = format!("http://{}", socket.local_addr().expect("an address"));
    let told = async |headers: HeaderMap| {
        let names = ["x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username"];
        let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
        names.map(|name| value(name).unwrap_or_default()).join(" ")
    };
    let router = Router::new().fallback(told);
    tokio::spawn(async move { axum::serve(socket, router).await });
    home
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oauth2_proxy_tells_the_app_behind_it_who_signed_in() {
    let program = match toolchain::oauth2_proxy().await {
        Ok(program) => program,
        Err(why) => return required_or_skip(&why),
    };
    let server = Binary::start(&Database::Sqlite).await;
    let sub = alice(&server).await;
    let upstream = upstream().await;
    for (id, more, flags) in [
        ("as-it-comes", &["--require-pkce", "false"][..], &[][..]),
        ("pkce", &[], &["--code-challenge-method=S256"]),
        ("nonce", &[], &["--insecure-oidc-skip-nonce=false"]),
        ("neither", &[], &[]),
    ] {
        let mut command = Command::new(&program);
        command.kill_on_drop(true);
        let port = free_port();
        let home = format!("http://127.0.0.1:{port}");
        let callback = format!("{home}/oauth2/callback");
        let client = web_app(&server, id, &callback, more).await;
        let secret = client.secret.clone().expect("a secret");
        command.args(["--provider=oidc", "--email-domain=*", "--cookie-secure=false"]);
        command.args([
            format!("--oidc-issuer-url={}", server.issuer()),
            format!("--client-id={id}"),
            format!("--client-secret={secret}"),
            format!("--cookie-secret={}", "k".repeat(32)),
            format!("--upstream={upstream}"),
            format!("--http-address=127.0.0.1:{port}"),
            format!("--redirect-url={callback}"),
        ]);
        command.args(flags).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = started(command, &format!("{home}/ping")).await;

        let mut person = Browser::new(&server.issuer(), &client.http);
        let mut at_proxy = Browser::new(&home, &http());
        let leaves = at_proxy.get("/oauth2/start?rd=/").await;
        let back = person.arrive(leaves.location().expect("to us")).await;
        let back = back.location().expect("back").to_owned();
        if id == "neither" {
            let heard = AuthorizationResponse::at(&back);
            assert_eq!(heard.get("error"), "invalid_request", "{heard:?}");
            assert!(heard.get("error_description").contains("code_challenge"), "{heard:?}");
        } else {
            let greeted = at_proxy.get(&back).await;
            assert_eq!(greeted.reply.status, 302, "{id}: {greeted:?}");
            assert_eq!(at_proxy.get("/").await.reply.text, format!("{sub} {EMAIL} alice"));
        }
        running.kill().await.expect("killed");
    }
}
