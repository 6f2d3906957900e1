//! The operations, each with what bounds it and how near to that it is to come.

use std::path::Path;

use tempfile::TempDir;

use crate::bare::Bare;
use crate::limits;
use crate::load::{self, Ask, Cycle, Fixed, Measured, Window};
use crate::report::{Comparison, Report, Row, Target, median};
use crate::server::Home;
use crate::site::{APP_ES256, APP_RS256, DISCOVERY, JWKS, SERVICE_ES256, SERVICE_RS256, Site};

/// How many rotations one commit carries at most, with 32 connections of which half wait.
const GROUP: usize = 16;

/// How often a row is measured.
pub(crate) const TRIALS: usize = 3;

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) load: Load,
    bound: Bound,
    /// How much of the limit one request takes.
    pub(crate) share: f64,
    /// The least ratio with 32 connections.
    target: f64,
    /// The same on Postgres.
    pub(crate) on_postgres: f64,
}

#[derive(Clone, Copy)]
pub(crate) enum Load {
    Refresh {
        client: &'static str,
        scope: &'static str,
    },
    ClientCredentials {
        client: &'static str,
    },
    Password,
    Introspect,
    Get {
        path: &'static str,
    },
    /// What changes while it is asked for.
    Poll {
        path: &'static str,
    },
}

impl Load {
    pub(crate) async fn asks(self, site: &Site, connections: usize) -> Vec<Box<dyn Ask>> {
        let cycle = match self {
            Self::Refresh { client, scope } => {
                return site.families(client, scope, connections).await;
            }
            Self::ClientCredentials { client } => {
                let request = site.client_credentials(client);
                Cycle::new(vec![Fixed { request, body: None }])
            }
            Self::Password => site.sign_ins(),
            Self::Introspect => site.introspections().await,
            Self::Poll { path } => Cycle::new(vec![Fixed { request: site.get(path), body: None }]),
            Self::Get { path } => Cycle::new(vec![site.fixed(site.get(path)).await]),
        };
        cycle.on(connections)
    }
}

#[derive(Clone, Copy)]
enum Bound {
    Rsa,
    Argon2id,
    /// An exchange over HTTP, a P-256 signature and a rotation.
    Parts,
    BareAxum,
}

pub(crate) const OPERATIONS: [Operation; 9] = [
    Operation {
        name: "refresh RS256",
        load: Load::Refresh { client: APP_RS256, scope: "profile" },
        bound: Bound::Rsa,
        share: 1.0,
        target: 0.75,
        on_postgres: 0.6,
    },
    Operation {
        name: "refresh RS256 + id_token",
        load: Load::Refresh { client: APP_RS256, scope: "openid+profile" },
        bound: Bound::Rsa,
        share: 2.0,
        target: 0.75,
        on_postgres: 0.6,
    },
    Operation {
        name: "refresh ES256",
        load: Load::Refresh { client: APP_ES256, scope: "profile" },
        bound: Bound::Parts,
        share: 1.0,
        target: 0.35,
        on_postgres: 0.35,
    },
    Operation {
        name: "client_credentials RS256",
        load: Load::ClientCredentials { client: SERVICE_RS256 },
        bound: Bound::Rsa,
        share: 1.0,
        target: 0.85,
        on_postgres: 0.85,
    },
    Operation {
        name: "client_credentials ES256",
        load: Load::ClientCredentials { client: SERVICE_ES256 },
        bound: Bound::BareAxum,
        share: 1.0,
        target: 0.25,
        on_postgres: 0.25,
    },
    Operation {
        name: "password",
        load: Load::Password,
        bound: Bound::Argon2id,
        share: 1.0,
        target: 0.90,
        on_postgres: 0.90,
    },
    Operation {
        name: "introspect",
        load: Load::Introspect,
        bound: Bound::BareAxum,
        share: 1.0,
        target: 0.10,
        on_postgres: 0.10,
    },
    Operation {
        name: "JWKS",
        load: Load::Get { path: JWKS },
        bound: Bound::BareAxum,
        share: 1.0,
        target: 0.80,
        on_postgres: 0.80,
    },
    Operation {
        name: "discovery",
        load: Load::Get { path: DISCOVERY },
        bound: Bound::BareAxum,
        share: 1.0,
        target: 0.80,
        on_postgres: 0.80,
    },
];

/// A poll of a status list, which is another one every fifteen seconds.
pub(crate) const POLL: Operation = Operation {
    name: "status list, a million live tokens",
    load: Load::Poll { path: "/status/1" },
    bound: Bound::BareAxum,
    share: 1.0,
    target: 0.80,
    on_postgres: 0.80,
};

/// The limit of one operation, ready to be measured.
enum Limit {
    Rsa { cores: usize },
    Argon2id { cores: usize },
    Parts { bare: Bare, request: Cycle, connections: usize },
    BareAxum { bare: Bare, request: Cycle, connections: usize },
}

impl Limit {
    async fn prepare(
        operation: &Operation,
        site: &Site,
        folder: &Path,
        asks: &mut [Box<dyn Ask>],
    ) -> Self {
        let connections = asks.len();
        let cores = connections.min(2);
        match operation.bound {
            Bound::Rsa => Self::Rsa { cores },
            Bound::Argon2id => Self::Argon2id { cores },
            Bound::Parts | Bound::BareAxum => {
                let mut request = Vec::new();
                asks[0].write(&mut request);
                let (bare, request) = Bare::of(site, folder, request).await;
                match operation.bound {
                    Bound::Parts => Self::Parts { bare, request, connections },
                    _ => Self::BareAxum { bare, request, connections },
                }
            }
        }
    }

    fn name(&self, operation: &Operation) -> String {
        match self {
            Self::Rsa { cores } => format!("RSA-2048 signatures/s, cores: {cores}"),
            Self::Argon2id { cores } => argon2id_name(*cores),
            Self::Parts { connections, .. } => {
                format!("bare axum, P-256 signature and SQLite rotation together × {connections}")
            }
            Self::BareAxum { connections, .. } => {
                format!("bare axum, {} × {connections}", operation.name)
            }
        }
    }

    async fn measure(
        &self,
        folder: &Path,
        window: Window,
        report: &mut Report,
    ) -> Result<f64, String> {
        let length = window.length;
        match self {
            Self::Rsa { cores } => Ok(limits::rsa_2048(*cores, length)),
            Self::Argon2id { cores } => Ok(limits::argon2id_hashes(*cores, length)),
            Self::Parts { bare, request, connections } => {
                let (cores, group) = ((*connections).min(2), (*connections).min(GROUP));
                let rotations = limits::durable_rotations(folder, group, length / 2);
                report.limit(&format!("SQLite rotations/s, {group} a commit"), rotations);
                let signatures = limits::p_256(cores, length / 4);
                report.limit(&format!("P-256 signatures/s, cores: {cores}"), signatures);
                let exchanges = exchanges(bare, request, *connections, window).await?;
                report.limit(&format!("bare axum, refresh ES256 × {connections}"), exchanges);
                // One thread writes, while the others have the rest of the cores.
                let rotations = rotations * cores as f64;
                Ok(1.0 / (1.0 / exchanges + 1.0 / signatures + 1.0 / rotations))
            }
            Self::BareAxum { bare, request, connections } => {
                exchanges(bare, request, *connections, window).await
            }
        }
    }
}

/// Exchanges per second with a bare axum.
pub(crate) async fn exchanges(
    bare: &Bare,
    request: &Cycle,
    connections: usize,
    window: Window,
) -> Result<f64, String> {
    let asks = request.on(connections);
    let (_, measured) = load::closed_loop(bare.target, asks, window).await;
    measured.map(|measured| measured.rate)
}

pub(crate) fn argon2id_name(cores: usize) -> String {
    format!("Argon2id hashes/s, cores: {cores}")
}

/// A run of the whole.
pub(crate) struct Bench {
    filter: String,
    pub(crate) postgres: Option<String>,
    pub(crate) window: Window,
    pub(crate) report: Report,
    /// In the build folder and not in the temporary one, which may be memory: what is measured is
    /// durable.
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new(filter: String, window: Window, postgres: Option<String>) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { filter, postgres, window, report: Report::default(), folder }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    pub(crate) async fn run(mut self) -> Report {
        self.first_start().await;
        let site = Site::set_up(Home::new(&self.folder.path().join("site"))).await;
        self.idle_memory(&site).await;
        self.memory_given_back().await;
        for operation in &OPERATIONS {
            if self.wants(operation.name) {
                self.operation(&site, operation, 32, "").await;
                self.operation(&site, operation, 1, "").await;
            }
        }
        self.status_list(&site).await;
        self.one_time_codes(&site).await;
        self.proofs(&site, "").await;
        self.groups(&site, "").await;
        self.growth(&site, "").await;
        self.people("").await;
        self.month("").await;
        self.before().await;
        self.on_postgres().await;
        self.day(&site, "").await;
        self.jwks_beside_sign_ins(&site).await;
        self.overload(&site).await;
        self.later_start(site).await;
        self.report
    }

    pub(crate) async fn operation(
        &mut self,
        site: &Site,
        operation: &Operation,
        connections: usize,
        database: &str,
    ) {
        let outcome = self.trials(site, operation, connections).await;
        let by_disk = self.by_disk(operation, connections);
        let target = if database.is_empty() { operation.target } else { operation.on_postgres };
        self.report.add(Row {
            operation: format!("{}{database}", operation.name),
            connections: Some(connections),
            outcome,
            by_disk,
            target: (connections > 1).then_some(Target::AtLeast(target)),
        });
    }

    /// What this disk allows of an operation that makes each request durable.
    pub(crate) fn by_disk(&mut self, operation: &Operation, connections: usize) -> Option<f64> {
        matches!(operation.load, Load::Refresh { .. }).then(|| self.rotations_by_disk(connections))
    }

    /// How many rotations in a second this disk allows: its commits, times what each carries at most.
    pub(crate) fn rotations_by_disk(&mut self, connections: usize) -> f64 {
        let commits = limits::disk_commits(self.folder.path(), self.window.length / 4);
        self.report.limit("commits/s of this disk", commits);
        commits * connections.min(GROUP) as f64
    }

    async fn trials(
        &mut self,
        site: &Site,
        operation: &Operation,
        connections: usize,
    ) -> Result<(Measured, Comparison), String> {
        let folder = self.folder.path();
        let mut asks = operation.load.asks(site, connections).await;
        let limit = Limit::prepare(operation, site, folder, &mut asks).await;
        let name = limit.name(operation);
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            if let Load::ClientCredentials { client: SERVICE_ES256 } = operation.load {
                let cores = connections.min(2);
                let value = limits::p_256(cores, self.window.length / 4);
                self.report.limit(&format!("P-256 signatures/s, cores: {cores}"), value);
            }
            let value = limit.measure(folder, self.window, &mut self.report).await?;
            self.report.limit(&name, value);
            let measured;
            (asks, measured) = load::closed_loop(site.server.target, asks, self.window).await;
            let measured = measured?;
            let ratio = measured.rate * operation.share / value;
            trials.push((measured, value, ratio));
        }
        trials.sort_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
        let (measured, value, ratio) = median(&trials);
        let limit = if operation.share > 1.0 { format!("half of {name}") } else { name };
        Ok((measured, Comparison { limit, value: value / operation.share, unit: "", ratio }))
    }
}
