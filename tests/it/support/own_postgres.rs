//! A Postgres server of a test's own, which it may stop, kill and replace by its standby.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::certificates::Pair;
use super::{Database, free_port, required_or_skip};

/// A Postgres server with its data in a folder of its own. It ends with the test.
pub(crate) struct OwnPostgres {
    pub(crate) port: u16,
    programs: PathBuf,
    folder: TempDir,
    settings: Vec<String>,
}

impl OwnPostgres {
    /// A new server with these settings.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let own = Self::initialized(settings)?;
        own.begin();
        Some(own)
    }

    /// A new server that takes connections over TLS with this certificate.
    pub(crate) fn start_with_tls(pair: &Pair) -> Option<Self> {
        let own = Self::initialized(&["fsync=off", "ssl=on"])?;
        for (name, text) in [("server.crt", &pair.certificate), ("server.key", &pair.key)] {
            let file = own.folder.path().join("data").join(name);
            super::write_secret(&file, text);
            give_to_postgres(&file);
        }
        own.begin();
        Some(own)
    }

    fn initialized(settings: &[&str]) -> Option<Self> {
        let own = Self::prepared(programs()?, settings.iter().map(|one| (*one).to_owned()));
        let data = own.data();
        own.runs("initdb", &["--auth=trust", "--username=mapae", "--no-sync", "--pgdata", &data]);
        Some(own)
    }

    /// A standby that has the data of this server and follows it.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::prepared(self.programs.clone(), self.settings.iter().cloned());
        let source = format!("host=127.0.0.1 port={} user=mapae", self.port);
        let data = standby.data();
        let from = ["--dbname", &source, "--pgdata", &data, "--no-sync"];
        let how = ["--write-recovery-conf", "--checkpoint=fast"];
        standby.runs("pg_basebackup", &[from.as_slice(), &how].concat());
        standby.begin();
        standby
    }

    fn prepared(programs: PathBuf, settings: impl Iterator<Item = String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        give_to_postgres(folder.path());
        Self { port: free_port(), programs, folder, settings: settings.collect() }
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Starts the server.
    pub(crate) fn begin(&self) {
        let folder = self.folder.path().display();
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}",
            self.port
        );
        for setting in &self.settings {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        let log = self.folder.path().join("log").display().to_string();
        let data = self.data();
        let arguments = ["--pgdata", &data, "--log", &log, "--wait", "start", "-o", &options];
        // The server keeps the pipes of its starter open, so nothing is read from them.
        let status = self.command("pg_ctl", &arguments).stdout(Stdio::null()).status();
        assert!(status.expect("pg_ctl").success(), "{:?}", std::fs::read_to_string(&log));
    }

    /// Stops the server: `fast` in order, `immediate` as if the machine had lost its power.
    pub(crate) fn stop(&self, mode: &str) {
        let data = self.data();
        self.runs("pg_ctl", &["--pgdata", &data, "--mode", mode, "--wait", "stop"]);
    }

    /// Makes a standby the primary.
    pub(crate) fn promote(&self) {
        let data = self.data();
        self.runs("pg_ctl", &["--pgdata", &data, "--wait", "promote"]);
    }

    /// Runs a statement as the owner of everything.
    pub(crate) fn sql(&self, statement: &str) -> String {
        let url = self.url();
        self.runs("psql", &["--dbname", &url, "-Atqc", statement]).trim().to_owned()
    }

    /// Runs a program of Postgres, and returns what it prints.
    pub(crate) fn runs(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program, arguments).output().expect("a program of Postgres");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            // Postgres does not run as root.
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// A folder into which the programs of Postgres may write.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of the database that every server has.
    pub(crate) fn url(&self) -> String {
        format!("postgres://mapae@{}/postgres", self.address())
    }

    /// The databases of this server.
    pub(crate) fn database(&self) -> Database {
        Self::database_at(&self.address())
    }

    /// The databases of a server of a test's own, reached at this address.
    pub(crate) fn database_at(address: &str) -> Database {
        Database::that_go_with_their_server(&format!("postgres://mapae@{address}"))
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let data = self.data();
        let stop = ["--pgdata", data.as_str(), "--mode=immediate", "--wait", "stop"];
        // A server that was stopped already says so, and nobody needs to hear it.
        let _ = self.command("pg_ctl", &stop).output();
    }
}

/// The folder with the programs of the newest Postgres.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let mut folders: Vec<_> = folders.filter(|folder| folder.join("initdb").exists()).collect();
    let version = |folder: &PathBuf| -> Option<u32> {
        folder.parent()?.file_name()?.to_str()?.split('.').next()?.parse().ok()
    };
    folders.sort_by_key(version);
    if folders.is_empty() {
        required_or_skip("there is no Postgres server");
    }
    folders.pop()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("a process").uid() == 0
}

/// Lets the server have this, which does not run as root.
fn give_to_postgres(path: &Path) {
    if is_root() {
        let given = Command::new("chown").arg("postgres").arg(path).status();
        assert!(given.expect("chown").success());
    }
}
