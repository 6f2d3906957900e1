//! What a request costs beside what it cost in an earlier version. Two servers take short turns: what
//! drifts on a machine that others use as well hits both alike.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::{self, Ask, Connection, Measured, Usage, micros, summary};
use crate::operations::{Bench, Load, OPERATIONS, Operation};
use crate::process::{self, Stopwatch};
use crate::report::{Comparison, Row, Target, quartiles};
use crate::server::Home;
use crate::site::Site;

const CONNECTIONS: usize = 32;
/// How many turns of each server count.
const TURNS: usize = 24;
/// What the earlier version had already.
const COMPARED: [&str; 5] = [
    "refresh RS256",
    "client_credentials RS256",
    "client_credentials ES256",
    "password",
    "introspect",
];

impl Bench {
    /// Operations beside the same at a server of an earlier version, where its binary is named.
    pub(crate) async fn before(&mut self) {
        let Some(binary) = std::env::var_os("MAPAE_BENCH_BEFORE") else { return };
        let name = |operation: &Operation| format!("{}, before", operation.name);
        let wanted: Vec<_> = OPERATIONS
            .iter()
            .filter(|operation| COMPARED.contains(&operation.name))
            .filter(|operation| self.wants(&name(operation)))
            .collect();
        if wanted.is_empty() {
            return;
        }
        // The server runs in a folder of its own, where a relative path leads nowhere.
        let binary = std::fs::canonicalize(&binary)
            .unwrap_or_else(|error| panic!("MAPAE_BENCH_BEFORE: {}: {error}", binary.display()));
        let home = |folder: &str| Home::new(&self.folder.path().join(folder));
        let before = Site::set_up_by_commands(home("before").run_by(binary)).await;
        let now = Site::set_up_by_commands(home("now")).await;
        for operation in wanted {
            let name = name(operation);
            let outcome = self.in_turns(&name, operation.load, &before, &now).await;
            let by_disk = self.by_disk(operation, CONNECTIONS);
            self.report.add(Row {
                operation: name,
                connections: Some(CONNECTIONS),
                outcome,
                by_disk,
                target: Some(Target::AtLeast(0.98)),
            });
        }
    }

    async fn in_turns(
        &mut self,
        name: &str,
        load: Load,
        before: &Site,
        now: &Site,
    ) -> Result<(Measured, Comparison), String> {
        let (mut before, mut now) = (Side::new(before, load).await, Side::new(now, load).await);
        let length = self.window.length / 4;
        for number in 0..=TURNS {
            // A B B A A B B A: neither is always the later one.
            let order = if number.is_multiple_of(2) {
                [&mut before, &mut now]
            } else {
                [&mut now, &mut before]
            };
            for side in order {
                side.take_turn(length).await?;
            }
        }
        let pairs = || before.counted().iter().zip(now.counted());
        let processor = pairs().map(|(before, now)| before.each() / now.each()).collect();
        let rates = pairs().map(|(before, now)| now.rate() / before.rate()).collect();
        let (processor, rates) = (quartiles(processor), quartiles(rates));
        self.report.spread(format!("{name}: CPU for a request, before / now"), processor);
        self.report.spread(format!("{name}: requests a second, now / before"), rates);
        let limit = format!("CPU before (requests a second, now / before: {:.3})", rates[1]);
        let (value, ratio) = (before.measured()?.cpu, processor[1]);
        Ok((now.measured()?, Comparison { limit, value, unit: " µs", ratio }))
    }
}

/// One of the two servers.
struct Side {
    server: load::Target,
    asks: Vec<Box<dyn Ask>>,
    turns: Vec<Turn>,
}

/// A turn, with everything that was asked in it.
struct Turn {
    latencies: Vec<u32>,
    length: Duration,
    cpu: Duration,
    own_cpu: Duration,
}

impl Turn {
    /// The seconds of CPU for a request.
    fn each(&self) -> f64 {
        self.cpu.as_secs_f64() / self.latencies.len() as f64
    }

    /// Requests per second.
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.length.as_secs_f64()
    }
}

impl Side {
    async fn new(site: &Site, load: Load) -> Self {
        let asks = load.asks(site, CONNECTIONS).await;
        Self { server: site.server.target, asks, turns: Vec::new() }
    }

    /// Nothing is asked of the server before it and after it, so what it works meanwhile is all for
    /// these requests, and no part of them is left out.
    async fn take_turn(&mut self, length: Duration) -> Result<(), String> {
        let server = self.server;
        let mut opening = JoinSet::new();
        for mut ask in self.asks.drain(..) {
            opening.spawn(async move {
                let connection = Connection::open(server.address).await;
                let mut connection = connection.map_err(|error| error.to_string())?;
                connection.ask(&mut *ask).await?;
                Ok::<_, String>((connection, ask))
            });
        }
        let open: Result<Vec<_>, String> = opening.join_all().await.into_iter().collect();
        let open = open?;

        let (cpu, own) = (Stopwatch::start(server.pid), Stopwatch::start(std::process::id()));
        let started = Instant::now();
        let mut asking = JoinSet::new();
        for (mut connection, mut ask) in open {
            asking.spawn(async move {
                let mut latencies = Vec::new();
                while started.elapsed() < length {
                    let asked = Instant::now();
                    connection.ask(&mut *ask).await?;
                    latencies.push(micros(asked.elapsed()));
                }
                // It is closed when the time is taken.
                Ok::<_, String>((connection, ask, latencies))
            });
        }
        let done = asking.join_all().await;
        let (length, cpu, own_cpu) = (started.elapsed(), cpu.read(), own.read());
        if cpu.is_zero() {
            return Err("this kernel does not say how long a thread ran".to_owned());
        }
        let mut latencies = Vec::new();
        for one in done {
            let (_connection, ask, some) = one?;
            self.asks.push(ask);
            latencies.extend(some);
        }
        self.turns.push(Turn { latencies, length, cpu, own_cpu });
        Ok(())
    }

    /// All turns but the first, in which memory, connections of the database and much else are new.
    fn counted(&self) -> &[Turn] {
        &self.turns[1..]
    }

    fn measured(&self) -> Result<Measured, String> {
        let all = self.counted();
        let latencies = all.iter().flat_map(|turn| &turn.latencies).copied().collect();
        let usage = Usage {
            cpu: all.iter().map(|turn| turn.cpu).sum(),
            own_cpu: all.iter().map(|turn| turn.own_cpu).sum(),
            rss: process::rss(self.server.pid),
        };
        summary(latencies, all.iter().map(|turn| turn.length).sum(), &usage)
    }
}
