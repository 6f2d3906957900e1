//! Servers of others that a test starts: they end with the test.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::certificates::Pair;
use super::{Database, eventually, free_port, required_or_skip};

/// The first of these paths at which there is a program.
fn program(name: &str, paths: &[&str]) -> Option<PathBuf> {
    let found = paths.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        required_or_skip(&format!("there is no {name}"));
    }
    found
}

/// A command that runs a program which does not run as root.
async fn as_postgres(program: &Path) -> Command {
    let is_root = Command::new("id").arg("-u").output().await.expect("id").stdout == b"0\n";
    if !is_root {
        return Command::new(program);
    }
    // It becomes the program, so that ending it ends the program.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true)
}

async fn listens(what: &str, address: &str) {
    eventually(what, async || TcpStream::connect(address).await.is_ok()).await;
}

/// A folder whose files every program may read.
fn open_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("opened");
    folder
}

/// A pooler that gives each transaction another connection to the server.
pub(crate) struct Pooler {
    pub(crate) address: String,
    _folder: TempDir,
    _child: Child,
}

impl Pooler {
    pub(crate) async fn before(database: &Database) -> Option<Self> {
        let Database::Postgres { url, .. } = database else { return None };
        let program = program("pgbouncer", &["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"])?;
        let (host, port) = url.rsplit_once('@').unwrap_or(("", url)).1.rsplit_once(':')?;
        let folder = open_folder();
        let listen = free_port();
        let users = folder.path().join("users.txt");
        std::fs::write(&users, "\"mapae\" \"\"\n").expect("written");
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {listen}\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 3\nunix_socket_dir =\n",
            users.display()
        );
        std::fs::write(&settings, text).expect("written");
        let mut command = as_postgres(&program).await;
        let child = quiet(command.arg(&settings)).spawn().expect("pgbouncer");
        let address = format!("127.0.0.1:{listen}");
        listens("the pooler listens", &address).await;
        Some(Self { address, _folder: folder, _child: child })
    }
}

/// A proxy that gives each request to the next of several servers, or to the one whose number is in
/// the header `x-server`. Answers say in `x-served-by` which one it was.
pub(crate) struct Balancer {
    _folder: TempDir,
    _child: Child,
}

impl Balancer {
    /// A proxy that listens at this address.
    pub(crate) async fn at(address: &str, servers: &[String]) -> Option<Self> {
        let program = program("haproxy", &["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"])?;
        let folder = open_folder();
        let mut text = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n\
             frontend all\n  bind {address}\n  default_backend servers\n\
             backend servers\n  balance roundrobin\n  option httpchk GET /readyz\n  \
             http-response set-header x-served-by %s\n"
        );
        for (number, server) in servers.iter().enumerate() {
            let condition = format!("{{ req.hdr(x-server) {number} }}");
            writeln!(text, "  use-server server{number} if {condition}").expect("written");
            writeln!(text, "  server server{number} {server} check inter 500ms").expect("written");
        }
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(program);
        let child = quiet(command.arg("-db").arg("-f").arg(&file)).spawn().expect("haproxy");
        listens("the proxy listens", address).await;
        Some(Self { _folder: folder, _child: child })
    }
}

/// A Postgres server of a test's own, which it may stop.
pub(crate) struct OwnPostgres {
    pub(crate) port: u16,
    bin: PathBuf,
    _folder: TempDir,
    child: Child,
}

impl OwnPostgres {
    /// A new server; with a certificate it takes connections over TLS.
    pub(crate) async fn start(certificate: Option<&Pair>) -> Option<Self> {
        let bin = Self::bin()?;
        let folder = open_folder();
        let data = folder.path().join("data");
        let mut command = as_postgres(&bin.join("initdb")).await;
        command.args(["--auth=trust", "--username=mapae", "--no-sync", "--pgdata"]).arg(&data);
        assert!(quiet(&mut command).status().await.expect("initdb").success());
        let mut settings = Vec::new();
        if let Some(pair) = certificate {
            std::fs::write(data.join("server.crt"), &pair.certificate).expect("written");
            let key = data.join("server.key");
            std::fs::write(&key, &pair.key).expect("written");
            let mut command = Command::new("sh");
            let alone = "chmod 600 \"$1\" && { [ \"$(id -u)\" != 0 ] || chown postgres \"$1\"; }";
            command.args(["-c", alone, "sh"]).arg(&key);
            assert!(command.status().await.expect("sh").success());
            settings.push("ssl=on");
        }
        Some(Self::run(bin, folder, &settings).await)
    }

    /// A standby that follows this server.
    pub(crate) async fn standby(&self) -> Self {
        let folder = open_folder();
        let mut command = as_postgres(&self.bin.join("pg_basebackup")).await;
        let from = format!("host=127.0.0.1 port={} user=mapae", self.port);
        command.args([
            "--no-sync",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--dbname",
            &from,
        ]);
        command.arg("--pgdata").arg(folder.path().join("data"));
        assert!(quiet(&mut command).status().await.expect("pg_basebackup").success());
        Self::run(self.bin.clone(), folder, &[]).await
    }

    fn bin() -> Option<PathBuf> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let bins = versions.map(|version| version.path().join("bin"));
        let mut bins: Vec<_> = bins.filter(|bin| bin.join("initdb").exists()).collect();
        bins.sort();
        if bins.is_empty() {
            required_or_skip("there is no Postgres server");
        }
        bins.pop()
    }

    async fn run(bin: PathBuf, folder: TempDir, settings: &[&str]) -> Self {
        let port = free_port();
        let mut command = as_postgres(&bin.join("postgres")).await;
        command.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
        let local = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        for setting in local.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let child = quiet(&mut command).spawn().expect("postgres");
        let own = Self { port, bin, _folder: folder, child };
        let mut ready = Command::new(own.bin.join("pg_isready"));
        ready.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        let mut ready = async || quiet(&mut ready).status().await.is_ok_and(|it| it.success());
        eventually("Postgres listens", async || ready().await).await;
        own
    }

    /// The URL of the database that every server has.
    pub(crate) fn url(&self) -> String {
        format!("postgres://mapae@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends the server at once.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.expect("killed");
        // Its children end when they notice.
        let address = format!("127.0.0.1:{}", self.port);
        eventually("it is gone", async || TcpStream::connect(&address).await.is_err()).await;
    }
}
