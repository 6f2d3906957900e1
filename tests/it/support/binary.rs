//! Runs the real binary in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mapae::domain::clock::Clock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::server::{http, put_key};
use super::{App, ClientArguments, Database, Evidence, LentKey, eventually};

/// An installation of the binary: a folder, a database, and settings in the environment.
pub(crate) struct Cli {
    pub(crate) folder: TempDir,
    pub(crate) environment: Vec<(String, String)>,
    /// The binary: that of this build, or of another version.
    pub(crate) program: PathBuf,
    /// The RSA key that it was given.
    _key: Option<LentKey>,
}

/// The result of a verb.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The JSON document that the verb printed; panics if it failed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("one JSON document: {self:?}"))
    }
}

impl Cli {
    /// A new installation on a fresh database, which has no tables.
    pub(crate) async fn new(database: &Database) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), database).await
    }

    /// A new installation whose database has its tables.
    pub(crate) async fn migrated(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url = database.migrated(&folder).await;
        Self::of(folder, database_url)
    }

    /// A new installation that has what a first start is longest busy with: the tables, a master key and
    /// an RSA key. That a server makes them itself is shown where an installation is [`new`](Self::new).
    pub(crate) async fn prepared(database: &Database) -> Self {
        if database.is_on_own_server() {
            return Self::new(database).await;
        }
        let (cli, key) = (Self::migrated(database).await, LentKey::take());
        let (keys_dir, database_url) = (cli.get("MAPAE_KEYS_DIR"), cli.get("MAPAE_DATABASE_URL"));
        put_key(&key, Path::new(keys_dir), database_url, &Clock::system()).await;
        Self { _key: Some(key), ..cli }
    }

    /// The same on a disk: the folder for temporary files may be in memory, where other rules hold
    /// for files with secrets.
    pub(crate) async fn on_disk(database: &Database) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        Self::in_folder(folder, database).await
    }

    async fn in_folder(folder: TempDir, database: &Database) -> Self {
        let database_url = database.fresh(&folder).await;
        Self::of(folder, database_url)
    }

    fn of(folder: TempDir, database_url: String) -> Self {
        let port = free_port();
        let environment = [
            ("MAPAE_ISSUER", format!("http://127.0.0.1:{port}")),
            ("MAPAE_LISTEN", format!("127.0.0.1:{port}")),
            ("MAPAE_ADMIN_LISTEN", "127.0.0.1:0".to_owned()),
            ("MAPAE_SHUTDOWN_DELAY", "0s".to_owned()),
            ("MAPAE_DATABASE_URL", database_url),
            ("MAPAE_KEYS_DIR", folder.path().join("keys").display().to_string()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_mapae"));
        Self { folder, environment, program, _key: None }
    }

    /// Sets an environment variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// The value of an environment variable, or an empty text.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.environment.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The installation of another server on the same data.
    pub(crate) async fn replica_of(first: &Binary) -> Self {
        let mut replica = Self::new(&Database::Sqlite).await;
        for shared in ["MAPAE_DATABASE_URL", "MAPAE_KEYS_DIR", "MAPAE_ISSUER"] {
            replica.set(shared, first.cli.get(shared));
        }
        replica
    }

    /// A command that runs the binary with these arguments in this installation.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.with_settings(Command::new(&self.program));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The same, but another program starts the binary; the arguments of that program come first.
    pub(crate) fn command_under(
        &self,
        program: &str,
        before: &[&str],
        arguments: &[&str],
    ) -> Command {
        let mut command = self.with_settings(Command::new(program));
        command.args(before).arg(&self.program).args(arguments);
        command.env("PATH", "/usr/bin:/bin");
        command
    }

    fn with_settings(&self, mut command: Command) -> Command {
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.current_dir(self.folder.path()).env_clear().envs(environment).kill_on_drop(true);
        command
    }

    /// A file for the log of a server.
    pub(crate) fn log_file(&self) -> std::fs::File {
        let path = self.folder.path().join("server.log");
        std::fs::File::options().append(true).create(true).open(path).expect("a log")
    }

    /// Waits until the server of this installation is ready.
    pub(crate) async fn is_ready(&self) {
        let ready = format!("http://{}/readyz", self.get("MAPAE_LISTEN"));
        let http = http();
        eventually("ready", async || {
            http.get(&ready).send().await.is_ok_and(|response| response.status() == 200)
        })
        .await;
    }

    /// Runs a verb to its end.
    pub(crate) async fn run(&self, arguments: &[&str], stdin: Option<&str>) -> Said {
        let mut child = self.command(arguments).spawn().expect("the binary");
        let mut input = child.stdin.take().expect("standard input");
        // A verb that refuses its arguments does not wait for its input.
        let _ = input.write_all(stdin.unwrap_or_default().as_bytes()).await;
        drop(input);
        let ended = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output());
        let output = ended.await.expect("an end in time").expect("an end");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs a verb that succeeds with JSON.
    pub(crate) async fn json(&self, arguments: &[&str], stdin: Option<&str>) -> Value {
        let mut arguments = arguments.to_vec();
        if !arguments.contains(&"--json") {
            arguments.push("--json");
        }
        self.run(&arguments, stdin).await.json()
    }

    /// A new installation on a database on which a server ran once, so it has tables and keys.
    pub(crate) async fn installed(database: &Database) -> Self {
        Self::prepared(database).await.ran_once().await
    }

    /// The installation after a server ran on it once.
    pub(crate) async fn ran_once(self) -> Self {
        let mut binary = self.serve().await;
        binary.terminate().await;
        assert_eq!(binary.ended().await, Some(0));
        binary.cli
    }

    /// Starts serving; the logs go to `server.log` in the folder.
    pub(crate) async fn serve(self) -> Binary {
        let child = self.spawn_server(&self.folder.path().join("server.log")).await;
        Binary { cli: self, child }
    }

    /// Starts a server process and waits until it is ready.
    pub(crate) async fn spawn_server(&self, log_path: &Path) -> Child {
        let log = std::fs::File::options().append(true).create(true).open(log_path).expect("a log");
        let mut command = self.command(&["serve"]);
        command.stderr(log).stdin(Stdio::null());
        let mut child = command.spawn().expect("the binary");
        let ready = format!("http://{}/readyz", self.get("MAPAE_LISTEN"));
        let http = http();
        let mut looks = tokio::time::interval(Duration::from_millis(25));
        for _ in 0..1200 {
            looks.tick().await;
            if http.get(&ready).send().await.is_ok_and(|response| response.status() == 200) {
                return child;
            }
            let ended = child.try_wait().expect("a process").is_some();
            assert!(!ended, "the server ended: {:?}", std::fs::read_to_string(log_path));
        }
        panic!("the server is not ready after 30 s");
    }
}

/// A running server process.
pub(crate) struct Binary {
    pub(crate) cli: Cli,
    pub(crate) child: Child,
}

impl Binary {
    /// Starts a server in a new installation.
    pub(crate) async fn start(database: &Database) -> Self {
        Cli::prepared(database).await.serve().await
    }

    /// The resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.memory_as("VmRSS:")
    }

    /// The most resident memory that there ever was, in KiB.
    pub(crate) fn most_memory(&self) -> u64 {
        self.memory_as("VmHWM:")
    }

    fn memory_as(&self, name: &str) -> u64 {
        let process = self.child.id().expect("a process");
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().expect("a number").parse().expect("a number")
    }

    /// The issuer URL.
    pub(crate) fn issuer(&self) -> String {
        self.cli.get("MAPAE_ISSUER").to_owned()
    }

    /// Runs a verb beside the server.
    pub(crate) async fn cli(&self, arguments: &[&str], stdin: Option<&str>) -> Value {
        self.cli.json(arguments, stdin).await
    }

    /// Registers a client.
    pub(crate) async fn register(&self, id: &str, arguments: &ClientArguments) -> App {
        self.client(id, &arguments.words().collect::<Vec<_>>()).await
    }

    /// Registers a client with these arguments, as the documentation writes them.
    pub(crate) async fn client(&self, id: &str, arguments: &[&str]) -> App {
        let mut all = vec!["client", "create", "--id", id, "--name", id];
        all.extend(arguments);
        let created = self.cli(&all, None).await;
        App {
            id: id.to_owned(),
            secret: created["client_secret"].as_str().map(str::to_owned),
            base: self.issuer(),
            http: http(),
        }
    }

    /// Creates a person and returns their `sub`.
    pub(crate) async fn user(&self, username: &str, password: &str) -> String {
        let arguments = ["user", "create", "--username", username, "--password-stdin"];
        let created = self.cli(&arguments, Some(password)).await;
        created["sub"].as_str().expect("a sub").to_owned()
    }

    /// Kills the process without warning.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Asks the process to stop.
    pub(crate) async fn terminate(&self) {
        terminate(&self.child).await;
    }

    /// Waits for the end of the process and returns its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait());
        ended.await.expect("an end in time").expect("an end").code()
    }

    /// Opens the database to look at its rows.
    pub(crate) async fn evidence(&self) -> Evidence {
        Evidence::at(self.cli.get("MAPAE_DATABASE_URL")).await
    }

    /// Starts the server again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.child = self.cli.spawn_server(&self.cli.folder.path().join("server.log")).await;
    }

    /// The log so far. Lines are written after their answers, by a thread of their own.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.cli.folder.path().join("server.log")).expect("a log")
    }

    /// Everything that the server logged until now. Lines keep their order, so this sends a request
    /// whose log line contains a mark, waits for that line, and leaves out the lines with the mark.
    pub(crate) async fn whole_log(&self) -> String {
        const MARK: &str = "mark-of-the-log-";
        let mark = format!("{MARK}{}", uuid::Uuid::new_v4().simple());
        let body = super::form(&[("grant_type", "client_credentials"), ("client_id", &mark)]);
        let request = http().post(format!("{}/token", self.issuer())).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.send().await.expect("a refusal");
        eventually("the log is written", async || self.log().contains(&mark)).await;
        let log = self.log();
        log.split_inclusive('\n').filter(|line| !line.contains(MARK)).collect()
    }
}

/// Asks a process to stop.
pub(crate) async fn terminate(child: &Child) {
    let id = child.id().expect("a running process").to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
    assert!(sent.success());
}

/// A port that is free at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
