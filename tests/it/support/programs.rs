//! Servers of others that a test starts: they end with the test.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

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

/// A proxy that hands client certificates on, with the lines of the documentation.
pub(crate) struct CertificateProxy {
    _folder: TempDir,
    _child: Child,
}

impl CertificateProxy {
    /// `HAProxy`. `lines` name files in the folder of its settings.
    pub(crate) async fn haproxy(
        address: &str,
        files: &[(&str, String)],
        lines: &str,
    ) -> Option<Self> {
        let program = program("haproxy", &["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"])?;
        let arguments = ["-db", "-f"];
        Some(Self::start(&program, &arguments, address, files, lines).await)
    }

    /// nginx with njs.
    pub(crate) async fn nginx(
        address: &str,
        files: &[(&str, String)],
        lines: &str,
    ) -> Option<Self> {
        let module = "/usr/lib/nginx/modules/ngx_http_js_module.so";
        program("njs", &[module])?;
        let program = program("nginx", &["/usr/sbin/nginx"])?;
        let lines = format!(
            "load_module {module};\ndaemon off;\npid FOLDER/nginx.pid;\nerror_log FOLDER/error.log;\n\
             events {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path FOLDER/body;\n\
             proxy_temp_path FOLDER/proxy;\nfastcgi_temp_path FOLDER/fastcgi;\n\
             uwsgi_temp_path FOLDER/uwsgi;\nscgi_temp_path FOLDER/scgi;\n{lines}\n}}\n"
        );
        Some(Self::start(&program, &["-c"], address, files, &lines).await)
    }

    async fn start(
        program: &Path,
        arguments: &[&str],
        address: &str,
        files: &[(&str, String)],
        lines: &str,
    ) -> Self {
        let folder = open_folder();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let settings = folder.path().join("settings");
        let lines = lines.replace("FOLDER", &folder.path().display().to_string());
        std::fs::write(&settings, lines).expect("written");
        let mut command = Command::new(program);
        let child = quiet(command.args(arguments).arg(&settings)).spawn().expect("a proxy");
        listens("the proxy listens", address).await;
        Self { _folder: folder, _child: child }
    }
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
