//! The faults that production meets, each a command of its own that ends by itself.
//!
//! `cargo xtask faults` lists them, `cargo xtask faults NAME` runs one against the release binary,
//! `--rounds N` says how often or how long. The exit code is 0 only if everything that was checked
//! held, 3 if the fault cannot be made on this machine, 1 or 101 otherwise.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a fault that cannot be made, and a check that does not hold, end the program loudly"
)]

mod backup;
mod cleaning;
mod clock;
mod crowd;
mod cut;
mod database;
mod disk;
mod endings;
mod faketime;
mod kill;
mod older;
mod outside;
mod panics;
mod preload;
mod process;
mod proxy;
#[path = "../it/kit/resource_server.rs"]
mod resource_server;
mod rolling;
mod rotation;
mod secrets;
mod skew;
mod slow;
mod soak;
mod starts;
mod storm;
#[path = "../it/support/mod.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "the tests use the rest")]
mod support;
#[path = "../it/interop/toolchain.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod toolchain;
mod upgrade;
mod verifiers;

use std::pin::Pin;
use std::process::ExitCode;

/// How a fault ended that could be made.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Requests whose answers were checked.
    pub(crate) operations: usize,
    /// How often the fault was made.
    pub(crate) faults: usize,
    /// What was measured, each with its unit.
    pub(crate) measured: Vec<String>,
    /// What did not hold; nothing, if all is well.
    pub(crate) broken: Vec<String>,
}

impl Outcome {
    /// Adds what the crowd found.
    pub(crate) fn add(&mut self, judged: crowd::Judged) {
        self.operations += judged.operations;
        self.measured.push(judged.measured);
        self.broken.extend(judged.broken);
    }
}

/// Why a fault cannot be made on this machine.
#[derive(Debug)]
pub(crate) struct CannotRun(pub(crate) String);

/// A Postgres of a fault's own.
pub(crate) fn own_postgres(settings: &[&str]) -> Result<support::OwnPostgres, CannotRun> {
    support::OwnPostgres::start(settings)
        .ok_or_else(|| CannotRun("there is no Postgres".to_owned()))
}

type Run = Pin<Box<dyn Future<Output = Result<Outcome, CannotRun>>>>;

/// A fault.
struct Fault {
    name: &'static str,
    /// What is done, and what must hold.
    about: &'static str,
    /// How many rounds there are if nobody says.
    rounds: usize,
    run: fn(usize) -> Run,
}

macro_rules! faults {
    ($($name:literal, $rounds:literal, $run:path, $about:literal;)+) => {
        const FAULTS: &[Fault] = &[$(Fault {
            name: $name,
            about: $about,
            rounds: $rounds,
            run: |rounds| Box::pin($run(rounds)),
        }),+];
    };
}

faults! {
    "kill-sqlite", 100, kill::on_sqlite,
        "kill -9 while apps refresh, on SQLite: nobody is logged out, one leaf a family";
    "kill-postgres", 100, kill::on_postgres,
        "the same on Postgres, with two servers of which one is killed";
    "ending-races", 200, endings::races,
        "refreshes against revocation, sign-out, disabling, a new password and deletion: nothing is active afterwards";
    "cut-connection", 200, cut::at_every_message,
        "the connection to Postgres is cut at each message of a sign-in and a refresh, also before and after COMMIT: the same request works again";
    "database-gone", 60, database::gone,
        "Postgres is away for so many seconds: 503 in time, keys are still served, and all goes on by itself";
    "database-restart", 10, database::restarted,
        "Postgres is restarted while apps refresh: nobody is logged out";
    "database-failover", 1, database::failed_over,
        "the primary dies and its synchronous standby takes over: nothing that was acknowledged is lost";
    "database-read-only", 10, database::read_only,
        "Postgres takes no writes for so many seconds: refreshes are refused for the moment, reading goes on";
    "connection-storm", 1, database::out_of_connections,
        "somebody else takes every connection of Postgres: 503 in time, and all goes on by itself";
    "rolling-restart", 5, rolling::restarts,
        "two servers behind a proxy are restarted in turn under load: no request fails";
    "upgrade", 1, upgrade::under_load,
        "two servers of an older version are replaced by this one, in turn and under load: no request fails, and each version knows what the other did";
    "key-rotation", 12, rotation::under_verifiers,
        "a new signing key every six seconds, two servers, eight verifiers that cache the keys as told: every token verifies";
    "killed-migrations", 12, starts::killed_and_together,
        "the migration of an empty database and of older ones with rows is killed, then servers start together: all of them work, and every row is there";
    "verifiers", 4, verifiers::while_tokens_die,
        "resource servers in five languages poll the status list for so many minutes while tokens die, keys rotate, two servers restart and clocks are off: none takes a dead token later than told, none refuses a good one";
    "worker-panic", 4, panics::of_a_worker,
        "the machine gives no thread any more, so a worker panics: it is not ready, everything else goes on, and it works again by itself";
    "clock-steps", 3, clock::on_sqlite,
        "the clock of the machine steps by an hour, forwards and backwards: nobody is logged out, what was revoked stays so";
    "clock-steps-postgres", 3, clock::on_postgres,
        "the same on Postgres, whose own clock stays exact";
    "hashing-storm", 1, storm::on_sqlite,
        "500 sign-ins at once while apps refresh: memory stays bounded and refreshes are answered";
    "hashing-storm-postgres", 1, storm::on_postgres,
        "the same on Postgres";
    "one-time-secrets", 4, secrets::raced,
        "three servers race every kind of link, code and proof that is good once: exactly one use counts";
    "disk-full", 12, disk::full,
        "the disk of SQLite is full again and again, and the server dies meanwhile: nothing that was acknowledged is lost";
    "disk-slow", 1, disk::slow,
        "the disk of SQLite takes up to 12 seconds for a write: every answer comes in time, and all goes on by itself";
    "slow-connections", 60, slow::connections,
        "ten thousand connections send next to nothing for so many seconds: honest requests are answered";
    "http2-floods", 12, slow::floods,
        "six kinds of floods of HTTP/2 frames, each for so many seconds: honest requests are answered, memory is bounded";
    "outside-down", 20, outside::down,
        "providers, the mail server and apps are down, hang and are slow, for so many seconds each: sign-ins and refreshes go on, what was queued arrives";
    "replica-skew", 8, skew::of_replicas,
        "the clocks of two servers are two minutes off beside an exact one: nobody is logged out, what was revoked stays so";
    "leap-second", 6, skew::leap,
        "the clock repeats and skips a second while apps refresh: nobody notices";
    "clean-up", 10, cleaning::on_sqlite,
        "so many million expired rows are deleted while apps refresh, on SQLite: the p99 of a refresh at most doubles";
    "clean-up-postgres", 5, cleaning::on_postgres,
        "the same on Postgres";
    "clean-up-whole", 1, cleaning::whole_on_sqlite,
        "so many million expired rows are deleted to the last one while apps refresh, on SQLite: in no minute does the p99 of a refresh more than double";
    "clean-up-whole-postgres", 1, cleaning::whole_on_postgres,
        "the same on Postgres";
    "backup-restore", 12, backup::of_sqlite,
        "the database is backed up while apps refresh, by mapae and by sqlite3 in turn, and a server starts on what is restored: it knows, signs and verifies, and what is older ends when it is told to";
    "backup-restore-postgres", 8, backup::of_postgres,
        "the same on Postgres, by mapae and by pg_dump in turn";
    "soak", 4, soak::on_sqlite,
        "refreshes, sign-ins and revocations for so many minutes: memory, files, threads and the database do not grow";
    "soak-postgres", 4, soak::on_postgres,
        "the same on Postgres";
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, rounds) = match words.as_slice() {
        ["faults"] => {
            for fault in FAULTS {
                println!("{:<24} {} ({} rounds)", fault.name, fault.about, fault.rounds);
            }
            return ExitCode::SUCCESS;
        }
        ["faults", name] => (*name, None),
        ["faults", name, "--rounds", rounds] => (*name, Some(*rounds)),
        _ => return usage("cargo xtask faults [NAME [--rounds N]]"),
    };
    let Some(fault) = FAULTS.iter().find(|fault| fault.name == name) else {
        return usage(&format!("there is no fault {name}; cargo xtask faults lists them"));
    };
    let rounds = match rounds.map(str::parse) {
        None => fault.rounds,
        Some(Ok(rounds @ 1..)) => rounds,
        Some(_) => return usage("--rounds is a number from 1 on"),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.expect("a runtime").block_on((fault.run)(rounds));
    match outcome {
        Err(CannotRun(why)) => {
            println!("{name}: cannot run here, {why}");
            ExitCode::from(3)
        }
        Ok(outcome) => report(name, &outcome),
    }
}

fn usage(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(2)
}

fn report(name: &str, outcome: &Outcome) -> ExitCode {
    for line in &outcome.measured {
        println!("{line}");
    }
    let Outcome { operations, faults, broken, .. } = outcome;
    for line in broken.iter().take(20) {
        println!("broken: {line}");
    }
    let is_proven = *operations > 0 && *faults > 0;
    if broken.is_empty() && is_proven {
        println!("{name}: held, {operations} operations, {faults} faults");
        return ExitCode::SUCCESS;
    }
    println!("{name}: broken {} times, {operations} operations, {faults} faults", broken.len());
    ExitCode::FAILURE
}
