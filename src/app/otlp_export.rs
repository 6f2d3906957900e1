//! Sends traces and metrics to a collector (OpenTelemetry Protocol over HTTP). Nothing waits for
//! the collector: what it does not take in time is dropped and counted.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, timeout};

use super::otlp::Otlp;
use super::otlp_messages::{self, Origin, Signal};
use super::services::Services;
use super::telemetry;
use crate::domain::verdict::{OrRejected, reject};
use crate::outbound::OperatorClient;
use crate::runtime::spans::{self, Span};
use crate::runtime::supervisor::Need;

/// The longest time of a message to the collector.
const MESSAGE: Duration = Duration::from_secs(5);
/// The time in which spans are gathered for one message.
const GATHERED: Duration = Duration::from_millis(200);
/// The most spans in one message.
const SPANS: usize = 512;
/// The time between two messages with metrics.
const METRICS: Duration = Duration::from_secs(15);
/// The longest that a stop waits for the last messages.
const LAST: Duration = Duration::from_secs(1);

/// What sends traces and metrics.
#[derive(Debug)]
pub(super) struct Export {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Export {
    /// Begins to send, if there is a collector.
    pub(super) fn start(
        otlp: &Otlp,
        ca_file: Option<&Path>,
        services: &Arc<Services>,
    ) -> OrRejected<Option<Self>> {
        let Some(endpoint) = otlp.endpoint.clone() else { return Ok(None) };
        let client = OperatorClient::new(ca_file, MESSAGE);
        let client = client.or_else(|unusable| reject(unusable.to_string()))?;
        let collector = Collector { client, endpoint, origin: Arc::new(Origin::here()) };
        let (stop, stopped) = watch::channel(false);
        // Spans are kept from here on.
        drop(spans::keep());
        let supervisor = &services.supervisor;
        let traces = {
            let (collector, stopped) = (collector.clone(), stopped.clone());
            supervisor.start("sending traces", Need::Beside, move || {
                send_traces(collector.clone(), stopped.clone())
            })
        };
        let metrics = {
            let services = Arc::clone(services);
            supervisor.start("sending metrics", Need::Beside, move || {
                send_metrics(collector.clone(), Arc::clone(&services), stopped.clone())
            })
        };
        Ok(Some(Self { stop, tasks: vec![traces, metrics] }))
    }

    /// Sends what waits, and ends. It waits for the collector a second at most.
    pub(super) async fn stop(self) {
        // Without a receiver, both have already ended.
        let _ = self.stop.send(true);
        let aborts: Vec<_> = self.tasks.iter().map(JoinHandle::abort_handle).collect();
        if timeout(LAST, futures_util::future::join_all(self.tasks)).await.is_err() {
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

/// The collector, and what every message to it says about this process.
#[derive(Clone, Debug)]
struct Collector {
    client: OperatorClient,
    endpoint: String,
    origin: Arc<Origin>,
}

impl Collector {
    /// Sends a message. The error says why the collector did not take it.
    async fn send(&self, signal: Signal, message: Vec<u8>) -> Result<(), String> {
        let request = http::Request::post(format!("{}{}", self.endpoint, signal.path()))
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(message)
            .map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
    }
}

/// Whether the last message of a kind was taken, so that the log tells of a change only.
#[derive(Debug)]
struct Line {
    signal: Signal,
    is_taken: bool,
}

impl Line {
    fn new(signal: Signal) -> Self {
        Self { signal, is_taken: true }
    }

    async fn send(&mut self, collector: &Collector, message: Vec<u8>) -> bool {
        let sent = collector.send(self.signal, message).await;
        let (was_taken, is_taken) = (self.is_taken, sent.is_ok());
        self.is_taken = is_taken;
        self.signal.messages(is_taken).increment(1);
        let (signal, endpoint) = (self.signal.as_str(), &collector.endpoint);
        match sent {
            Err(cause) if was_taken => {
                tracing::warn!(signal, endpoint, cause, "the collector does not take what is sent");
            }
            Ok(()) if !was_taken => tracing::info!(signal, endpoint, "the collector takes again"),
            _ => {}
        }
        is_taken
    }
}

async fn send_traces(collector: Collector, mut stopped: watch::Receiver<bool>) {
    let spans = spans::keep();
    let mut spans = spans.lock().await;
    let mut line = Line::new(Signal::Traces);
    let mut batch = Vec::new();
    let mut ends = false;
    while !ends {
        tokio::select! {
            _ = spans.recv_many(&mut batch, SPANS) => {}
            _ = stopped.wait_for(|stopped| *stopped) => ends = true,
        }
        if !ends && batch.len() < SPANS {
            tokio::select! {
                () = tokio::time::sleep(GATHERED) => {}
                _ = stopped.wait_for(|stopped| *stopped) => ends = true,
            }
        }
        // At the end, as much as waits now.
        while fill(&mut batch, &mut spans) {
            let taken = std::mem::take(&mut batch);
            let count = taken.len();
            let message = otlp_messages::traces(&collector.origin, taken);
            if !line.send(&collector, message).await {
                spans::lost(count);
            }
            if !ends {
                break;
            }
        }
    }
}

/// Fills a batch with what waits. `false`: it is empty.
fn fill(batch: &mut Vec<Span>, spans: &mut mpsc::Receiver<Span>) -> bool {
    while batch.len() < SPANS
        && let Ok(span) = spans.try_recv()
    {
        batch.push(span);
    }
    !batch.is_empty()
}

async fn send_metrics(
    collector: Collector,
    services: Arc<Services>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut line = Line::new(Signal::Metrics);
    let mut ticks = tokio::time::interval(METRICS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ends = false;
    while !ends {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => ends = true,
        }
        let Some(text) = telemetry::measured(&services) else { return };
        let message = otlp_messages::metrics(&collector.origin, &text);
        line.send(&collector, message).await;
    }
}
