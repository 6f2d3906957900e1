//! `examples/spa`, driven as it stands: the refresh token is a cookie that no script sees.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use thirtyfour::By;
use tokio::process::{Child, Command};

use super::driver::{Chromium, ENGLISH, Window};
use crate::support::{Cli, Database, eventually, free_port, http, required_or_skip};

const PASSWORD: &str = "correct horse battery staple";

/// A copy of the example with its packages.
async fn installed() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("spa");
    std::fs::create_dir_all(&folder).expect("a folder");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spa");
    for entry in std::fs::read_dir(&sources).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("copied");
        }
    }
    let arguments = ["ci", "--prefer-offline", "--no-audit", "--no-fund"];
    let ended = Command::new("npm").args(arguments).current_dir(&folder).output().await;
    let output = ended.map_err(|error| format!("npm: {error}"))?;
    if output.status.success() {
        return Ok(folder);
    }
    Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr)))
}

async fn serve(folder: &Path, port: u16, issuer: &str) -> Child {
    let child = Command::new("node")
        .arg("serve.mjs")
        .current_dir(folder)
        .env("PORT", port.to_string())
        .env("ISSUER", issuer)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("node");
    let home = format!("http://localhost:{port}/");
    eventually("the app is served", async || http().get(&home).send().await.is_ok()).await;
    child
}

/// Waits until the page has found out who is signed in; whether somebody is.
async fn somebody_is_signed_in(window: &Window) -> bool {
    eventually("the page is ready", async || {
        window.driver.find(By::Css("body[data-ready]")).await.is_ok()
    })
    .await;
    let problem = window.sees("problem").await.text().await.unwrap();
    assert_eq!(problem, "");
    window.sees("signed-in").await.is_displayed().await.unwrap()
}

async fn refreshes(window: &Window, times: &str) {
    window.clicks("refresh").await;
    eventually("it has refreshed", async || {
        window.sees("refreshes").await.text().await.unwrap() == times
    })
    .await;
}

/// That no script of the page could find a refresh token anywhere.
async fn keeps_its_secret(window: &Window) {
    let script =
        "return document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)";
    let found = window.driver.execute(script, vec![]).await.unwrap().json().to_string();
    assert!(!found.contains("mapae"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_page_app_keeps_people_signed_in_without_knowing_how() {
    let Some(chromium) = Chromium::start().await else { return };
    let folder = match installed().await {
        Ok(folder) => folder,
        Err(why) => return required_or_skip(&why),
    };
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    let issuer = cli.get("MAPAE_ISSUER").replace("127.0.0.1", "localhost");
    cli.set("MAPAE_ISSUER", issuer.clone());
    let server = cli.serve().await;
    let port = free_port();
    let (origin, home) = (format!("http://localhost:{port}"), format!("http://localhost:{port}/"));
    let mut arguments = vec!["--kind", "public", "--scope", "openid profile email"];
    arguments.extend(["--grant", "authorization_code", "--grant", "refresh_token"]);
    arguments.extend(["--redirect-uri", &home, "--post-logout-redirect-uri", &home]);
    arguments.extend(["--allowed-origin", &origin, "--refresh-delivery", "cookie"]);
    server.client("spa", &arguments).await;
    server.user("alice", PASSWORD).await;
    let _app = serve(&folder, port, &issuer).await;

    let window = chromium.window(ENGLISH).await;
    window.goto(&home).await;
    assert!(!somebody_is_signed_in(&window).await);
    window.follows("sign-in").await;
    window.signs_in("alice", PASSWORD).await;
    window.follows("consent-allow").await;
    window.arrives_at(&home).await;
    assert!(somebody_is_signed_in(&window).await);
    assert_eq!(window.sees("name").await.text().await.unwrap(), "alice");
    keeps_its_secret(&window).await;
    // A reload has nothing but the cookie.
    window.driver.refresh().await.unwrap();
    assert!(somebody_is_signed_in(&window).await);
    refreshes(&window, "1").await;
    // Two tabs refresh at once, and both go on.
    let first = window.driver.window().await.unwrap();
    let second = window.driver.new_tab().await.unwrap();
    window.driver.switch_to_window(second.clone()).await.unwrap();
    window.goto(&home).await;
    assert!(somebody_is_signed_in(&window).await);
    let listen =
        "new BroadcastChannel('now').onmessage = () => document.getElementById('refresh').click()";
    for tab in [&first, &second] {
        window.driver.switch_to_window(tab.clone()).await.unwrap();
        window.driver.execute(listen, vec![]).await.unwrap();
    }
    let now = "new BroadcastChannel('now').postMessage('')";
    window.driver.execute(now, vec![]).await.unwrap();
    for (tab, times) in [(&first, "2"), (&second, "1")] {
        window.driver.switch_to_window(tab.clone()).await.unwrap();
        eventually("it has refreshed", async || {
            window.sees("refreshes").await.text().await.unwrap() == times
        })
        .await;
        assert!(somebody_is_signed_in(&window).await);
    }
    keeps_its_secret(&window).await;
    // Signed out here, at the issuer, and in the other tab once it looks.
    window.follows("sign-out").await;
    window.arrives_at(&home).await;
    assert!(!somebody_is_signed_in(&window).await);
    window.driver.switch_to_window(first).await.unwrap();
    window.driver.refresh().await.unwrap();
    assert!(!somebody_is_signed_in(&window).await);
    window.follows("sign-in").await;
    window.sees("login-submit").await;
    window.kept_every_policy().await;
    window.closes().await;
}
