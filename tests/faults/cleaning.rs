//! Rows by the million have expired, and are deleted while apps refresh.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::crowd::{Crowd, Plan, register};
use crate::support::{Binary, Database, Evidence};
use crate::{CannotRun, Outcome, own_postgres};

const MILLION: usize = 1_000_000;
/// As fast as many people's apps together, and not as fast as the server can.
const PLAN: Plan = Plan { people: 8, pause: Duration::from_millis(20), kept: 100 };
/// How long is measured, before it and meanwhile.
const BEFORE: Duration = Duration::from_secs(20);
const MEANWHILE: Duration = Duration::from_mins(1);
/// How often it is looked whether a row is left.
const LOOK: Duration = Duration::from_secs(5);
/// Whatever the ratio, this is no delay that anybody notices.
const UNNOTICED: Duration = Duration::from_millis(10);

/// Tables whose rows are deleted by age, and so many of ten parts of all rows.
const TABLES: [(&str, usize); 3] = [("family", 1), ("revoked_access_token", 4), ("throttle", 5)];

/// How much of the deletion is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    OneMinute,
    Whole,
}

pub(crate) async fn on_sqlite(millions: usize) -> Result<Outcome, CannotRun> {
    Ok(sqlite(millions, Watched::OneMinute).await)
}

pub(crate) async fn on_postgres(millions: usize) -> Result<Outcome, CannotRun> {
    postgres(millions, Watched::OneMinute).await
}

pub(crate) async fn whole_on_sqlite(millions: usize) -> Result<Outcome, CannotRun> {
    Ok(sqlite(millions, Watched::Whole).await)
}

pub(crate) async fn whole_on_postgres(millions: usize) -> Result<Outcome, CannotRun> {
    postgres(millions, Watched::Whole).await
}

async fn sqlite(millions: usize, watched: Watched) -> Outcome {
    let binary = Binary::start(&Database::Sqlite).await;
    while_serving(binary, millions, watched, |url, rows| {
        let file = url.trim_start_matches("sqlite://");
        let database = rusqlite::Connection::open(file).expect("the database");
        for statement in statements(rows, "", "BLOB") {
            database.execute_batch(&statement).expect("filled");
            let nothing = |_: &rusqlite::Row<'_>| Ok(());
            let shorten = "PRAGMA wal_checkpoint(TRUNCATE)";
            database.query_row(shorten, [], nothing).expect("written to the file");
        }
    })
    .await
}

async fn postgres(millions: usize, watched: Watched) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&["max_wal_size=8GB"])?;
    let binary = Binary::start(&postgres.database()).await;
    Ok(while_serving(binary, millions, watched, |url, rows| {
        for statement in statements(rows, "generate_series", "bytea") {
            postgres.runs("psql", &["--dbname", url, "--quiet", "-c", &statement]);
        }
        postgres.runs("psql", &["--dbname", url, "--quiet", "-c", "VACUUM ANALYZE"]);
    })
    .await)
}

/// Statements that make so many expired rows, each at most a million.
fn statements(rows: usize, series: &str, bytes: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (table, tenths) in TABLES {
        let (mut from, end) = (0, rows / 10 * tenths);
        while from < end {
            let until = end.min(from + MILLION);
            let numbers = if series.is_empty() {
                format!(
                    "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n \
                     WHERE i + 1 < {until})"
                )
            } else {
                format!("WITH n(i) AS (SELECT * FROM {series}({from}, {until} - 1))")
            };
            let number = "(100000000 + i)";
            // 1 is an instant in 1970.
            let values = match table {
                "throttle" => format!(
                    "(key, empty_at) {numbers} SELECT CAST('t' || {number} AS {bytes}), 1 FROM n"
                ),
                "revoked_access_token" => {
                    format!("(jti, expires_at) {numbers} SELECT 'old' || {number}, 1 FROM n")
                }
                _ => format!(
                    "(id, user_id, client_id, scope, resources, auth_time, acr, amr, \
                     provider_issuer, session_id, claims, expires_at, revoked_at, salt, \
                     generation, attempt, spent_attempt, handed_out_at, handed_out_to, \
                     idle_ends_at) {numbers}, one AS (SELECT * FROM family LIMIT 1) \
                     SELECT 'old' || {number}, user_id, client_id, scope, resources, 1, acr, amr, \
                     provider_issuer, NULL, claims, 1, 1, salt, generation, attempt, \
                     spent_attempt, 1, handed_out_to, 1 FROM n, one"
                ),
            };
            all.push(format!("INSERT INTO {table} {values}"));
            from = until;
        }
    }
    all
}

/// Measures before the rows are there, fills them in while the server is stopped, and measures while
/// it deletes them.
async fn while_serving(
    mut binary: Binary,
    millions: usize,
    watched: Watched,
    fill: impl FnOnce(&str, usize),
) -> Outcome {
    let app = register(&binary).await;
    let crowd = Crowd::gather_at(app, &binary, &[binary.issuer()], PLAN).await;
    crowd.refreshes(100).await;
    crowd.work.take_p99();
    sleep(BEFORE).await;
    let quiet = crowd.work.take_p99();
    binary.terminate().await;
    binary.ended().await;
    let url = binary.cli.get("MAPAE_DATABASE_URL").to_owned();
    let since = Instant::now();
    fill(&url, millions * MILLION);
    let filled = since.elapsed();
    binary.restart().await;
    crowd.refreshes(PLAN.people).await;
    crowd.work.take_p99();
    let evidence = binary.evidence().await;
    let Deletion { deleted, left, took, busy } = watch(&crowd, &evidence, watched).await;
    let per_second = deleted / i64::try_from(took.as_secs().max(1)).expect("a number");
    let ratio = busy.as_secs_f64() / quiet.as_secs_f64().max(0.000_001);
    let judged = crowd.judge(&evidence).await;
    let mut broken = judged.broken;
    if deleted == 0 || (left == 0) != (watched == Watched::Whole) {
        broken.push(format!("{deleted} rows were deleted and {left} are left: not as was watched"));
    }
    if ratio > 2.0 && busy > UNNOTICED {
        broken.push(format!("a refresh takes {ratio:.1} times as long meanwhile"));
    }
    let measured = format!(
        "{millions} million expired rows (made in {} s), {deleted} of them deleted in {} s, \
         {per_second} a second; p99 of a refresh {:.1} ms before, {:.1} ms in the slowest minute \
         meanwhile, ratio {ratio:.2}",
        filled.as_secs(),
        took.as_secs(),
        quiet.as_secs_f64() * 1000.0,
        busy.as_secs_f64() * 1000.0
    );
    Outcome {
        operations: judged.operations,
        faults: usize::try_from(deleted).unwrap_or_default(),
        measured: vec![judged.measured, measured],
        broken,
    }
}

/// What was seen of the deletion.
struct Deletion {
    deleted: i64,
    left: i64,
    took: Duration,
    /// The p99 of a refresh in its slowest minute.
    busy: Duration,
}

/// Watches for a minute, or until no row is left or none was deleted for a minute.
async fn watch(crowd: &Crowd, evidence: &Evidence, watched: Watched) -> Deletion {
    let begun = expired(evidence).await;
    let (since, mut minute) = (Instant::now(), Instant::now());
    let (mut left, mut busy) = (begun, Duration::ZERO);
    loop {
        sleep(LOOK).await;
        let is_over = watched == Watched::Whole && !is_any_left(evidence).await;
        if !is_over && minute.elapsed() < MEANWHILE {
            continue;
        }
        let took = since.elapsed();
        busy = busy.max(crowd.work.take_p99());
        let before = std::mem::replace(&mut left, expired(evidence).await);
        if is_over || watched == Watched::OneMinute || left == before {
            return Deletion { deleted: begun - left, left, took, busy };
        }
        println!("after {} s: {left} rows are left", took.as_secs());
        // Counting takes a while, which is no minute of the deletion.
        crowd.work.take_p99();
        minute = Instant::now();
    }
}

/// The tables with the made rows, the last one to be cleaned up first, and the column that is 1 there.
const MADE: [(&str, &str); 3] =
    [("family", "expires_at"), ("revoked_access_token", "expires_at"), ("throttle", "empty_at")];

/// How many of the made rows there are.
async fn expired(evidence: &Evidence) -> i64 {
    let mut all = 0;
    for (table, column) in MADE {
        all +=
            evidence.count(&format!("SELECT count(*) AS n FROM {table} WHERE {column} = 1")).await;
    }
    all
}

/// Whether one of the made rows is there.
async fn is_any_left(evidence: &Evidence) -> bool {
    for (table, column) in MADE {
        let one = format!("SELECT 1 FROM {table} WHERE {column} = 1 LIMIT 1");
        if evidence.count(&format!("SELECT count(*) AS n FROM ({one}) AS one")).await > 0 {
            return true;
        }
    }
    false
}
