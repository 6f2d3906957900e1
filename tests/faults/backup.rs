//! Copies of the database that are taken while apps refresh, and servers that start on them.

use std::path::Path;
use std::process::Command;

use crate::crowd::{Crowd, keys_of, verify};
use crate::support::{App, Binary, Cli, Database, OwnPostgres, PASSWORD};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 8;

pub(crate) async fn of_sqlite(rounds: usize) -> Result<Outcome, CannotRun> {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        return Err(CannotRun("there is no sqlite3".to_owned()));
    }
    let binary = Binary::start(&Database::Sqlite).await;
    let file = binary.cli.folder.path().join("mapae.db");
    copied(&binary, rounds, async |_, cli| {
        let copy = cli.folder.path().join("mapae.db");
        // As docs/install.md says.
        let command = format!(".backup '{}'", copy.display());
        let output = Command::new("sqlite3").arg(&file).arg(&command).output().expect("sqlite3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    })
    .await
}

pub(crate) async fn of_postgres(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let binary = Binary::start(&database).await;
    let url = binary.cli.get("MAPAE_DATABASE_URL").to_owned();
    copied(&binary, rounds, async |round, cli| {
        let copy = postgres.folder().join(format!("copy{round}.dump"));
        restore(&postgres, &url, &copy, &database, cli).await;
    })
    .await
}

/// As docs/install.md and docs/runbooks.md say.
async fn restore(
    postgres: &OwnPostgres,
    url: &str,
    copy: &Path,
    database: &Database,
    cli: &mut Cli,
) {
    let file = format!("--file={}", copy.display());
    postgres.runs("pg_dump", &["--format=custom", &file, url]);
    let new = database.fresh(&cli.folder).await;
    let into = format!("--dbname={new}");
    postgres.runs("pg_restore", &["--no-owner", &into, copy.to_str().expect("a path")]);
    cli.set("MAPAE_DATABASE_URL", new);
}

/// Copies the database of a server at work in every round, and starts a server on the copy.
async fn copied(
    binary: &Binary,
    rounds: usize,
    copy: impl AsyncFn(usize, &mut Cli),
) -> Result<Outcome, CannotRun> {
    let crowd = Crowd::gather(binary, &[binary.issuer()], PEOPLE).await;
    binary.user("witness", PASSWORD).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        crowd.refreshes(100 + round * 37 % 91).await;
        // What was answered before the copy is in it.
        let pair = crowd.app.password_as("witness", PASSWORD, "read").await.pair();
        let (ended, token) = crowd.app.password_as("witness", PASSWORD, "read").await.pair();
        crowd.app.revoke(&token).await.ok();
        let mut cli = Cli::new(&Database::Sqlite).await;
        // The same issuer and the same master key.
        cli.set("MAPAE_ISSUER", binary.issuer());
        let keys = Path::new(binary.cli.get("MAPAE_KEYS_DIR")).join("master.key");
        let folder = Path::new(cli.get("MAPAE_KEYS_DIR")).to_owned();
        std::fs::create_dir(&folder).expect("a folder");
        let master = std::fs::read(keys).expect("a master key");
        crate::support::write_secret(folder.join("master.key"), master);
        copy(round, &mut cli).await;
        let restored = cli.serve().await;
        let there = crowd.app.at(&format!("http://{}", restored.cli.get("MAPAE_LISTEN")));
        check(&crowd.app, &there, pair, &ended, &mut outcome).await;
        outcome.faults += 1;
    }
    let evidence = binary.evidence().await;
    outcome.add(crowd.judge(&evidence).await);
    Ok(outcome)
}

/// Checks that the server on the copy knows what was answered before, signs what the other one
/// verifies, and the other way round.
async fn check(
    here: &App,
    there: &App,
    (access, refresh): (String, String),
    ended: &str,
    outcome: &mut Outcome,
) {
    outcome.operations += 7;
    let (ours, theirs) = (keys_of(here).await, keys_of(there).await);
    if let Err(error) = verify(&theirs, &access) {
        outcome.broken.push(format!("the copy does not verify an earlier token: {error}"));
    }
    if !there.is_active(&access).await {
        outcome.broken.push("a token from before the copy is not active at it".to_owned());
    }
    if there.is_active(ended).await {
        outcome.broken.push("what was revoked before the copy is active at it".to_owned());
    }
    let refreshed = there.refresh(&refresh).await;
    if refreshed.status != 200 {
        outcome.broken.push(format!("a refresh at the copy: {}", refreshed.text));
    }
    let signed_in = there.password_as("witness", PASSWORD, "read").await;
    if signed_in.status != 200 {
        outcome.broken.push(format!("a sign-in at the copy: {}", signed_in.text));
        return;
    }
    let (access, refresh) = signed_in.pair();
    if let Err(error) = verify(&theirs, &access).and_then(|()| verify(&ours, &access)) {
        outcome.broken.push(format!("a token of the copy: {error}"));
    }
    if there.refresh(&refresh).await.status != 200 {
        outcome.broken.push("a refresh token of the copy is refused".to_owned());
    }
}
