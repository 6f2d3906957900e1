//! Two loads that take short turns: what drifts on a machine that others use as well hits both alike.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::{self, Ask, Connection, Measured, Usage, micros, summary};
use crate::operations::Bench;
use crate::process::{self, Stopwatch};
use crate::report::{Comparison, quartiles};

/// How many turns of each side count.
const TURNS: usize = 24;

impl Bench {
    /// The rate of a load beside that of another one, which is the limit of the row.
    pub(crate) async fn rate_beside(
        &mut self,
        name: &str,
        limit: &str,
        mut other: Side,
        mut side: Side,
    ) -> Result<(Measured, Comparison), String> {
        alternate(&mut other, &mut side, self.window.length / 4).await?;
        let [processor, rates] = ratios(&other, &side);
        self.report.spread(format!("{name}: requests a second, beside {limit}"), rates);
        self.report.spread(format!("{name}: CPU for a request, {limit} beside it"), processor);
        let (value, ratio) = (other.measured()?.rate, rates[1]);
        Ok((side.measured()?, Comparison { limit: limit.to_owned(), value, unit: "", ratio }))
    }
}

/// Both take their turns, each of this length.
pub(crate) async fn alternate(
    first: &mut Side,
    second: &mut Side,
    length: Duration,
) -> Result<(), String> {
    for number in 0..=TURNS {
        // A B B A A B B A: neither is always the later one.
        let (one, other) = if number.is_multiple_of(2) {
            (&mut *first, &mut *second)
        } else {
            (&mut *second, &mut *first)
        };
        one.take_turn(length).await?;
        other.take_turn(length).await?;
    }
    Ok(())
}

/// The quartiles of what the pairs of neighbouring turns say: the CPU of the first for a request,
/// divided by that of the second, and the rate of the second divided by that of the first.
pub(crate) fn ratios(first: &Side, second: &Side) -> [[f64; 3]; 2] {
    let pairs = || first.counted().iter().zip(second.counted());
    let processor = pairs().map(|(first, second)| first.each() / second.each()).collect();
    let rates = pairs().map(|(first, second)| second.rate() / first.rate()).collect();
    [quartiles(processor), quartiles(rates)]
}

/// One of the two loads, and the server on which it is.
pub(crate) struct Side {
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
    /// A side that has not had a turn yet: one connection for each of these.
    pub(crate) fn new(server: load::Target, asks: Vec<Box<dyn Ask>>) -> Self {
        Self { server, asks, turns: Vec::new() }
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

    /// What all its turns say together.
    pub(crate) fn measured(&self) -> Result<Measured, String> {
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
