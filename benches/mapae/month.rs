//! What a person who works with an app for a month leaves in the database, and what stays of it when
//! the clean-up has run.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use tokio::time::sleep;

use crate::crowd::Crowd;
use crate::load::{self, Ask, Window};
use crate::operations::Bench;
use crate::report::Row;
use crate::server::Home;
use crate::site::{APP_RS256, Site, USERS};

/// Two a day on 22 days.
const SIGN_INS: f64 = 22.0 * 2.0;
/// One in ten minutes of eight hours on 22 days.
const REFRESHES: f64 = 22.0 * 8.0 * 6.0;
/// How many families are refreshed again and again.
const FAMILIES: u32 = 4096;
/// The lease of the server that was stopped without notice ends first.
const PATIENCE: Duration = Duration::from_mins(2);

/// Bytes.
struct Found {
    sign_in: f64,
    first_refreshes: f64,
    later_refresh: f64,
    stays: f64,
    /// How many rows stay of a sign-in.
    rows: f64,
}

impl Bench {
    /// The growth of a database by its people.
    pub(crate) async fn month(&mut self, database: &str) {
        const NAME: &str = "growth of the database by a person in a month";
        let name = format!("{NAME}{database}");
        if !self.wants(&name) {
            return;
        }
        let folder = self.folder.path().join(format!("month{}", database.len()));
        let home = match self.postgres.clone().filter(|_| !database.is_empty()) {
            Some(server) => Home::on_postgres(&folder, &server).await,
            None => Home::new(&folder),
        };
        match measure(home, self.window).await {
            Ok(found) => {
                let of_families = SIGN_INS * (found.sign_in + found.first_refreshes);
                let month = of_families + REFRESHES * found.later_refresh;
                for (what, bytes) in [
                    ("a sign-in with its family and its audit events", found.sign_in),
                    ("the first refreshes of a family", found.first_refreshes),
                    ("each later refresh", found.later_refresh),
                    ("a person in a month of 44 sign-ins and 1056 refreshes", month),
                    ("what the clean-up leaves of a sign-in", found.stays),
                    ("what the clean-up leaves of that month", SIGN_INS * found.stays),
                ] {
                    self.report.size(format!("{what}{database}"), bytes);
                }
                let rows = format!("rows that the clean-up leaves of a sign-in{database}");
                self.report.limit(&rows, found.rows);
            }
            Err(error) => self.report.add(Row {
                operation: name,
                connections: None,
                outcome: Err(error),
                by_disk: None,
                target: None,
            }),
        }
    }
}

async fn measure(home: Home, window: Window) -> Result<Found, String> {
    let window = Window { length: window.length * 3, ..window };
    let site = Site::set_up(home).await;
    let database = Database::connect(site.home.database_url()).await.unwrap();
    // A place where a person signs in is written once and not at each sign-in.
    all_sign_in(&site).await;
    for table in ["family", "throttle"] {
        database.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
    }
    compact(&database).await;
    let (bare, events) = (size(&database).await, count(&database, EVENTS).await);
    // So is a bucket of the throttle.
    all_sign_in(&site).await;
    let (at_first, families) = (size(&database).await, count(&database, "family").await);
    sign_in(&site, window).await?;
    let (at_last, all) = (size(&database).await, count(&database, "family").await);

    let crowd = Crowd::write(&site.home, APP_RS256, FAMILIES).await;
    let before = size(&database).await;
    let refreshed = refresh(&site, crowd.on(&site, 32), window).await?;
    let after_some = size(&database).await;
    let made = refreshes(&database).await;
    refresh(&site, refreshed, window).await?;
    let after_more = size(&database).await;
    let more = refreshes(&database).await - made;
    if more < 1.0 {
        return Err("no family was refreshed".to_owned());
    }

    // Every family has been over for long, by its row.
    database.execute_unprepared("UPDATE family SET expires_at = 1").await.unwrap();
    let _cleaning = site.restart().await;
    let started = Instant::now();
    while count(&database, "family").await > 0.0 {
        if started.elapsed() > PATIENCE {
            return Err("the clean-up does not come".to_owned());
        }
        sleep(Duration::from_millis(200)).await;
    }
    compact(&database).await;
    let (left, rows) = (size(&database).await, count(&database, EVENTS).await - events);
    database.close().await.unwrap();
    Ok(Found {
        sign_in: (at_last - at_first) / (all - families),
        first_refreshes: (after_some - before) / f64::from(FAMILIES),
        later_refresh: (after_more - after_some) / more,
        stays: (left - bare) / all,
        rows: rows / all,
    })
}

const EVENTS: &str = "audit_event";

async fn all_sign_in(site: &Site) {
    for user in 0..USERS {
        site.json(&site.sign_in(APP_RS256, user, "profile")).await;
    }
}

async fn sign_in(site: &Site, window: Window) -> Result<(), String> {
    // A few at once keep both cores busy, and none is refused on a busy machine.
    let asks = site.sign_ins_to(APP_RS256).on(8);
    load::closed_loop(site.server.target, asks, window).await.1.map(drop)
}

async fn refresh(
    site: &Site,
    asks: Vec<Box<dyn Ask>>,
    window: Window,
) -> Result<Vec<Box<dyn Ask>>, String> {
    let (asks, measured) = load::closed_loop(site.server.target, asks, window).await;
    measured.map(|_| asks)
}

async fn number(database: &DatabaseConnection, question: &str) -> f64 {
    let statement = Statement::from_string(database.get_database_backend(), question);
    let row = database.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap() as f64
}

async fn count(database: &DatabaseConnection, table: &str) -> f64 {
    number(database, &format!("SELECT count(*) FROM {table}")).await
}

async fn refreshes(database: &DatabaseConnection) -> f64 {
    number(database, "SELECT CAST(sum(generation) AS BIGINT) FROM family").await
}

/// The bytes of all tables and indexes. On Postgres the room of dead rows is free again, as after
/// its own vacuum.
async fn size(database: &DatabaseConnection) -> f64 {
    let question = match database.get_database_backend() {
        DbBackend::Postgres => {
            database.execute_unprepared("VACUUM").await.unwrap();
            "SELECT CAST(sum(pg_total_relation_size(oid)) AS BIGINT) FROM pg_class \
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        }
        _ => {
            "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, \
             pragma_freelist_count, pragma_page_size"
        }
    };
    number(database, question).await
}

/// Leaves no free room in any table.
async fn compact(database: &DatabaseConnection) {
    let vacuum = match database.get_database_backend() {
        DbBackend::Postgres => "VACUUM FULL",
        _ => "VACUUM",
    };
    database.execute_unprepared(vacuum).await.unwrap();
}
