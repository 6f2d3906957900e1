//! The server under test: the release binary that operators run, set up by its own command line.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database};
use tokio::time::sleep;
use url::Url;

use crate::load::{Connection, Target};

const BINARY: &str = env!("CARGO_BIN_EXE_mapae");
const PATIENCE: Duration = Duration::from_secs(20);

/// One installation: a folder with keys, a log and an SQLite database unless it has another one,
/// the address by which it is known, and the addresses that it listens on.
#[derive(Clone)]
pub(crate) struct Home {
    binary: PathBuf,
    folder: PathBuf,
    postgres: Option<String>,
    known_at: SocketAddr,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Home {
    /// On a new database of this Postgres server.
    pub(crate) async fn on_postgres(folder: &Path, server: &str) -> Self {
        let administration = Database::connect(format!("{server}/postgres")).await.unwrap();
        let (process, folder_name) = (std::process::id(), folder.file_name().unwrap());
        let name = format!("bench_{process}_{}", folder_name.to_string_lossy());
        administration.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        administration.close().await.unwrap();
        Self { postgres: Some(format!("{server}/{name}")), ..Self::new(folder) }
    }

    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir(folder).unwrap();
        let [address, admin] = free_addresses();
        let folder = folder.to_owned();
        let binary = BINARY.into();
        Self { binary, folder, postgres: None, known_at: address, address, admin }
    }

    /// The same, with another binary for the server and for its command line.
    pub(crate) fn run_by(self, binary: PathBuf) -> Self {
        Self { binary, ..self }
    }

    /// Another replica of the same installation.
    pub(crate) fn replica(&self) -> Self {
        let [address, admin] = free_addresses();
        Self { address, admin, ..self.clone() }
    }

    /// The same, with its database behind a proxy.
    pub(crate) fn through(&self, proxy: SocketAddr) -> Self {
        let mut url = Url::parse(&self.database_url()).unwrap();
        url.set_ip_host(proxy.ip()).unwrap();
        url.set_port(Some(proxy.port())).unwrap();
        Self { postgres: Some(url.into()), ..self.clone() }
    }

    /// Removes the folder and the database.
    pub(crate) async fn discard(self) {
        fs::remove_dir_all(self.folder).unwrap();
        if let Some(url) = self.postgres {
            let (server, name) = url.rsplit_once('/').unwrap();
            let administration = Database::connect(format!("{server}/postgres")).await.unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            administration.execute_unprepared(&drop).await.unwrap();
            administration.close().await.unwrap();
        }
    }

    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite://{}?mode=rwc", self.folder.join("mapae.db").display());
        self.postgres.clone().unwrap_or_else(file)
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.known_at)
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("MAPAE_ISSUER", self.issuer())
            .env("MAPAE_LISTEN", self.address.to_string())
            .env("MAPAE_ADMIN_LISTEN", self.admin.to_string())
            .env("MAPAE_DATABASE_URL", self.database_url())
            .env("MAPAE_KEYS_DIR", self.keys());
        command
    }

    /// Runs a verb of the command line and reads what it says.
    pub(crate) fn cli(&self, arguments: &[&str], input: &str) -> serde_json::Value {
        let mut child = self
            .command(arguments)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A verb that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mapae {}: {errors}", arguments.join(" "));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the server; says also how long it took to be ready.
    pub(crate) async fn start(&self) -> (Server, Duration) {
        let log = self.folder.join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let started = Instant::now();
        let child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        let target = Target { address: self.address, pid: child.id() };
        let mut server = Server { child, target };
        while !is_ready(self.address).await {
            let gone = server.child.try_wait().unwrap();
            if gone.is_some() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(log).unwrap();
                panic!("the server does not get ready ({gone:?}):\n{log}");
            }
            sleep(Duration::from_millis(1)).await;
        }
        (server, started.elapsed())
    }
}

fn free_addresses() -> [SocketAddr; 2] {
    // Both are held until both are known, or they could be the same.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let answer = connection.send(&get(address, "/readyz")).await;
    answer.is_ok_and(|answer| answer.status == 200)
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) target: Target,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A GET request.
pub(crate) fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: mapae-bench\r\n\r\n")
        .into_bytes()
}

/// A POST request of a form, up to its length.
pub(crate) fn post_head(address: SocketAddr, path: &str, authorization: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: mapae-bench\r\n\
         authorization: {authorization}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    )
}

/// A POST request of a form.
pub(crate) fn post(address: SocketAddr, path: &str, authorization: &str, form: &str) -> Vec<u8> {
    let head = post_head(address, path, authorization);
    format!("{head}content-length: {}\r\n\r\n{form}", form.len()).into_bytes()
}
