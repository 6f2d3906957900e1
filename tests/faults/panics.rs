//! A worker panics, because the machine gives no thread any more.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::crowd::{Crowd, is_active_at_last};
use crate::disk::status;
use crate::preload::compiled;
use crate::support::{Binary, Cli, Database, PASSWORD, eventually};
use crate::{CannotRun, Outcome};

const PEOPLE: usize = 4;
/// A thread for files waits for ten seconds for more work, and would do it. After so long it is gone.
const IDLE: Duration = Duration::from_secs(15);
/// The worker that writes the file beside the master key after each revocation. Files are written on
/// a thread for what blocks, and the runtime panics where that thread cannot be had.
const WORKER: &str = "learning of changes";

/// Gives no thread while a file is there, as a limit of tasks (`TasksMax`, `pids.max`) does.
const NO_THREADS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
typedef int starts(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*begin)(void *), void *with) {
    const char *name = getenv("NO_THREADS_FILE");
    if (name && access(name, F_OK) == 0) return EAGAIN;
    return ((starts *)dlsym(RTLD_NEXT, "pthread_create"))(thread, how, begin, with);
}
"#;

/// A worker that the server needs panics again and again, until there are threads again.
pub(crate) async fn of_a_worker(rounds: usize) -> Result<Outcome, CannotRun> {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    let library = compiled(&folder, "no_threads", NO_THREADS)?;
    let limit = folder.join("limit");
    cli.set("LD_PRELOAD", library.to_str().expect("a path"));
    cli.set("NO_THREADS_FILE", limit.to_str().expect("a path"));
    let binary = cli.serve().await;
    let crowd = Crowd::gather(&binary, &[binary.issuer()], PEOPLE).await;
    let evidence = binary.evidence().await;
    let mut outcome = Outcome::default();
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let pair = crowd.app.password_as("person0", PASSWORD, "read").await.pair();
        sleep(IDLE).await;
        std::fs::write(&limit, "").expect("written");
        while_it_is_down(&binary, &crowd, pair, round, &mut outcome).await;
        std::fs::remove_file(&limit).expect("removed");
        let since = Instant::now();
        eventually("it is ready", async || status(&binary, "/readyz").await == 200).await;
        // What the worker had left undone is done.
        let sql = "SELECT value AS n FROM revision WHERE name = 'revocations'";
        let last = evidence.count(sql).await;
        eventually("the worker goes on", async || last_written(&binary) == Some(last)).await;
        longest = longest.max(since.elapsed());
    }
    let log = binary.whole_log().await;
    let is_panic = |line: &&str| line.contains("a worker panicked") && line.contains(WORKER);
    outcome.faults = log.lines().filter(is_panic).count();
    if outcome.faults < rounds {
        outcome.broken.push(format!("{} panics in {rounds} rounds", outcome.faults));
    }
    outcome.add(crowd.judge(&evidence).await);
    outcome.measured.push(format!(
        "the worker had caught up at most {} ms after there were threads again",
        longest.as_millis()
    ));
    Ok(outcome)
}

/// Revokes this pair, which the worker cannot learn, and checks that everything else goes on.
async fn while_it_is_down(
    binary: &Binary,
    crowd: &Crowd,
    (access, refresh): (String, String),
    round: usize,
    outcome: &mut Outcome,
) {
    // A new connection to SQLite takes a thread as well, so an answer may be 503.
    eventually("it is revoked", async || crowd.app.revoke(&refresh).await.status == 200).await;
    eventually("it is not ready", async || status(binary, "/readyz").await == 503).await;
    crowd.refreshes(100).await;
    let lives = status(binary, "/livez").await;
    if lives != 200 {
        outcome.broken.push(format!("/livez is {lives} in round {round}"));
    }
    for token in [access, refresh] {
        outcome.operations += 1;
        if is_active_at_last(&crowd.app, &token).await {
            outcome.broken.push(format!("a revoked token is active in round {round}"));
        }
    }
}

/// The number of the last revocation in the file beside the master key.
fn last_written(binary: &Binary) -> Option<i64> {
    let file = Path::new(binary.cli.get("MAPAE_KEYS_DIR")).join("revocations.epoch");
    let text = std::fs::read_to_string(file).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
