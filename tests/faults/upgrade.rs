//! Servers of an older version are replaced by this one under load.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crowd::Crowd;
use crate::support::{
    App, Balancer, Binary, Cli, OwnPostgres, PASSWORD, eventually, free_port, http,
};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 8;
const SERVERS: usize = 2;
/// The first step of the migrations that the older version does not have.
const FIRST_NEW_STEP: &str = "migrations/src/m0038_leaders.rs";
/// The environment variable that names a binary of the older version, which is not built then.
const BEFORE: &str = "MAPAE_TEST_BEFORE";

/// Two servers of the older version behind a proxy are replaced in turn.
pub(crate) async fn under_load(rounds: usize) -> Result<Outcome, CannotRun> {
    let (older, source) = match std::env::vars().find(|(name, _)| name == BEFORE) {
        Some((_, path)) => named(&path)?,
        None => built()?,
    };
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let postgres = own_postgres(&[])?;
        once(&postgres, &older, &mut outcome).await?;
    }
    outcome.measured.push(source);
    Ok(outcome)
}

async fn once(
    postgres: &OwnPostgres,
    older: &Path,
    outcome: &mut Outcome,
) -> Result<(), CannotRun> {
    let front = format!("127.0.0.1:{}", free_port());
    let issuer = format!("http://{front}");
    let mut servers: Vec<Binary> = Vec::new();
    for _ in 0..SERVERS {
        let mut cli = match servers.first() {
            None => Cli::new(&postgres.database()).await,
            Some(first) => Cli::replica_of(first).await,
        };
        cli.set("MAPAE_ISSUER", issuer.as_str());
        cli.set("MAPAE_SHUTDOWN_DELAY", "2s");
        cli.program = older.to_owned();
        servers.push(cli.serve().await);
    }
    let before = steps(postgres, &servers[0]);
    let addresses: Vec<_> =
        servers.iter().map(|server| server.cli.get("MAPAE_LISTEN").to_owned()).collect();
    let balancer = Balancer::at(&front, &addresses).await;
    let _balancer = balancer.ok_or_else(|| CannotRun("there is no haproxy".to_owned()))?;
    let crowd = Crowd::gather(&servers[0], &[issuer], PEOPLE).await;
    crowd.refreshes(200).await;
    let apps: Vec<_> =
        addresses.iter().map(|address| crowd.app.at(&format!("http://{address}"))).collect();
    for (number, server) in servers.iter_mut().enumerate() {
        server.terminate().await;
        let code = server.ended().await;
        if code != Some(0) {
            outcome.broken.push(format!("a server of the older version ended with {code:?}"));
        }
        server.cli.program = env!("CARGO_BIN_EXE_mapae").into();
        server.restart().await;
        takes_part(&crowd.app, number).await;
        // Until the next one: one of each serves.
        crowd.refreshes(300).await;
        if let Some(older) = apps.get(number + 1) {
            both_know(&apps[number], older, outcome).await;
            both_know(older, &apps[number], outcome).await;
        }
        outcome.faults += 1;
    }
    let after = steps(postgres, &servers[0]);
    if after <= before {
        outcome.broken.push(format!("{before} steps of the migrations before, {after} after"));
    }
    let evidence = servers[0].evidence().await;
    let judged = crowd.judge(&evidence).await;
    if judged.unanswered > 0 || judged.unavailable > 0 {
        outcome.broken.push(format!("failed requests: {}", judged.measured));
    }
    outcome.operations += judged.operations;
    outcome.measured.push(format!("{}; {before} steps, then {after}", judged.measured));
    outcome.broken.extend(judged.broken);
    Ok(())
}

/// Waits until the proxy gives requests to this server.
async fn takes_part(app: &App, number: usize) {
    let (url, name) = (format!("{}/livez", app.base), format!("server{number}"));
    eventually("the proxy knows the server", async || {
        let asked = http().get(&url).header("x-server", number.to_string()).send().await;
        asked.is_ok_and(|answer| {
            answer.headers().get("x-served-by").is_some_and(|by| by.as_bytes() == name.as_bytes())
        })
    })
    .await;
}

/// Checks that what one version issues is good at the other, and that what the other revokes is dead
/// at both.
async fn both_know(issuing: &App, other: &App, outcome: &mut Outcome) {
    let (access, refresh) = issuing.password_as("person0", PASSWORD, "read").await.pair();
    let refreshed = other.refresh(&refresh).await;
    outcome.operations += 3;
    if !other.is_active(&access).await || refreshed.status != 200 {
        outcome.broken.push(format!("not good at the other version: {}", refreshed.text));
        return;
    }
    let (_, newest) = refreshed.pair();
    other.revoke(&newest).await.ok();
    for app in [issuing, other] {
        for token in [&access, &newest] {
            outcome.operations += 1;
            if app.is_active(token).await {
                outcome.broken.push("what one version revoked is active".to_owned());
            }
        }
    }
}

/// How many steps of the migrations the database has.
fn steps(postgres: &OwnPostgres, server: &Binary) -> usize {
    let url = server.cli.get("MAPAE_DATABASE_URL");
    let count = "SELECT count(*) FROM seaql_migrations";
    let said = postgres.runs("psql", &["--dbname", url, "-Atqc", count]);
    said.trim().parse().expect("a number")
}

fn git(arguments: &[&str]) -> Result<String, CannotRun> {
    let here = env!("CARGO_MANIFEST_DIR");
    let output = Command::new("git").arg("-C").arg(here).args(arguments).output();
    let output = output.map_err(|_| CannotRun("there is no git".to_owned()))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(CannotRun(format!("git says: {why}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The binary of the older version that somebody built before, and where it is from.
fn named(path: &str) -> Result<(PathBuf, String), CannotRun> {
    // A server is started in a folder of its own.
    let binary = std::fs::canonicalize(path)
        .map_err(|error| CannotRun(format!("{BEFORE} names {path}: {error}")))?;
    Ok((binary, format!("from the binary that {BEFORE} names")))
}

/// Builds the older version, which takes minutes at the first time; the binary, and where it is from.
fn built() -> Result<(PathBuf, String), CannotRun> {
    let added = git(&["log", "--diff-filter=A", "--format=%H", "--", FIRST_NEW_STEP])?;
    let added = added.lines().last().unwrap_or_default();
    if added.is_empty() {
        return Err(CannotRun("the history of the project is not there".to_owned()));
    }
    let commit = git(&["rev-parse", "--short=12", &format!("{added}^")])?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("older");
    let binary = folder.join(format!("mapae-{commit}"));
    let source = format!("from the commit {commit}");
    if binary.exists() {
        return Ok((binary, source));
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    let sources = tempfile::tempdir().expect("a folder");
    let tree = sources.path().join("tree");
    let path = tree.to_str().expect("a path");
    git(&["worktree", "add", "--detach", path, &commit])?;
    println!("building {commit}");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--release", "--bin", "mapae", "--target-dir"])
        .arg(folder.join("target"))
        .current_dir(&tree)
        .status();
    let removed = git(&["worktree", "remove", "--force", path]);
    assert!(built.expect("cargo").success(), "the older version is built");
    removed?;
    std::fs::rename(folder.join("target/release/mapae"), &binary).expect("moved");
    Ok((binary, source))
}
