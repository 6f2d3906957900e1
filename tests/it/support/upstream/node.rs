//! `oidc-provider` of npm, an independent provider in a process of its own (`tests/upstream`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

use super::callback::Callback;
use super::grant::{CLIENT_ID, CLIENT_SECRET};
use super::messages::Fields;
use crate::support::{http, required_or_skip};

const TIMEOUT: Duration = Duration::from_mins(1);

/// A running provider, whose one person is `account-1`, mina@example.com, verified.
pub(crate) struct OidcProvider {
    base: String,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl OidcProvider {
    /// Starts it, if node, npm and the package are there.
    pub(crate) async fn start() -> Option<Self> {
        static INSTALLED: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
        let folder = match INSTALLED.get_or_init(install).await {
            Ok(folder) => folder,
            Err(why) => {
                required_or_skip(why);
                return None;
            }
        };
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let input = child.stdin.take().expect("standard input");
        let lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let mut provider = Self { base: String::new(), input, lines, _child: child };
        provider.base = provider.hears("http://").await;
        Some(provider)
    }

    /// The issuer.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Registers the app of [`CLIENT_ID`] and [`CLIENT_SECRET`].
    pub(crate) async fn redirects_to(&mut self, uris: &[&str]) {
        let client = json!({
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": uris,
        });
        self.input.write_all(format!("{client}\n").as_bytes()).await.expect("written");
        self.hears("knows ").await;
    }

    /// The person opens this address in a fresh browser, and agrees.
    pub(crate) async fn approve(&self, authorize_url: &str) -> Callback {
        self.sign_in_at_provider(authorize_url, "approve").await
    }

    /// The person opens this address and does not agree.
    pub(crate) async fn cancel(&self, authorize_url: &str) -> Callback {
        self.sign_in_at_provider(authorize_url, "cancel").await
    }

    /// Waits for the next line of output that begins like this.
    async fn hears(&mut self, beginning: &str) -> String {
        loop {
            let line = timeout(TIMEOUT, self.lines.next_line()).await.expect("a line in time");
            let line = line.expect("UTF-8").expect("the provider runs");
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    async fn sign_in_at_provider(&self, authorize_url: &str, answer: &str) -> Callback {
        let (http, mut cookies) = (http(), BTreeMap::new());
        let mut url = authorize_url.to_owned();
        for _ in 0..8 {
            if !url.starts_with(&self.base) {
                let (uri, query) = url.split_once('?').unwrap_or((&url, ""));
                let (uri, fields) = (uri.to_owned(), Fields::parse(query));
                return Callback { uri, fields, posted: false, fragment: "" };
            }
            let request = if url.starts_with(&format!("{}/interaction/", self.base)) {
                let form = "application/x-www-form-urlencoded";
                let request = http.post(&url).header("content-type", form);
                request.body(format!("answer={answer}"))
            } else {
                http.get(&url)
            };
            let sent: Vec<_> =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let reply = request.header(COOKIE, sent.join("; ")).send().await.expect("an answer");
            for cookie in reply.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').expect("a pair");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let location = reply.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location.map(str::to_owned) else {
                panic!("{} at {url}: {}", reply.status(), reply.text().await.expect("a body"));
            };
            let next = Url::parse(&url).and_then(|url| url.join(&location)).expect("a URL");
            url = next.to_string();
        }
        panic!("no end of redirects: {url}");
    }
}

/// Installs a copy with its packages below the target folder.
async fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("upstream");
    fs::create_dir_all(&folder).expect("a folder");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream");
    for name in [".npmrc", "package.json", "package-lock.json", "server.mjs"] {
        fs::copy(sources.join(name), folder.join(name)).expect("copied");
    }
    let arguments = ["ci", "--prefer-offline", "--no-audit", "--no-fund"];
    let ended = Command::new("npm").args(arguments).current_dir(&folder).output().await;
    let output = ended.map_err(|error| format!("npm: {error}"))?;
    if output.status.success() {
        return Ok(folder);
    }
    Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr)))
}
