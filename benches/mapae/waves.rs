//! Whether a server gives back the memory that a wave took.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::load::{self, Connection, Cycle, Fixed, Measured};
use crate::operations::Bench;
use crate::process;
use crate::report::{Comparison, Row, Target};
use crate::server::Home;
use crate::site::{SERVICE_ES256, Site};

/// How many connections a wave has.
const CONNECTIONS: usize = 1000;
const WAVES: usize = 3;
/// How many MB may stay taken: an idle server has 26, and is to have 40 at most whatever it did
/// before. What a password hash takes, 19, would be too much.
const MOST: f64 = 14.0;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The memory is settled when so many looks in a row found no less.
const SETTLED: u32 = 10;

impl Bench {
    /// The memory after waves of connections and of sign-ins, beside that before.
    pub(crate) async fn memory_given_back(&mut self) {
        const NAME: &str = "memory given back";
        if !self.wants(NAME) {
            return;
        }
        let outcome = self.after_waves().await;
        self.report.add(Row {
            operation: NAME.to_owned(),
            connections: Some(CONNECTIONS),
            outcome,
            by_disk: None,
            target: Some(Target::AtMost(1.0)),
        });
    }

    async fn after_waves(&mut self) -> Result<(Measured, Comparison), String> {
        // A server of its own, that has done nothing before.
        let site = Site::set_up(Home::new(&self.folder.path().join("waves"))).await;
        let server = site.server.target;
        site.first_requests().await;
        let before = settled(&site, f64::INFINITY).await;
        // With the connections of the wave, this program has more files open than many shells allow.
        rlimit::increase_nofile_limit(u64::MAX).map_err(|error| error.to_string())?;
        for _ in 0..WAVES {
            wave(&site).await?;
        }
        self.report.limit("RSS MB after waves of connections", process::rss(server.pid));
        load::closed_loop(server, site.sign_ins().on(32), self.window).await.1?;
        self.report.limit("RSS MB after a wave of sign-ins", process::rss(server.pid));
        site.requests_of_programs().await;
        self.report.limit("RSS MB five requests later", process::rss(server.pid));
        let after = settled(&site, before + MOST).await;
        let limit = format!("{MOST} MB more than before the waves, which was");
        let measured = Measured { rss: after, ..Measured::NOTHING };
        let ratio = (after - before) / MOST;
        Ok((measured, Comparison { limit, value: before, unit: " MB", ratio }))
    }
}

/// Many connections at once, each of which asks once and is closed when all have their answers.
async fn wave(site: &Site) -> Result<(), String> {
    let request = site.client_credentials(SERVICE_ES256);
    let asks = Cycle::new(vec![Fixed { request, body: None }]).on(CONNECTIONS);
    let connections = Connection::open_many(site.server.target.address, CONNECTIONS).await;
    let mut tasks = JoinSet::new();
    for (mut connection, mut ask) in connections.into_iter().zip(asks) {
        tasks.spawn(async move {
            connection.ask(&mut *ask).await?;
            Ok::<_, String>(connection)
        });
    }
    let open: Result<Vec<_>, String> = tasks.join_all().await.into_iter().collect();
    open.map(drop)
}

/// The memory that stays taken when no more is given back: memory is given back with the next
/// requests, so there are a few before each look. As long as it is more than `most`, there is time.
async fn settled(site: &Site, most: f64) -> f64 {
    let started = Instant::now();
    let (mut least, mut same) = (f64::INFINITY, 0);
    while started.elapsed() < PATIENCE && (same < SETTLED || least > most) {
        site.requests_of_programs().await;
        let rss = process::rss(site.server.target.pid);
        same = if rss < least { 0 } else { same + 1 };
        least = least.min(rss);
        sleep(Duration::from_millis(100)).await;
    }
    least
}
