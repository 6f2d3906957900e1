//! What must stay within bounds: starting, memory, overload, and reading beside signing in.

use std::time::Duration;

use tokio::time::sleep;

use crate::bare::Bare;
use crate::load::{self, Measured, Window};
use crate::operations::{Bench, TRIALS, argon2id_name};
use crate::report::{Comparison, Row, Target, median};
use crate::server::Home;
use crate::site::{JWKS, Site};
use crate::{limits, process};

const STARTS: usize = 5;

/// For so many seconds in a row memory must not become less until it counts as settled.
const SETTLED: u32 = 5;

/// The memory of a server without work, in MB. What it keeps in case more work comes is given back
/// after some seconds.
async fn settled(pid: u32) -> f64 {
    let (mut least, mut same) = (process::rss(pid), 0);
    while same < SETTLED {
        sleep(Duration::from_secs(1)).await;
        let rss = process::rss(pid);
        same = if rss < least { 0 } else { same + 1 };
        least = least.min(rss);
    }
    least
}

impl Bench {
    /// The very first start: migrations and keys.
    pub(crate) async fn first_start(&mut self) {
        const NAME: &str = "very first start";
        if !self.wants(NAME) {
            return;
        }
        let mut times = Vec::new();
        for number in 0..STARTS {
            let home = Home::new(&self.folder.path().join(format!("first-{number}")));
            times.push(home.start().await.1);
        }
        self.started(NAME, times, 1000.0);
    }

    /// Starts with the database that all rows left behind, after a stop without notice.
    pub(crate) async fn later_start(&mut self, site: Site) {
        const NAME: &str = "start";
        if !self.wants(NAME) {
            return;
        }
        let Site { home, server, .. } = site;
        drop(server);
        let mut times = Vec::new();
        for _ in 0..STARTS {
            times.push(home.start().await.1);
        }
        self.started(NAME, times, 50.0);
    }

    fn started(&mut self, name: &str, mut times: Vec<Duration>, limit: f64) {
        times.sort();
        let p50 = median(&times).as_secs_f64() * 1000.0;
        self.bound(name, Measured { p50, ..Measured::NOTHING }, p50, (limit, " ms"));
    }

    /// The memory that the first requests leave taken.
    pub(crate) async fn idle_memory(&mut self, site: &Site) {
        const NAME: &str = "idle after the first requests";
        if !self.wants(NAME) {
            return;
        }
        site.first_requests().await;
        let rss = settled(site.server.target.pid).await;
        self.bound(NAME, Measured { rss, ..Measured::NOTHING }, rss, (20.0, " MB"));
    }

    fn bound(&mut self, name: &str, measured: Measured, found: f64, limit: (f64, &'static str)) {
        let (value, unit) = limit;
        let ratio = Comparison { limit: "at most".to_owned(), value, unit, ratio: found / value };
        self.report.add(Row {
            operation: name.to_owned(),
            connections: None,
            outcome: Ok((measured, ratio)),
            by_disk: None,
            target: Some(Target::AtMost(1.0)),
        });
    }

    /// How long the last of a crowd waits for its answer, sign-in or refusal.
    pub(crate) async fn overload(&mut self, site: &Site) {
        const CROWD: u8 = 255;
        const NAME: &str = "password, overload: slowest answer";
        const BOUND: f64 = 2000.0;
        if !self.wants(NAME) {
            return;
        }
        let (statuses, measured) =
            load::storm(site.server.target, &site.sign_ins(), CROWD, self.window).await;
        let outcome = measured.map(|measured| {
            let limit = format!("at most (answers by status: {statuses:?})");
            let ratio = measured.max / BOUND;
            (measured, Comparison { limit, value: BOUND, unit: " ms", ratio })
        });
        self.report.add(Row {
            operation: NAME.to_owned(),
            connections: Some(CROWD.into()),
            outcome,
            by_disk: None,
            target: Some(Target::AtMost(1.0)),
        });
    }

    /// What sign-ins do to those who only read.
    pub(crate) async fn jwks_beside_sign_ins(&mut self, site: &Site) {
        const NAME: &str = "JWKS p99 beside sign-ins";
        if !self.wants(NAME) {
            return;
        }
        let outcome = self.beside_sign_ins(site).await;
        self.report.add(Row {
            operation: NAME.to_owned(),
            connections: Some(4),
            outcome,
            by_disk: None,
            target: Some(Target::AtMost(1.5)),
        });
    }

    async fn beside_sign_ins(&mut self, site: &Site) -> Result<(Measured, Comparison), String> {
        /// Of what both cores can hash.
        const SHARE: f64 = 0.45;
        let window = Window { length: self.window.length * 3 / 2, ..self.window };
        let (bare, jwks) = Bare::hashing(site, self.folder.path(), site.get(JWKS)).await;
        let sign_ins = site.sign_ins();
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            let hashes = limits::argon2id_hashes(2, self.window.length);
            self.report.limit(&argon2id_name(2), hashes);
            let rate = hashes * SHARE;
            let limit =
                load::beside(bare.target, jwks.on(4), sign_ins.clone(), rate, window).await?.p99;
            self.report.limit("JWKS p99 in ms beside sign-ins, bare axum", limit);
            let measured =
                load::beside(site.server.target, jwks.on(4), sign_ins.clone(), rate, window)
                    .await?;
            let ratio = measured.p99 / limit;
            trials.push((measured, limit, ratio));
        }
        trials.sort_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
        let (measured, value, ratio) = median(&trials);
        let limit = "the same on bare axum with two hashing threads".to_owned();
        Ok((measured, Comparison { limit, value, unit: " ms", ratio }))
    }
}
