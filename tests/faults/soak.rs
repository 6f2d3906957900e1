//! A server at work for a long time.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::crowd::{Crowd, Plan, register};
use crate::process::{memory, open_files, threads};
use crate::support::{Binary, Database, OwnPostgres, PASSWORD};
use crate::{CannotRun, Outcome, own_postgres};

const PART: Duration = Duration::from_secs(30);
/// Of each app so many tokens are left to the end; the others are checked during the work.
const KEPT: usize = 200;
/// What a sign-in may leave in the database: its family until the next day, and its events. Each row
/// and each entry of an index is larger on Postgres.
const BYTES_OF_A_SIGN_IN: u64 = 3 * 1024;
const BYTES_OF_A_SIGN_IN_ON_POSTGRES: u64 = 6 * 1024;
const MIB: u64 = 1024 * 1024;

/// A server at work on one of the databases.
struct Site {
    binary: Binary,
    /// Without it the database is a file.
    postgres: Option<OwnPostgres>,
}

impl Site {
    fn look(&self, sign_ins: usize) -> Look {
        let binary = &self.binary;
        let (database, log) = self.sizes();
        Look {
            memory: memory(binary),
            files: open_files(binary),
            threads: threads(binary),
            database,
            log,
            sign_ins,
        }
    }

    /// The bytes of the database, and of the log of SQLite.
    fn sizes(&self) -> (u64, u64) {
        let Some(postgres) = &self.postgres else {
            let folder = self.binary.cli.folder.path();
            let size = |name: &str| folder.join(name).metadata().map_or(0, |file| file.len());
            return (size("mapae.db"), size("mapae.db-wal"));
        };
        let url = self.binary.cli.get("MAPAE_DATABASE_URL");
        let says = |sql: &str| postgres.runs("psql", &["--dbname", url, "-Atqc", sql]);
        // The room of replaced rows is free again, as autovacuum makes it when it comes.
        says("VACUUM");
        let size = says("SELECT pg_database_size(current_database())");
        (size.trim().parse().expect("a number"), 0)
    }

    fn bytes_of_a_sign_in(&self) -> u64 {
        match self.postgres {
            None => BYTES_OF_A_SIGN_IN,
            Some(_) => BYTES_OF_A_SIGN_IN_ON_POSTGRES,
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// In KiB.
    memory: u64,
    files: usize,
    threads: u64,
    database: u64,
    /// The log in which SQLite writes before it writes to the file.
    log: u64,
    sign_ins: usize,
}

impl Look {
    /// What grew until this later look, and should not have. A sign-in may leave so many bytes.
    fn grown(&self, late: &Self, of_a_sign_in: u64) -> Vec<String> {
        let mut grown = Vec::new();
        if late.memory > self.memory + self.memory / 4 + 8 * 1024 {
            grown.push(format!("memory grew from {} to {} KiB", self.memory, late.memory));
        }
        if late.files > self.files + 16 || late.threads > self.threads + 4 {
            grown.push(format!("open files and threads grew from {self:?} to {late:?}"));
        }
        let signed_in = (late.sign_ins - self.sign_ins) as u64;
        if late.database > self.database + signed_in * of_a_sign_in + 4 * MIB {
            let (before, after) = (self.database, late.database);
            grown.push(format!(
                "the database grew from {before} to {after} bytes by {signed_in} sign-ins"
            ));
        }
        if late.log > self.log.max(16 * MIB) * 2 {
            grown.push(format!("SQLite's log grew from {} to {} bytes", self.log, late.log));
        }
        grown
    }
}

pub(crate) async fn on_sqlite(minutes: usize) -> Result<Outcome, CannotRun> {
    let binary = Binary::start(&Database::Sqlite).await;
    Ok(for_minutes(Site { binary, postgres: None }, minutes).await)
}

pub(crate) async fn on_postgres(minutes: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let binary = Binary::start(&postgres.database()).await;
    Ok(for_minutes(Site { binary, postgres: Some(postgres) }, minutes).await)
}

/// Refreshes and sign-ins for so many minutes: nothing grows.
async fn for_minutes(site: Site, minutes: usize) -> Outcome {
    let binary = &site.binary;
    let plan = Plan { kept: KEPT, ..Plan::of(8) };
    let app = register(binary).await;
    let crowd = Crowd::gather_at(app, binary, &[binary.issuer()], plan).await;
    let (mut sign_ins, mut refused, mut looks) = (0, 0, Vec::new());
    let parts = 2 * minutes;
    for part in 1..=parts {
        let until = Instant::now() + PART;
        while Instant::now() < until {
            // Each sign-in starts a family, and ends it.
            let pair = crowd.app.password_as("person0", PASSWORD, "read").await;
            // A machine on which hashing takes long for a moment refuses a sign-in.
            if pair.status == StatusCode::SERVICE_UNAVAILABLE {
                refused += 1;
                continue;
            }
            let (_, token) = pair.pair();
            crowd.app.revoke(&token).await.ok();
            sign_ins += 1;
        }
        looks.push(site.look(sign_ins));
        println!("after {} s: {:?}", PART.as_secs() * part as u64, looks.last().expect("one"));
    }
    // The first third fills caches and pools.
    let (early, late) = (looks[parts / 3], *looks.last().expect("one"));
    let broken = early.grown(&late, site.bytes_of_a_sign_in());
    let per_sign_in = (late.database - early.database.min(late.database))
        / (late.sign_ins - early.sign_ins).max(1) as u64;
    let p99 = crowd.work.take_p99().as_millis();
    let log = match site.postgres {
        None => format!("; SQLite's log {} KiB, then {}", early.log / 1024, late.log / 1024),
        Some(_) => String::new(),
    };
    let measured = format!(
        "p99 of a refresh {p99} ms; {sign_ins} sign-ins and revocations, {refused} sign-ins refused; memory {} KiB, then {}; {} open files, then {}; {} \
         threads, then {}; database {} KiB, then {}, {per_sign_in} bytes a sign-in{log}",
        early.memory,
        late.memory,
        early.files,
        late.files,
        early.threads,
        late.threads,
        early.database / 1024,
        late.database / 1024
    );
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    Outcome {
        operations: judged.operations + 2 * sign_ins,
        faults: sign_ins,
        measured: vec![judged.measured, measured],
        broken: [broken, judged.broken].concat(),
    }
}
