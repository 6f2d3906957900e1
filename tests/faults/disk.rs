//! The disk below SQLite is full or slow.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Child;

use crate::crowd::Crowd;
use crate::preload::compiled;
use crate::support::{Binary, Cli, Database, eventually, http};
use crate::{CannotRun, Outcome};

const PEOPLE: usize = 8;

/// How a disk is made full.
enum Disk {
    /// A small file system of its own, which is filled up with a file.
    Small(TempDir),
    /// A limit of the size of files, where nobody may mount anything.
    Limit(TempDir),
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "mapae-faults"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            Self::Small(folder)
        } else {
            Self::Limit(folder)
        }
    }

    fn path(&self) -> &Path {
        let (Self::Small(folder) | Self::Limit(folder)) = self;
        folder.path()
    }

    fn fill(&self, binary: &Binary) {
        match self {
            Self::Small(folder) => {
                // Up to the last byte: what comes after that finds no room.
                let ballast = std::fs::File::create(folder.path().join("ballast")).expect("a file");
                let mut ballast = std::io::BufWriter::with_capacity(4096, ballast);
                while std::io::Write::write_all(&mut ballast, &[0; 4096]).is_ok() {}
                // What is left in memory has no room either.
                drop(ballast.into_parts());
            }
            Self::Limit(_) => limit(binary, "4096"),
        }
    }

    /// Makes room again, for this server if it lives.
    fn make_room(&self, binary: Option<&Binary>) {
        match (self, binary) {
            (Self::Small(folder), _) => {
                std::fs::remove_file(folder.path().join("ballast")).expect("removed");
            }
            (Self::Limit(_), Some(binary)) => limit(binary, "unlimited"),
            (Self::Limit(_), None) => {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Small(folder) = self {
            // Lazily: a server may have the file open.
            let _ = Command::new("umount").arg("--lazy").arg(folder.path()).output();
        }
    }
}

fn limit(binary: &Binary, most: &str) {
    let process = binary.child.id().expect("a process").to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &process, &format!("--fsize={most}:unlimited")])
        .status();
    assert!(set.expect("prlimit").success());
}

/// The status of the answer at this path.
pub(crate) async fn status(binary: &Binary, path: &str) -> u16 {
    let url = format!("{}{path}", binary.issuer());
    http().get(url).send().await.expect("an answer").status().as_u16()
}

/// The disk is full again and again, and every third time the server dies meanwhile.
pub(crate) async fn full(rounds: usize) -> Result<Outcome, CannotRun> {
    let mut cli = Cli::new(&Database::Sqlite).await;
    // It outlives the server.
    let disk = Disk::new();
    cli.set("MAPAE_DATABASE_URL", format!("sqlite://{}", disk.path().join("mapae.db").display()));
    let child = started(&cli).await;
    let mut binary = Binary { cli, child };
    let crowd = Crowd::gather(&binary, &[binary.issuer()], PEOPLE).await;
    let mut broken = Vec::new();
    let unavailable = || crowd.work.unavailable.load(Ordering::SeqCst);
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        crowd.refreshes(40 + round * 13 % 71).await;
        let before = unavailable();
        disk.fill(&binary);
        eventually("refreshes are refused", async || unavailable() > before + PEOPLE).await;
        eventually("it is not ready", async || status(&binary, "/readyz").await == 503).await;
        let lives = status(&binary, "/livez").await;
        if lives != 200 {
            broken.push(format!("/livez is {lives} in round {round}"));
        }
        // A new process has no limit.
        let dies = round % 3 == 2;
        if dies {
            binary.kill().await;
        }
        disk.make_room((!dies).then_some(&binary));
        let since = Instant::now();
        if dies {
            binary.child = started(&binary.cli).await;
        }
        crowd.refreshes(PEOPLE).await;
        longest = longest.max(since.elapsed());
        eventually("it is ready", async || status(&binary, "/readyz").await == 200).await;
    }
    let evidence = binary.evidence().await;
    let mut judged = crowd.judge(&evidence).await;
    let said = evidence.column("PRAGMA integrity_check", "integrity_check").await;
    if said != ["ok"] {
        judged.broken.push(format!("SQLite finds its file damaged: {said:?}"));
    }
    let how = match disk {
        Disk::Small(_) => "a file system of 64 MiB was full to the last byte",
        Disk::Limit(_) => "the size of files was limited",
    };
    let measured = format!(
        "{how}; refreshes succeeded at most {} ms after there was room",
        longest.as_millis()
    );
    Ok(Outcome {
        operations: judged.operations,
        faults: rounds,
        measured: vec![judged.measured, measured],
        broken: [broken, judged.broken].concat(),
    })
}

/// Starts a server that survives the limit of files: the signal of the limit would end the process,
/// and a disk sends none.
async fn started(cli: &Cli) -> Child {
    let mut command = cli.command_under("sh", &["-c", "trap '' XFSZ; exec \"$0\" serve"], &[]);
    let child = command.stderr(cli.log_file()).spawn().expect("the binary");
    cli.is_ready().await;
    child
}

/// Makes each write to the disk wait for so many milliseconds as a file says.
const SLOW_DISK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static void wait_for_disk(void) {
    const char *name = getenv("SLOW_DISK_FILE");
    FILE *file = name ? fopen(name, "r") : NULL;
    long milliseconds = 0;
    if (!file) return;
    if (fscanf(file, "%ld", &milliseconds) != 1) milliseconds = 0;
    fclose(file);
    struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    while (nanosleep(&pause, &pause) != 0) {}
}
int fdatasync(int file) {
    wait_for_disk();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
int fsync(int file) {
    wait_for_disk();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}
"#;

/// How long the disk takes for each write, in milliseconds, one after the other.
const DELAYS: [u64; 5] = [20, 200, 1500, 4000, 12_000];

/// The disk becomes slower and slower, up to where no write ends within the deadline of a request.
pub(crate) async fn slow(rounds: usize) -> Result<Outcome, CannotRun> {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    let library = compiled(&folder, "slow_disk", SLOW_DISK)?;
    let file = folder.join("delay");
    let set = |milliseconds: u64| {
        let new = folder.join("delay.new");
        std::fs::write(&new, milliseconds.to_string()).expect("written");
        std::fs::rename(&new, &file).expect("renamed");
    };
    set(0);
    cli.set("LD_PRELOAD", library.to_str().expect("a path"));
    cli.set("SLOW_DISK_FILE", file.to_str().expect("a path"));
    let binary = cli.serve().await;
    let crowd = Crowd::gather(&binary, &[binary.issuer()], PEOPLE).await;
    crowd.refreshes(200).await;
    crowd.work.take_p99();
    let mut broken = Vec::new();
    let mut notes = Vec::new();
    for _ in 0..rounds {
        for delay in std::iter::once(0).chain(DELAYS) {
            set(delay);
            let until = Instant::now() + Duration::from_secs(8) + Duration::from_millis(delay * 2);
            while Instant::now() < until {
                let since = Instant::now();
                let lives = status(&binary, "/livez").await;
                let keys = status(&binary, "/.well-known/jwks.json").await;
                if (lives, keys) != (200, 200) || since.elapsed() > Duration::from_secs(2) {
                    let took = since.elapsed();
                    broken.push(format!("at {delay} ms: {lives} and {keys} after {took:?}"));
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            let refused = crowd.work.unavailable.load(Ordering::SeqCst);
            let p99 = crowd.work.take_p99();
            notes.push(format!(
                "{delay} ms: p99 {} ms, {refused} answers 503 so far",
                p99.as_millis()
            ));
        }
        set(0);
        let since = Instant::now();
        crowd.refreshes(200).await;
        notes.push(format!("200 refreshes took {} ms afterwards", since.elapsed().as_millis()));
    }
    let evidence = binary.evidence().await;
    let judged = crowd.judge(&evidence).await;
    // A disk that is not slow for the server proves nothing.
    if judged.unavailable == 0 {
        broken.push("no refresh was refused, so no write took too long".to_owned());
    }
    Ok(Outcome {
        operations: judged.operations,
        faults: rounds * DELAYS.len(),
        measured: vec![judged.measured, notes.join("; ")],
        broken: [broken, judged.broken].concat(),
    })
}
