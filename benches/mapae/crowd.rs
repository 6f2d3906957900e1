//! Many families at once: their rows are written by the database itself, and their first refresh
//! tokens made with the key of the installation.

use std::collections::HashMap;
use std::sync::Arc;

use mapae::domain::clock::Clock;
use mapae::domain::family::FamilyId;
use mapae::domain::succession::{Salt, TokenPosition};
use mapae::keys::rotation::RotationKey;
use mapae::keys::seal::{MasterKey, MasterKeySource, Sealer};
use mapae::store::{Options, Store};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

use crate::load::{Answer, Ask, Refresh};
use crate::server::{Home, post_head};
use crate::site::Site;

/// How many rows one statement writes: the log of the database stays short, however many families
/// there are.
const SOME: u32 = 100_000;

/// Families of one person at one client.
pub(crate) struct Crowd {
    key: RotationKey,
    client: &'static str,
    count: u32,
}

impl Crowd {
    /// Writes so many families.
    pub(crate) async fn write(home: &Home, client: &'static str, count: u32) -> Self {
        let url = home.database_url();
        let command = ["user", "create", "--username", "crowd", "--password-stdin"];
        let made = home.cli(&command, "correct horse battery staple");
        let user = made["sub"].as_str().unwrap();
        let database = connect(&url).await;
        for first in (0..count).step_by(SOME as usize) {
            let rows = rows(&url, user, client, first, (first + SOME).min(count) - 1);
            database.execute_unprepared(&rows).await.unwrap();
        }
        settle(&url, &database).await;
        database.close().await.unwrap();

        let master = MasterKey::load(&MasterKeySource::Folder(home.keys())).unwrap();
        let store = Store::open(&url, &Options::default()).await.unwrap();
        let sealer = Sealer::new(&master).unwrap();
        let key = RotationKey::open(&store, &Clock::system(), &sealer).await.unwrap();
        store.close().await;
        Self { key, client, count }
    }

    /// One part of the families for each connection, in an order that jumps about.
    pub(crate) fn on(&self, site: &Site, connections: u32) -> Vec<Box<dyn Ask>> {
        let head: Arc<str> =
            post_head(site.server.target.address, "/token", site.authorization(self.client)).into();
        (0..connections)
            .map(|part| {
                let each = self.count / connections;
                Box::new(Part {
                    head: Arc::clone(&head),
                    key: self.key.clone(),
                    first: part * each,
                    count: each as usize,
                    tokens: HashMap::new(),
                    turn: 0,
                }) as Box<dyn Ask>
            })
            .collect()
    }
}

/// One connection that writes much at once: nobody needs its rows if the machine stops meanwhile, and
/// the rows that they refer to are there.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await.unwrap();
    if url.starts_with("sqlite:") {
        // The rows of an index come in no order: with little memory each would read a page.
        let quick = "PRAGMA foreign_keys = OFF; PRAGMA synchronous = NORMAL; \
                     PRAGMA cache_size = -2000000";
        database.execute_unprepared(quick).await.unwrap();
    } else {
        database.execute_unprepared("SET synchronous_commit = off").await.unwrap();
        // Only a superuser may; for others each row is checked, which takes longer.
        let _ = database.execute_unprepared("SET session_replication_role = replica").await;
    }
    database
}

/// The statement that writes the families with these numbers.
fn rows(url: &str, user: &str, client: &str, first: u32, last: u32) -> String {
    let (numbers, id, salt) = if url.starts_with("sqlite:") {
        (
            format!(
                "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n \
                 WHERE i < {last})"
            ),
            "printf('%08x-0000-7000-8000-%012x', i, i)",
            "zeroblob(16)",
        )
    } else {
        (
            format!("WITH n (i) AS (SELECT generate_series({first}, {last}))"),
            "lpad(to_hex(i), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0')",
            "decode(repeat('00', 16), 'hex')",
        )
    };
    let (now, end) = (1_700_000_000_000_i64, 4_000_000_000_000_i64);
    // With the address, as a sign-in writes it: a row that grows at its first refresh divides its page.
    format!(
        "{numbers} INSERT INTO family (id, user_id, client_id, scope, resources, auth_time, amr, \
         claims, expires_at, salt, handed_out_at, handed_out_to, idle_ends_at) SELECT {id}, \
         '{user}', '{client}', 'profile', '[]', {now}, '[\"pwd\"]', '[]', {end}, {salt}, {now}, \
         '127.0.0.1', {end} FROM n"
    )
}

/// Leaves nothing for later that would slow down what is measured.
async fn settle(url: &str, database: &DatabaseConnection) {
    if url.starts_with("sqlite:") {
        database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    } else {
        database.execute_unprepared("VACUUM ANALYZE family").await.unwrap();
        // Only a superuser may.
        let _ = database.execute_unprepared("CHECKPOINT").await;
    }
}

/// The families of one connection.
struct Part {
    head: Arc<str>,
    key: RotationKey,
    first: u32,
    count: usize,
    /// The tokens of the families that had their turn.
    tokens: HashMap<usize, String>,
    turn: usize,
}

impl Part {
    /// Coprime to every count of families, so that all have their turn.
    const STEP: usize = 7919;

    fn current(&self) -> usize {
        self.turn * Self::STEP % self.count
    }

    fn refresh(&mut self) -> Refresh {
        let current = self.current();
        let token = self.tokens.remove(&current).unwrap_or_else(|| {
            let number = self.first as usize + current;
            let family =
                FamilyId::from_stored(format!("{number:08x}-0000-7000-8000-{number:012x}"));
            let token = self.key.token(Salt([0; 16]), &family, TokenPosition::default()).unwrap();
            token.expose().to_owned()
        });
        Refresh { head: Arc::clone(&self.head), token, id_token: false }
    }
}

impl Ask for Part {
    fn write(&mut self, request: &mut Vec<u8>) {
        let mut refresh = self.refresh();
        refresh.write(request);
        let current = self.current();
        self.tokens.insert(current, refresh.token);
    }

    fn read(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        let current = self.current();
        let mut refresh = self.refresh();
        refresh.read(answer)?;
        self.tokens.insert(current, refresh.token);
        self.turn += 1;
        Ok(())
    }
}
