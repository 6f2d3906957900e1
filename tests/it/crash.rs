//! `kill -9` in the middle of refreshes: no client that kept the last token it received is logged
//! out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{App, Binary, ClientArguments, Database, postgres_or_skip};

const ROUNDS: usize = 20;
const PEOPLE: usize = 6;

/// What the tasks share.
#[derive(Default)]
struct Work {
    refreshed: AtomicUsize,
    over: AtomicBool,
}

/// Refreshes in a loop and keeps the last pair that arrived; the answer of a server that was
/// killed never does, so the same token is used again.
async fn refresh_on(app: App, mut pair: (String, String), work: Arc<Work>) -> (String, String) {
    let mut pause = tokio::time::interval(Duration::from_millis(5));
    while !work.over.load(Ordering::SeqCst) {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", pair.1.as_str())];
        match app.try_post("/token", &fields).await {
            Some(reply) => {
                pair = reply.pair();
                work.refreshed.fetch_add(1, Ordering::SeqCst);
            }
            None => drop(pause.tick().await),
        }
    }
    pair
}

async fn kill_in_the_middle(database: &Database) {
    let mut binary = Binary::start(database).await;
    binary.user("alice", "correct horse battery staple").await;
    // Longer than any restart on a busy machine takes.
    let arguments = ClientArguments::public(&["password", "refresh_token"])
        .with("--scope", "read")
        .with("--refresh-grace", "120")
        .with("--token-alg", "ES256");
    let app = binary.register("app", &arguments).await;
    let work = Arc::new(Work::default());
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        let pair = app.password("read").await.pair();
        people.push(tokio::spawn(refresh_on(app.clone(), pair, Arc::clone(&work))));
    }
    for round in 0..ROUNDS {
        let enough = work.refreshed.load(Ordering::SeqCst) + 3 + round * 7 % 23;
        crate::support::eventually("some refreshes", async || {
            assert!(!people.iter().any(tokio::task::JoinHandle::is_finished), "round {round}");
            work.refreshed.load(Ordering::SeqCst) >= enough
        })
        .await;
        binary.kill().await;
        binary.restart().await;
    }
    work.over.store(true, Ordering::SeqCst);
    let evidence = binary.evidence().await;
    for person in people {
        let (_, token) = person.await.expect("nobody is logged out");
        let (_, next) = app.refresh(&token).await.pair();
        app.refresh(&next).await.ok();
    }
    assert!(evidence.events_of("refresh.reused").await.is_empty());
    assert!(work.refreshed.load(Ordering::SeqCst) >= ROUNDS * 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_nobody_is_logged_out_by_kills_sqlite() {
    kill_in_the_middle(&Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_nobody_is_logged_out_by_kills_postgres() {
    if let Some(database) = postgres_or_skip() {
        kill_in_the_middle(&database).await;
    }
}
