//! What a status list with a million live tokens costs: its size, building it, and a poll of it.

use std::time::{Duration, Instant};

use mapae::domain::status_list::Bits;
use mapae::oauth::status::lists::compressed;
use sea_orm::ConnectionTrait;

use crate::crowd::connect;
use crate::load::Connection;
use crate::operations::{Bench, POLL};
use crate::site::Site;

/// A list of the usual size, in which every place was handed out.
const LIVE: u32 = 1 << 20;
/// One of a hundred is revoked.
const REVOKED: u32 = LIVE / 100;
/// The places of revoked tokens are as random as those of real ones: this number is odd, so no place
/// comes twice.
const STEP: u32 = 748_391;

impl Bench {
    pub(crate) async fn status_list(&mut self, site: &Site) {
        if !self.wants(POLL.name) {
            return;
        }
        let mut bits = Bits::clear(LIVE);
        for number in 0..REVOKED {
            bits.set(number.wrapping_mul(STEP) % LIVE);
        }
        let size = compressed(&bits).len();
        self.report.size("`lst` of a million tokens, one of 100 revoked".to_owned(), size as f64);
        let began = Instant::now();
        let mut built = 0_u32;
        while began.elapsed() < self.window.length / 4 {
            std::hint::black_box(compressed(&bits));
            built += 1;
        }
        let rate = f64::from(built) / began.elapsed().as_secs_f64();
        self.report.limit("compressions of this list/s, cores: 1", rate);

        write(site).await;
        self.operation(site, &POLL, 32, "").await;
        self.operation(site, &POLL, 1, "").await;
    }
}

/// Writes the list and its bits, as servers and commands do, and waits until the server serves it.
async fn write(site: &Site) {
    let database = connect(&site.home.database_url()).await;
    let statements = format!(
        "BEGIN IMMEDIATE;
         INSERT INTO status_list (number, entries, seed, used, opened_at, is_closed, is_gone)
             VALUES (1, {LIVE}, zeroblob(16), {LIVE}, 0, FALSE, FALSE);
         UPDATE revision SET value = 1 WHERE name = 'status_lists';
         UPDATE revision SET value = value + 1 WHERE name IN ('status_indices', 'revocations');
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {REVOKED} - 1)
             INSERT INTO status_bit (list, idx, position, revoked_at)
             SELECT 1, (i * {STEP}) % {LIVE}, value, 0 FROM n
             JOIN revision ON name = 'revocations';
         COMMIT"
    );
    database.execute_unprepared(&statements).await.unwrap();
    database.close().await.unwrap();
    let request = site.get("/status/1");
    for _ in 0..100 {
        let mut connection = Connection::open(site.server.target.address).await.unwrap();
        if connection.send(&request).await.unwrap().status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not serve the list");
}
