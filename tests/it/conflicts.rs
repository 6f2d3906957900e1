//! Transactions that Postgres undoes in favour of another one (SQLSTATE 40001 and 40P01).

use std::time::Duration;

use mapae::domain::clock::Clock;
use mapae::domain::verdict::Fault;
use mapae::store::{self, Options, Repeats, Store, Tx, throttles};

use crate::support::{Evidence, Server, eventually, postgres_or_skip};

/// Lets the next so many changes of a table fail with this SQLSTATE. A sequence is never rolled
/// back, so it counts them.
async fn fail_next(evidence: &Evidence, table: &str, state: &str, times: u32) {
    evidence
        .run(&format!(
            "CREATE SEQUENCE IF NOT EXISTS tries; ALTER SEQUENCE tries RESTART; \
             CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('tries') <= {times} THEN RAISE 'on purpose' USING ERRCODE = '{state}'; END IF; \
             RETURN NEW; END $$; \
             CREATE OR REPLACE TRIGGER refuse BEFORE UPDATE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_what_another_transaction_undid_is_done_again_three_times() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    server.alice().await;
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    let evidence = server.evidence().await;
    let mut browser = server.browser();
    for state in ["40001", "40P01"] {
        let code = browser.code(&app).await;
        fail_next(&evidence, "authorization_code", state, 4).await;
        let refused = app.exchange(&code).await;
        refused.refused(503, "temporarily_unavailable");
        assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
        // Nothing of it is left, so the same code is good for another try.
        fail_next(&evidence, "authorization_code", state, 3).await;
        let (access, refresh) = app.exchange(&code).await.pair();
        assert!(app.is_active(&access).await);
        fail_next(&evidence, "family", state, 4).await;
        app.refresh(&refresh).await.refused(503, "temporarily_unavailable");
        fail_next(&evidence, "family", state, 3).await;
        app.refresh(&refresh).await.pair();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_who_loses_a_deadlock_may_do_it_again_and_the_other_is_served() {
    let Some(database) = postgres_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = database.fresh(&folder).await;
    let long = Duration::from_mins(1);
    let options = Options { statement_timeout: long, lock_timeout: long, ..Options::default() };
    store::migrate(&url, &options).await.unwrap();
    let store = Store::open(&url, &options).await.unwrap();
    let evidence = Evidence::at(&url).await;
    let now = Clock::system().now();
    let (one, two) = ([([1; 32], 1)], [([2; 32], 1)]);
    let (first, second) = (store.begin(now).await.unwrap(), store.begin(now).await.unwrap());
    throttles::set(&first, &one).await.unwrap();
    throttles::set(&second, &two).await.unwrap();
    let ended = async |tx: Tx, done: Result<(), Fault>| match done {
        Ok(()) => tx.commit().await,
        Err(fault) => {
            tx.abandon().await;
            Err(fault)
        }
    };
    let waits = async {
        let done = throttles::set(&first, &two).await;
        ended(first, done).await
    };
    let closes_the_circle = async {
        let waiting = "SELECT count(*) AS n FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the first one waits", async || evidence.count(waiting).await > 0).await;
        let done = throttles::set(&second, &one).await;
        ended(second, done).await
    };
    let lost = match tokio::join!(waits, closes_the_circle) {
        (Ok(()), Err(lost)) | (Err(lost), Ok(())) => lost,
        both => panic!("one of them: {both:?}"),
    };
    let mut repeats = Repeats::default();
    let wanted = [(); 4].map(|()| repeats.wants_after(&lost));
    assert_eq!(wanted, [true, true, true, false], "{lost}");
    store.close().await;
}
