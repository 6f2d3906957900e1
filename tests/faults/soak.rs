//! A server at work for a long time.

use std::time::{Duration, Instant};

use crate::crowd::{Crowd, Plan, register};
use crate::process::{memory, open_files, threads};
use crate::support::{Binary, Database, PASSWORD};
use crate::{CannotRun, Outcome};

const PART: Duration = Duration::from_secs(30);
/// Of each app so many tokens are left to the end; the others are checked during the work.
const KEPT: usize = 200;
/// What a sign-in may leave in the database: its family until the next day, and its events.
const BYTES_OF_A_SIGN_IN: u64 = 3 * 1024;
const MIB: u64 = 1024 * 1024;

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
    fn at(binary: &Binary, sign_ins: usize) -> Self {
        let folder = binary.cli.folder.path();
        let size = |name: &str| folder.join(name).metadata().map_or(0, |file| file.len());
        Self {
            memory: memory(binary),
            files: open_files(binary),
            threads: threads(binary),
            database: size("mapae.db"),
            log: size("mapae.db-wal"),
            sign_ins,
        }
    }

    /// What grew until this later look, and should not have.
    fn grown(&self, late: &Self) -> Vec<String> {
        let mut grown = Vec::new();
        if late.memory > self.memory + self.memory / 4 + 8 * 1024 {
            grown.push(format!("memory grew from {} to {} KiB", self.memory, late.memory));
        }
        if late.files > self.files + 16 || late.threads > self.threads + 4 {
            grown.push(format!("open files and threads grew from {self:?} to {late:?}"));
        }
        let signed_in = (late.sign_ins - self.sign_ins) as u64;
        if late.database > self.database + signed_in * BYTES_OF_A_SIGN_IN + 4 * MIB {
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

/// Refreshes and sign-ins for so many minutes: nothing grows.
pub(crate) async fn for_minutes(minutes: usize) -> Result<Outcome, CannotRun> {
    let binary = Binary::start(&Database::Sqlite).await;
    let plan = Plan { kept: KEPT, ..Plan::of(8) };
    let app = register(&binary).await;
    let crowd = Crowd::gather_at(app, &binary, &[binary.issuer()], plan).await;
    let (mut sign_ins, mut looks) = (0, Vec::new());
    let parts = 2 * minutes;
    for part in 1..=parts {
        let until = Instant::now() + PART;
        while Instant::now() < until {
            // Each sign-in starts a family, and ends it.
            let pair = crowd.app.password_as("person0", PASSWORD, "read").await;
            let (_, token) = pair.pair();
            crowd.app.revoke(&token).await.ok();
            sign_ins += 1;
        }
        looks.push(Look::at(&binary, sign_ins));
        println!("after {} s: {:?}", PART.as_secs() * part as u64, looks.last().expect("one"));
    }
    // The first third fills caches and pools.
    let (early, late) = (looks[parts / 3], *looks.last().expect("one"));
    let broken = early.grown(&late);
    let per_sign_in = (late.database - early.database.min(late.database))
        / (late.sign_ins - early.sign_ins).max(1) as u64;
    let p99 = crowd.work.take_p99().as_millis();
    let measured = format!(
        "p99 of a refresh {p99} ms; {sign_ins} sign-ins and revocations; memory {} KiB, then {}; {} open files, then {}; {} \
         threads, then {}; database {} KiB, then {}, {per_sign_in} bytes a sign-in; SQLite's log {} KiB, then {}",
        early.memory,
        late.memory,
        early.files,
        late.files,
        early.threads,
        late.threads,
        early.database / 1024,
        late.database / 1024,
        early.log / 1024,
        late.log / 1024
    );
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    Ok(Outcome {
        operations: judged.operations + 2 * sign_ins,
        faults: sign_ins,
        measured: vec![judged.measured, measured],
        broken: [broken, judged.broken].concat(),
    })
}
