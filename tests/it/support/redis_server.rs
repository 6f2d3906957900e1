//! A real Redis, in a process of its own.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{eventually, free_port, required_or_skip};

/// A Redis server that keeps nothing on disk.
pub(crate) struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    child: Child,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server at this port with these arguments. `None`: there is no Redis here.
    pub(crate) async fn start_at(port: u16, arguments: &[&str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().await.is_err() {
            required_or_skip("there is no redis-server");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let port_text = port.to_string();
        let mut all = vec!["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        if !arguments.contains(&"--tls-port") {
            all.extend(["--port", &port_text]);
        }
        all.extend(arguments);
        let arguments: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let child = spawn(&arguments, &folder);
        let server = Self { port, arguments, child, folder };
        server.listens().await;
        Some(server)
    }

    pub(crate) async fn start() -> Option<Self> {
        Self::start_at(free_port(), &[]).await
    }

    /// Its URL without credentials.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    async fn listens(&self) {
        let address = ("127.0.0.1", self.port);
        eventually("Redis listens", async || tokio::net::TcpStream::connect(address).await.is_ok())
            .await;
    }

    /// Kills it without warning.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Starts it again, without data.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(&self.arguments, &self.folder);
        self.listens().await;
    }

    /// Sends the process a signal, like `-STOP` and `-CONT`.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("a running process").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await.expect("kill");
        assert!(sent.success());
    }

    /// What `redis-cli` prints for this command.
    pub(crate) async fn cli(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let said = Command::new("redis-cli").args(["-p", &port]).args(command).output().await;
        String::from_utf8(said.expect("redis-cli").stdout).expect("UTF-8").trim().to_owned()
    }
}

fn spawn(arguments: &[String], folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(arguments).current_dir(folder.path()).kill_on_drop(true);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("redis-server")
}
