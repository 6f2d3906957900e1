//! A mixed day: sign-ins, refreshes, introspections and JWKS fetches at once, at a fixed share of
//! what this machine can do.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::load::{self, Ask, Measured, Window};
use crate::operations::{Bench, TRIALS};
use crate::report::{Comparison, Row, median};
use crate::site::{APP_RS256, JWKS, Site};
use crate::stream::stream;

/// The share of the time of this machine that the requests take.
const SHARE: f64 = 0.5;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    SignIn,
    Refresh,
    Introspection,
    Jwks,
}

/// What comes with one sign-in: a refresh every ten minutes of half a working day, ten calls of an
/// API that introspects for each of them, and a fetch of the keys now and then.
const MIX: [(Kind, f64); 4] =
    [(Kind::SignIn, 1.0), (Kind::Refresh, 24.0), (Kind::Introspection, 240.0), (Kind::Jwks, 24.0)];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "password",
            Self::Refresh => "refresh RS256",
            Self::Introspection => "introspect",
            Self::Jwks => "JWKS",
        }
    }

    /// A few sign-ins keep both cores busy, and none is refused.
    fn connections(self) -> usize {
        match self {
            Self::SignIn => 8,
            Self::Refresh | Self::Introspection | Self::Jwks => 32,
        }
    }

    async fn asks(self, site: &Site) -> Vec<Box<dyn Ask>> {
        let connections = self.connections();
        match self {
            Self::SignIn => site.sign_ins().on(connections),
            Self::Refresh => site.families(APP_RS256, "profile", connections).await,
            Self::Introspection => site.introspections().await.on(connections),
            Self::Jwks => {
                let jwks = site.fixed(site.get(JWKS)).await;
                load::Cycle::new(vec![jwks]).on(connections)
            }
        }
    }
}

/// The middle of each kind's trials.
type Rows = BTreeMap<Kind, (Measured, f64, f64)>;

impl Bench {
    /// The latency of each kind on a mixed day, beside that of the kind alone at the same rate.
    pub(crate) async fn day(&mut self, site: &Site, database: &str) {
        const NAME: &str = "mixed day";
        let name = |kind: Kind| format!("{NAME}{database}: p99 of {}", kind.name());
        if !MIX.iter().any(|(kind, _)| self.wants(&name(*kind))) {
            return;
        }
        let rows = self.mixed(site, database).await;
        for (kind, _) in MIX {
            let outcome = rows.as_ref().map_err(Clone::clone).map(|rows| {
                let (measured, value, ratio) = rows[&kind].clone();
                let limit = "p99 of the same requests alone".to_owned();
                (measured, Comparison { limit, value, unit: " ms", ratio })
            });
            self.report.add(Row {
                operation: name(kind),
                connections: Some(kind.connections()),
                outcome,
                by_disk: None,
                target: None,
            });
        }
    }

    async fn mixed(&mut self, site: &Site, database: &str) -> Result<Rows, String> {
        let target = site.server.target;
        // The time that one sign-in and what comes with it take of this machine.
        let mut whole = 0.0;
        for (kind, share) in MIX {
            let (_, alone) = load::closed_loop(target, kind.asks(site).await, self.window).await;
            let rate = alone?.rate;
            self.report.limit(&format!("{} alone, per second{database}", kind.name()), rate);
            whole += share / rate;
        }
        let sign_ins = SHARE / whole;
        self.report.limit(&format!("sign-ins per second of the mixed day{database}"), sign_ins);
        // A p99 needs more requests than a rate does.
        let length = (self.window.length * 3).max(Duration::from_secs_f64(20.0 / sign_ins));
        let window = Window { length, ..self.window };
        let mut trials: BTreeMap<Kind, Vec<_>> = BTreeMap::new();
        for _ in 0..TRIALS {
            let mut limits = BTreeMap::new();
            for (kind, share) in MIX {
                let asks = kind.asks(site).await;
                limits.insert(kind, stream(target, asks, share * sign_ins, window).await?.p99);
            }
            let mut streams = Vec::new();
            for (kind, share) in MIX {
                let asks = kind.asks(site).await;
                streams.push(async move {
                    (kind, stream(target, asks, share * sign_ins, window).await)
                });
            }
            for (kind, measured) in join_all(streams).await {
                let (measured, limit) = (measured?, limits[&kind]);
                let ratio = measured.p99 / limit;
                trials.entry(kind).or_default().push((measured, limit, ratio));
            }
        }
        let middle = trials.into_iter().map(|(kind, mut trials)| {
            trials.sort_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
            (kind, median(&trials))
        });
        Ok(middle.collect())
    }
}
