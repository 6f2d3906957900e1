//! Postgres goes away, comes back, dies, takes no writes and has no connection left.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::crowd::{Crowd, keys_of};
use crate::proxy::Proxy;
use crate::support::{Binary, Database, OwnPostgres, eventually, http};
use crate::{CannotRun, Outcome, own_postgres};

const PEOPLE: usize = 12;
const SECOND: Duration = Duration::from_secs(1);

/// A server behind a proxy, with a crowd at work.
struct Site {
    postgres: OwnPostgres,
    proxy: Proxy,
    _database: Database,
    binary: Binary,
    crowd: Crowd,
}

impl Site {
    async fn open(settings: &[&str]) -> Result<Self, CannotRun> {
        let postgres = own_postgres(settings)?;
        let proxy = Proxy::before(&postgres.address()).await;
        let database = OwnPostgres::database_at(&proxy.address);
        let binary = Binary::start(&database).await;
        let crowd = Crowd::gather(&binary, &[binary.issuer()], PEOPLE).await;
        crowd.refreshes(200).await;
        Ok(Self { postgres, proxy, _database: database, binary, crowd })
    }

    async fn status(&self, path: &str) -> u16 {
        let url = format!("{}{path}", self.binary.issuer());
        http().get(url).send().await.expect("an answer").status().as_u16()
    }

    fn unavailable(&self) -> usize {
        self.crowd.work.unavailable.load(Ordering::SeqCst)
    }

    /// Waits until refreshes succeed again; how long that took.
    async fn recovers(&self) -> Duration {
        let since = Instant::now();
        self.crowd.refreshes(PEOPLE).await;
        let took = since.elapsed();
        self.crowd.refreshes(200).await;
        took
    }

    /// Checks everything that the apps received.
    async fn judge(self, faults: usize, measured: String, broken: Vec<String>) -> Outcome {
        let evidence = self.binary.evidence().await;
        let judged = self.crowd.judge(&evidence).await;
        Outcome {
            operations: judged.operations,
            faults,
            measured: vec![judged.measured, measured],
            broken: [broken, judged.broken].concat(),
        }
    }
}

/// Checks in every second that the server lives, says what is true about its readiness, and serves
/// its keys.
async fn watch(site: &Site, seconds: usize, is_ready: bool, broken: &mut Vec<String>) {
    let ready = if is_ready { 200 } else { 503 };
    eventually("the server knows", async || site.status("/readyz").await == ready).await;
    for second in 0..seconds {
        for (path, right) in [("/livez", 200), ("/readyz", ready)] {
            let status = site.status(path).await;
            if status != right {
                broken.push(format!("{path} is {status} in second {second}"));
            }
        }
        if keys_of(&site.crowd.app).await.keys.is_empty() {
            broken.push(format!("no keys in second {second}"));
        }
        sleep(SECOND).await;
    }
}

pub(crate) async fn gone(seconds: usize) -> Result<Outcome, CannotRun> {
    let site = Site::open(&[]).await?;
    let mut broken = Vec::new();
    let before = site.unavailable();
    site.proxy.lead_to(None);
    watch(&site, seconds, false, &mut broken).await;
    if site.unavailable() == before {
        broken.push("no refresh was refused, so the database was not away".to_owned());
    }
    let address = site.postgres.address();
    site.proxy.lead_to(Some(&address));
    let took = site.recovers().await;
    eventually("ready", async || site.status("/readyz").await == 200).await;
    let measured =
        format!("refreshes succeeded {} ms after the database was back", took.as_millis());
    Ok(site.judge(1, measured, broken).await)
}

pub(crate) async fn restarted(rounds: usize) -> Result<Outcome, CannotRun> {
    let site = Site::open(&[]).await?;
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        site.postgres.stop(if round % 2 == 0 { "fast" } else { "immediate" });
        site.postgres.begin();
        longest = longest.max(site.recovers().await);
    }
    let measured = format!("refreshes succeeded at most {} ms after a start", longest.as_millis());
    Ok(site.judge(rounds, measured, Vec::new()).await)
}

pub(crate) async fn failed_over(_rounds: usize) -> Result<Outcome, CannotRun> {
    let site = Site::open(&[]).await?;
    let standby = site.postgres.standby();
    // What is acknowledged is on both machines from now on.
    site.postgres.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    site.postgres.sql("SELECT pg_reload_conf()");
    eventually("the standby follows synchronously", async || {
        site.postgres.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            == "1"
    })
    .await;
    site.crowd.refreshes(200).await;
    site.postgres.stop("immediate");
    standby.promote();
    site.proxy.lead_to(Some(&standby.address()));
    let took = site.recovers().await;
    let measured =
        format!("refreshes succeeded {} ms after the standby was the primary", took.as_millis());
    let outcome = site.judge(1, measured, Vec::new()).await;
    drop(standby);
    Ok(outcome)
}

pub(crate) async fn read_only(seconds: usize) -> Result<Outcome, CannotRun> {
    let site = Site::open(&[]).await?;
    let mut broken = Vec::new();
    let token = site.crowd.app.password_as("person0", crate::support::PASSWORD, "read").await;
    let (access, _) = token.pair();
    let before = site.unavailable();
    let set = |mode: &str| {
        site.postgres.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {mode}"));
        site.postgres.sql("SELECT pg_reload_conf()");
    };
    set("on");
    eventually("a refresh is refused", async || site.unavailable() > before).await;
    for second in 0..seconds {
        if !site.crowd.app.is_active(&access).await {
            broken.push(format!("introspection says no in second {second}"));
        }
        sleep(SECOND).await;
    }
    set("off");
    let took = site.recovers().await;
    let measured =
        format!("refreshes succeeded {} ms after writes were possible", took.as_millis());
    Ok(site.judge(1, measured, broken).await)
}

pub(crate) async fn out_of_connections(_rounds: usize) -> Result<Outcome, CannotRun> {
    // So few that somebody else can take them all.
    let settings = ["max_connections=30", "superuser_reserved_connections=0"];
    let site = Site::open(&settings).await?;
    site.postgres.sql("CREATE ROLE other LOGIN");
    let url = format!("postgres://other@{}/postgres", site.postgres.address());
    let mut taken = Vec::new();
    // The connections of the server are closed, and somebody else is faster.
    let address = site.postgres.address();
    site.proxy.lead_to(None);
    while let Ok(connection) = one(&url).await {
        taken.push(connection);
        if taken.len() >= 30 {
            break;
        }
    }
    site.proxy.lead_to(Some(&address));
    let mut broken = Vec::new();
    if taken.len() < 20 {
        broken.push(format!("only {} connections were taken", taken.len()));
    }
    watch(&site, 10, false, &mut broken).await;
    let number = taken.len();
    for connection in taken {
        connection.close().await.expect("closed");
    }
    let took = site.recovers().await;
    let measured = format!(
        "{number} connections were taken; refreshes succeeded {} ms after they were free",
        took.as_millis()
    );
    Ok(site.judge(1, measured, broken).await)
}

async fn one(url: &str) -> Result<sea_orm::DatabaseConnection, sea_orm::DbErr> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).connect_timeout(SECOND).sqlx_logging(false);
    sea_orm::Database::connect(options).await
}
