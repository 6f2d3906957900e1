//! A Postgres of our own that can be stopped, killed and replaced by its standby.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::CannotRun;
use crate::support::{Database, free_port};

/// A Postgres server with its data in a folder of its own.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Cluster {
    /// Makes a server and starts it with these settings.
    pub(crate) fn start(settings: &[&str]) -> Result<Self, CannotRun> {
        let cluster = Self::new()?;
        let data = cluster.data();
        cluster
            .runs("initdb", &["--auth=trust", "--username=mapae", "--no-sync", "--pgdata", &data]);
        cluster.begin(settings);
        Ok(cluster)
    }

    /// A standby of this server, which has its data and follows it.
    pub(crate) fn standby(&self) -> Result<Self, CannotRun> {
        let standby = Self::new()?;
        let source = format!("host=127.0.0.1 port={} user=mapae", self.port);
        let data = standby.data();
        standby.runs(
            "pg_basebackup",
            &["--dbname", &source, "--pgdata", &data, "--write-recovery-conf", "--checkpoint=fast"],
        );
        standby.begin(&[]);
        Ok(standby)
    }

    fn new() -> Result<Self, CannotRun> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").map_err(|_| no_postgres())?;
        let mut versions: Vec<_> = versions.filter_map(|entry| Some(entry.ok()?.path())).collect();
        versions.sort();
        let programs = versions.pop().ok_or_else(no_postgres)?.join("bin");
        let folder = tempfile::tempdir().expect("a folder");
        if is_root() {
            // Postgres does not run as root.
            let owner = Command::new("chown").arg("postgres").arg(folder.path()).status();
            assert!(owner.expect("chown").success());
        }
        Ok(Self { programs, folder, port: free_port() })
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn runs(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program, arguments).output().expect("a program of Postgres");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Starts the server, with these settings.
    pub(crate) fn begin(&self, settings: &[&str]) {
        let folder = self.folder.path().display();
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}",
            self.port
        );
        for setting in settings {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        let log = self.folder.path().join("log").display().to_string();
        let data = self.data();
        let arguments = ["--pgdata", &data, "--log", &log, "--wait", "start", "-o", &options];
        // The server keeps the pipes of its starter open, so nothing is read from them.
        let status =
            self.command("pg_ctl", &arguments).stdout(std::process::Stdio::null()).status();
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
        let port = self.port.to_string();
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-U", "mapae", "-d", "postgres"];
        let arguments = [arguments.as_slice(), &["-Atqc", statement]].concat();
        let output = self.command("psql", &arguments).output().expect("psql");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The databases of this server, as they are reached at this address.
    pub(crate) fn database_at(address: &str) -> Database {
        Database::at(&format!("postgres://mapae@{address}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        let stop = ["--pgdata", data.as_str(), "--mode=immediate", "--wait", "stop"];
        // A server that was stopped already says so, and nobody needs to hear it.
        let _ = self.command("pg_ctl", &stop).output();
    }
}

fn no_postgres() -> CannotRun {
    CannotRun("there is no Postgres".to_owned())
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("a process")) == 0
}
