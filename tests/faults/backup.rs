//! Backups that are made while apps refresh, and servers that start on what is restored from them.

use std::path::{Path, PathBuf};
use std::process::Command;

use mapae::domain::clock::Clock;

use crate::crowd::{Crowd, keys_of, verify};
use crate::support::{
    App, Binary, Cli, Database, OwnPostgres, PASSWORD, decode_claims, eventually, write_secret,
};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 8;

/// An access token and a refresh token.
type Pair = (String, String);

/// What copies a database.
#[derive(Clone, Copy)]
enum Tool<'a> {
    /// `mapae backup` and `mapae restore`, on both databases.
    Mapae,
    Sqlite3,
    PgDump(&'a OwnPostgres),
}

/// A server at work, and what copies its database.
struct Site<'a> {
    binary: &'a Binary,
    database: &'a Database,
    /// What the database brings itself. docs/install.md says that it does as well.
    other: Tool<'a>,
}

pub(crate) async fn of_sqlite(rounds: usize) -> Result<Outcome, CannotRun> {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        return Err(CannotRun("there is no sqlite3".to_owned()));
    }
    let binary = Binary::start(&Database::Sqlite).await;
    let site = Site { binary: &binary, database: &Database::Sqlite, other: Tool::Sqlite3 };
    Ok(site.copied(rounds).await)
}

pub(crate) async fn of_postgres(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let binary = Binary::start(&database).await;
    let other = Tool::PgDump(&postgres);
    Ok(Site { binary: &binary, database: &database, other }.copied(rounds).await)
}

impl Site<'_> {
    /// Copies the database of a server at work in every round, by each tool in turn, and starts a
    /// server on the copy.
    async fn copied(&self, rounds: usize) -> Outcome {
        let crowd = Crowd::gather(self.binary, &[self.binary.issuer()], PEOPLE).await;
        self.binary.user("witness", PASSWORD).await;
        let mut outcome = Outcome::default();
        for round in 0..rounds {
            crowd.refreshes(100 + round * 37 % 91).await;
            let tool = if round % 2 == 0 { Tool::Mapae } else { self.other };
            self.once(tool, &crowd.app, &mut outcome).await;
            outcome.faults += 1;
        }
        let evidence = self.binary.evidence().await;
        outcome.add(crowd.judge(&evidence).await);
        outcome
    }

    async fn once(&self, tool: Tool<'_>, app: &App, outcome: &mut Outcome) {
        // What was answered before the backup is in it.
        let kept = sign_in(app).await;
        let ended = sign_in(app).await;
        app.revoke(&ended.1).await.ok();
        let revived = sign_in(app).await;
        let mut cli = self.successor().await;
        let file = self.file(&cli);
        self.back_up(tool, &file).await;
        // What happens between the backup and the restore is not.
        app.revoke(&revived.1).await.ok();
        let lost = sign_in(app).await;
        let url = self.database.fresh(&cli.folder).await;
        cli.set("MAPAE_DATABASE_URL", url);
        restore(tool, &file, &cli).await;
        let restored = cli.serve().await;
        let there = app.at(&format!("http://{}", restored.cli.get("MAPAE_LISTEN")));
        let copies = Copies { here: app, there: &there };
        let kept = copies.know_each_other(kept, outcome).await;
        copies.are_of_the_backup(&ended, &revived, &lost, outcome).await;
        end_everything(&restored, &there, &[&kept, &revived], outcome).await;
        let evidence = restored.evidence().await;
        let events = evidence.events_of("backup.restored").await.len();
        if events != usize::from(matches!(tool, Tool::Mapae)) {
            outcome.broken.push(format!("{events} events backup.restored"));
        }
    }

    /// A new installation with the same issuer and the same master key.
    async fn successor(&self) -> Cli {
        let mut cli = Cli::new(&Database::Sqlite).await;
        cli.set("MAPAE_ISSUER", self.binary.issuer());
        let keys = Path::new(self.binary.cli.get("MAPAE_KEYS_DIR")).join("master.key");
        let folder = Path::new(cli.get("MAPAE_KEYS_DIR")).to_owned();
        std::fs::create_dir(&folder).expect("a folder");
        let master = std::fs::read(keys).expect("a master key");
        write_secret(folder.join("master.key"), master);
        cli
    }

    /// Where the backup is written for this installation.
    fn file(&self, cli: &Cli) -> PathBuf {
        let name = cli.folder.path().file_name().expect("a name");
        let folder = match self.other {
            Tool::PgDump(postgres) => postgres.folder(),
            Tool::Mapae | Tool::Sqlite3 => cli.folder.path(),
        };
        folder.join(name).with_extension("backup")
    }

    /// Writes a backup while the server works, as docs/install.md says.
    async fn back_up(&self, tool: Tool<'_>, file: &Path) {
        let path = file.to_str().expect("a path");
        let url = self.binary.cli.get("MAPAE_DATABASE_URL");
        match tool {
            Tool::Mapae => drop(self.binary.cli(&["backup", path], None).await),
            Tool::Sqlite3 => {
                let (from, command) = (file_of(url), format!(".backup '{path}'"));
                let output = Command::new("sqlite3").args([from, &command]).output();
                let output = output.expect("sqlite3");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            Tool::PgDump(postgres) => {
                let file = format!("--file={path}");
                postgres.runs("pg_dump", &["--format=custom", &file, url]);
            }
        }
    }
}

/// The file of SQLite that this URL names.
fn file_of(url: &str) -> &str {
    url.trim_start_matches("sqlite://")
}

/// Fills the empty database of an installation with a backup, as docs/runbooks.md says.
async fn restore(tool: Tool<'_>, file: &Path, cli: &Cli) {
    let path = file.to_str().expect("a path");
    let url = cli.get("MAPAE_DATABASE_URL");
    match tool {
        Tool::Mapae => {
            let tried = cli.json(&["restore", "--drill", path], None).await;
            assert!(tried["verified"] == true, "{tried}");
            cli.json(&["restore", path], None).await;
        }
        Tool::Sqlite3 => write_secret(file_of(url), std::fs::read(file).expect("a backup")),
        Tool::PgDump(postgres) => {
            let into = format!("--dbname={url}");
            postgres.runs("pg_restore", &["--no-owner", &into, path]);
        }
    }
}

async fn sign_in(app: &App) -> Pair {
    app.password_as("witness", PASSWORD, "read").await.pair()
}

/// The same app at the server that was copied, and at the one on the copy.
struct Copies<'a> {
    here: &'a App,
    there: &'a App,
}

impl Copies<'_> {
    /// Checks that the server on the copy knows what was answered before, signs what the other one
    /// verifies, and the other way round. Returns the pair as the copy refreshed it.
    async fn know_each_other(&self, (access, refresh): Pair, outcome: &mut Outcome) -> Pair {
        let Self { here, there } = self;
        outcome.operations += 6;
        let (ours, theirs) = (keys_of(here).await, keys_of(there).await);
        if let Err(error) = verify(&theirs, &access) {
            outcome.broken.push(format!("the copy does not verify an earlier token: {error}"));
        }
        if !there.is_active(&access).await {
            outcome.broken.push("a token from before the backup is not active at it".to_owned());
        }
        let refreshed = there.refresh(&refresh).await;
        let kept = if refreshed.status == 200 {
            refreshed.pair()
        } else {
            outcome.broken.push(format!("a refresh at the copy: {}", refreshed.text));
            (access, refresh)
        };
        let signed_in = there.password_as("witness", PASSWORD, "read").await;
        if signed_in.status != 200 {
            outcome.broken.push(format!("a sign-in at the copy: {}", signed_in.text));
            return kept;
        }
        let (access, refresh) = signed_in.pair();
        if let Err(error) = verify(&theirs, &access).and_then(|()| verify(&ours, &access)) {
            outcome.broken.push(format!("a token of the copy: {error}"));
        }
        if there.refresh(&refresh).await.status != 200 {
            outcome.broken.push("a refresh token of the copy is refused".to_owned());
        }
        kept
    }

    /// Checks that the copy is as the database was at the backup: what had been revoked is not active,
    /// what was revoked since is, and what was issued since is unknown.
    async fn are_of_the_backup(
        &self,
        ended: &Pair,
        revived: &Pair,
        lost: &Pair,
        outcome: &mut Outcome,
    ) {
        let tokens = |(access, refresh): &Pair| [access.clone(), refresh.clone()];
        for (pair, is_active, what) in [
            (ended, false, "revoked before the backup"),
            (revived, true, "revoked after the backup"),
            (lost, false, "issued after the backup"),
        ] {
            for token in tokens(pair) {
                outcome.operations += 1;
                if self.there.is_active(&token).await != is_active {
                    outcome.broken.push(format!("{what}, active at the copy: {}", !is_active));
                }
            }
        }
        outcome.operations += 1;
        if self.there.refresh(&lost.1).await.status == 200 {
            outcome.broken.push("what was issued after the backup is refreshed".to_owned());
        }
    }
}

/// Ends everything that is older than now, as docs/runbooks.md says for whoever cannot say what was
/// revoked since the backup. What was issued before is dead, and what is issued afterwards is good.
async fn end_everything(restored: &Binary, there: &App, older: &[&Pair], outcome: &mut Outcome) {
    let now = now_after(older).await;
    let told = restored.cli(&["token", "revoke", "--issued-before", &now], None).await;
    // The pairs, and what people at work had when the backup was made.
    if told["families"].as_u64().is_none_or(|families| families < (older.len() + PEOPLE) as u64) {
        outcome.broken.push(format!("what is older was not ended: {told}"));
    }
    for (access, refresh) in older {
        for token in [access, refresh] {
            outcome.operations += 1;
            if there.is_active(token).await {
                outcome.broken.push("what is older is active after all of it ended".to_owned());
            }
        }
        outcome.operations += 1;
        if there.refresh(refresh).await.status == 200 {
            outcome.broken.push("what is older is refreshed after all of it ended".to_owned());
        }
    }
    let (access, refresh) = sign_in(there).await;
    outcome.operations += 2;
    if !there.is_active(&access).await || there.refresh(&refresh).await.status != 200 {
        outcome.broken.push("what is issued afterwards is not good".to_owned());
    }
}

/// The instant of now in whole seconds, once all of these were issued in an earlier one.
async fn now_after(issued: &[&Pair]) -> String {
    let clock = Clock::system();
    let at = |pair: &&Pair| decode_claims(&pair.0)["iat"].as_i64().expect("a time");
    let last = issued.iter().map(at).max().expect("a token");
    eventually("the next second", async || clock.now().timestamp() > last).await;
    clock.now().timestamp().to_string()
}
