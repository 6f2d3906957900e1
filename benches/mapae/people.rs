//! What the administration API costs where there are very many people.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sea_orm::ConnectionTrait;

use crate::crowd::connect;
use crate::families::in_words;
use crate::load::{self, Cycle};
use crate::operations::{Bench, TRIALS};
use crate::report::{Row, Target, beside};
use crate::server::{Home, post};
use crate::site::Site;

const FEW: u32 = 1_000;
const MANY: u32 = 10_000_000;
/// How many people one statement writes.
const SOME: u32 = 100_000;
/// How many connections ask.
const CONNECTIONS: usize = 4;
/// How many different requests of a kind there are: as many as a thousand people have next pages.
const REQUESTS: u32 = 19;
const FACTOR: u32 = 748_391;

const API: &str = "/admin/api/v1";
const KINDS: [&str; 4] = ["list", "search", "address", "next page"];

impl Bench {
    /// Lists of very many people beside those of a thousand, each in a database of their own.
    pub(crate) async fn people(&mut self, database: &str) {
        let count = std::env::var("MAPAE_BENCH_PEOPLE").map_or(MANY, |text| text.parse().unwrap());
        let name = |kind: &str| format!("people: {kind}, {}{database}", in_words(count));
        if !KINDS.iter().any(|kind| self.wants(&name(kind))) {
            return;
        }
        // Many people take longer to write than a token lives.
        let many = self.populated("people-many", database, count).await;
        let few = self.populated("people-few", database, FEW).await;
        for kind in KINDS {
            if self.wants(&name(kind)) {
                self.compared(name(kind), &few.asks(kind).await, &many.asks(kind).await).await;
            }
        }
        for populated in [few, many] {
            let home = populated.site.home.clone();
            drop(populated);
            // Gigabytes, which nothing after this needs.
            home.discard().await;
        }
    }

    async fn populated(&self, folder: &str, database: &str, count: u32) -> Populated {
        let folder = self.folder.path().join(format!("{folder}{}", database.len()));
        let home = match self.postgres.clone().filter(|_| !database.is_empty()) {
            Some(server) => Home::on_postgres(&folder, &server).await,
            None => Home::new(&folder),
        };
        let site = Site::set_up(home).await;
        write(&site.home.database_url(), count).await;
        let token = token(&site).await;
        Populated { site, token, count }
    }

    async fn compared(&mut self, operation: String, few: &Asked, many: &Asked) {
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            let (_, limit) =
                load::closed_loop(few.target, few.cycle.on(CONNECTIONS), self.window).await;
            let (_, measured) =
                load::closed_loop(many.target, many.cycle.on(CONNECTIONS), self.window).await;
            trials.push([measured, limit]);
        }
        let outcome = beside(trials, "the same with a thousand");
        let target = Some(Target::AtLeast(0.5));
        self.report.add(Row {
            operation,
            connections: Some(CONNECTIONS),
            outcome,
            by_disk: None,
            target,
        });
    }
}

/// A server with so many people, and a token of its administration API.
struct Populated {
    site: Site,
    token: String,
    count: u32,
}

/// What is asked, and where.
struct Asked {
    target: load::Target,
    cycle: Cycle,
}

impl Populated {
    /// Requests of one kind, each with the answer that it has now.
    async fn asks(&self, kind: &str) -> Asked {
        let mut all = Vec::new();
        let mut place = String::new();
        for turn in 0..REQUESTS {
            let name = name(turn * (self.count / REQUESTS));
            let query = match kind {
                "list" => "limit=50".to_owned(),
                "search" => format!("limit=50&search={name}"),
                "address" => format!("email={name}@example.com"),
                _ => {
                    let page = self.site.json(&self.get(&format!("limit=50{place}"))).await;
                    place = format!("&after={}", page["next"].as_str().unwrap());
                    format!("limit=50{place}")
                }
            };
            all.push(self.site.fixed(self.get(&query)).await);
        }
        Asked { target: self.site.server.target, cycle: Cycle::new(all) }
    }

    fn get(&self, query: &str) -> Vec<u8> {
        format!(
            "GET {API}/users?{query} HTTP/1.1\r\nhost: {}\r\nuser-agent: mapae-bench\r\n\
             authorization: Bearer {}\r\n\r\n",
            self.site.server.target.address, self.token
        )
        .into_bytes()
    }
}

/// The name of a person. The names of people with neighbouring numbers begin differently: the factor
/// is odd, so none comes twice.
fn name(person: u32) -> String {
    format!("{:08x}-p", person.wrapping_mul(FACTOR))
}

/// A token of a program that reads people.
async fn token(site: &Site) -> String {
    let audience = format!("{}/admin/api", site.home.issuer());
    let made = site.home.cli(
        &[
            "client",
            "create",
            "--kind",
            "confidential",
            "--id",
            "reader",
            "--name",
            "reader",
            "--grant",
            "client_credentials",
            "--scope",
            "admin:users:read",
            "--audience",
            &audience,
        ],
        "",
    );
    let secret = made["client_secret"].as_str().unwrap();
    let authorization = format!("Basic {}", STANDARD.encode(format!("reader:{secret}")));
    let form = "grant_type=client_credentials&scope=admin%3Ausers%3Aread";
    let request = post(site.server.target.address, "/token", &authorization, form);
    site.json(&request).await["access_token"].as_str().unwrap().to_owned()
}

/// Writes so many people, as the database does it itself.
async fn write(url: &str, count: u32) {
    let database = connect(url).await;
    for first in (0..count).step_by(SOME as usize) {
        for rows in rows(url, first, (first + SOME).min(count) - 1) {
            database.execute_unprepared(&rows).await.unwrap();
        }
    }
    if url.starts_with("sqlite:") {
        database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    } else {
        database.execute_unprepared("VACUUM ANALYZE account").await.unwrap();
        database.execute_unprepared("VACUUM ANALYZE account_key").await.unwrap();
    }
    database.close().await.unwrap();
}

/// The statements that write the people with these numbers: their accounts, and the keys by which
/// they are found.
fn rows(url: &str, first: u32, last: u32) -> [String; 2] {
    let (numbers, id, name) = if url.starts_with("sqlite:") {
        (
            format!(
                "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n \
                 WHERE i < {last})"
            ),
            "printf('%08x-0000-4000-8000-%012x', i, i)",
            format!("printf('%08x-p', (i * {FACTOR}) % 4294967296)"),
        )
    } else {
        (
            format!("WITH n (i) AS (SELECT generate_series({first}::bigint, {last}))"),
            "lpad(to_hex(i), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(i), 12, '0')",
            format!("lpad(to_hex((i * {FACTOR}) % 4294967296), 8, '0') || '-p'"),
        )
    };
    let (now, address) = (1_700_000_000_000_i64, format!("{name} || '@example.com'"));
    [
        format!(
            "{numbers} INSERT INTO account (id, username, username_key, email, email_key, \
             email_verified, profile, created_at, updated_at) SELECT {id}, {name}, {name}, \
             {address}, {address}, TRUE, '{{}}', {now}, {now} FROM n"
        ),
        format!(
            "{numbers} INSERT INTO account_key (key, user_id) SELECT {name}, {id} FROM n \
             UNION ALL SELECT {address}, {id} FROM n"
        ),
    ]
}
