//! nginx in front of an API, as `kit/nginx` has it: it asks mapae about each token.

use std::path::Path;
use std::process::Stdio;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::process::{Child, Command};

use super::AUDIENCE;
use crate::support::{
    App, Binary, ClientArguments, Database, PASSWORD, Reply, decode_claims, eventually, free_port,
    http, required_or_skip,
};

const MODULE: &str = "/usr/lib/nginx/modules/ngx_http_js_module.so";

/// An API that says who it was told that the caller is.
async fn api() -> u16 {
    let who = |headers: HeaderMap| {
        let mut all = headers.get_all("x-token-subject").iter();
        let subject = all.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        std::future::ready(format!("{subject}{}", if all.next().is_some() { " twice" } else { "" }))
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = socket.local_addr().expect("an address").port();
    let router = axum::Router::new().fallback(who);
    tokio::spawn(async move { axum::serve(socket, router).await });
    port
}

/// nginx with the configuration of the kit, in which only places and the secret are others.
async fn nginx(server: &Binary, api: &App, port: u16) -> Child {
    let folder = server.cli.folder.path().join("nginx");
    std::fs::create_dir(&folder).expect("a folder");
    let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit/nginx");
    std::fs::copy(kit.join("introspect.js"), folder.join("introspect.js")).expect("copied");
    let mut settings = std::fs::read_to_string(kit.join("nginx.conf")).expect("a file");
    let place = folder.display();
    let credentials = format!("{}:{}", api.id, api.secret.as_deref().expect("a secret"));
    let issuer = server.cli.get("MAPAE_LISTEN").to_owned();
    let behind = self::api().await;
    for (theirs, ours) in [
        ("load_module modules/ngx_http_js_module.so;", format!("load_module {MODULE};")),
        ("js_path /etc/nginx/njs;", format!("js_path {place}; access_log off;")),
        ("/var/cache/nginx/tokens", format!("{place}/tokens")),
        ("server id.example.com:443;", format!("server {issuer};")),
        ("listen 80;", format!("listen 127.0.0.1:{port};")),
        ("proxy_pass https://mapae/", "proxy_pass http://mapae/".to_owned()),
        ("proxy_pass http://127.0.0.1:9000;", format!("proxy_pass http://127.0.0.1:{behind};")),
        ("b3JkZXJzLWFwaTpTRUNSRVQ=", STANDARD.encode(credentials)),
    ] {
        assert!(settings.contains(theirs), "{theirs}");
        settings = settings.replace(theirs, &ours);
    }
    let user = format!("user root; pid {place}/nginx.pid; error_log {place}/error.log;\n");
    let file = folder.join("nginx.conf");
    std::fs::write(&file, format!("{user}{settings}")).expect("written");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&file).args(["-g", "daemon off;"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let child = command.spawn().expect("nginx");
    eventually("nginx listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    })
    .await;
    child
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_asks_mapae_about_each_token() {
    if !Path::new(MODULE).exists() || !Path::new("/usr/sbin/nginx").exists() {
        return required_or_skip("there is no nginx with njs");
    }
    let mut server = Binary::start(&Database::Sqlite).await;
    server.user("alice", PASSWORD).await;
    let orders = ClientArguments::confidential(&["client_credentials"]);
    let orders = server.register("orders-api", &orders.with("--resource-server", AUDIENCE)).await;
    let shop = ClientArguments::by_password().with("--audience", AUDIENCE);
    let shop = server.register("shop", &shop).await;
    let elsewhere = server.register("elsewhere", &ClientArguments::by_password()).await;
    let port = free_port();
    let mut running = nginx(&server, &orders, port).await;
    let asked = async |token: Option<&str>| {
        let request = http().get(format!("http://127.0.0.1:{port}/orders"));
        // Nobody may say who they are.
        let request = request.header("x-token-subject", "somebody-else");
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        Reply::of(request.send().await.expect("an answer")).await
    };
    let reply = asked(None).await;
    assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (401, "Bearer"));
    let (good, refresh) = shop.password("openid").await.pair();
    let reply = asked(Some(&good)).await;
    let subject = decode_claims(&good)["sub"].as_str().expect("a sub").to_owned();
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, subject.as_str()));
    let (other, _) = elsewhere.password("openid").await.pair();
    let (revoked, ended) = shop.password("openid").await.pair();
    shop.revoke(&ended).await.ok();
    for bad in ["x", &good[..good.len() - 4], &other, &revoked, &refresh] {
        let reply = asked(Some(bad)).await;
        let challenge = "Bearer error=\"invalid_token\"";
        let found = (reply.status.as_u16(), reply.header("www-authenticate"));
        assert_eq!(found, (401, challenge), "{bad}");
    }
    // An answer is kept for five seconds.
    shop.revoke(&refresh).await.ok();
    eventually("it is refused", async || asked(Some(&good)).await.status == 401).await;
    // Where mapae does not answer, nothing is let through.
    let (unknown, _) = shop.password("openid").await.pair();
    server.kill().await;
    assert_eq!(asked(Some(&unknown)).await.status, 500);
    // The workers end with the one who started them.
    let id = running.id().expect("a running process").to_string();
    Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
    running.wait().await.expect("an end");
}
