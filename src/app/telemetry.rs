//! Logs and metrics. Only our own events are logged below `warn`: what libraries say about bytes
//! and headers could hold secrets, so no setting lets it out.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use hyper::body::Incoming;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::listener::{Http, Listener};
use super::log_lines::{Json, Text};
use super::log_queue::{Lines, Queue};
use crate::domain::address::TrustedProxies;
use crate::oauth::Issuer;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Logs to standard error, JSON lines, or text for a terminal. For a process that ends soon: it
/// waits until each line is written.
pub fn log(level: LevelFilter) {
    subscribe(level, std::io::stderr);
}

/// The same for a server: nobody who logs waits for whoever reads standard error.
pub fn log_in_background(level: LevelFilter) {
    // Not `std::io::stderr`: its lock would be held as long as nobody reads.
    let stream = std::io::stderr().as_fd().try_clone_to_owned().map(File::from);
    match stream.and_then(Queue::start) {
        Ok(queue) => {
            let queue = Arc::clone(QUEUE.get_or_init(|| queue));
            subscribe(level, move || Lines(Arc::clone(&queue)));
            // Its own way to standard error would wait.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a panic")));
        }
        Err(error) => {
            log(level);
            tracing::warn!(%error, "logs are written without a queue");
        }
    }
}

/// Says a line to people on standard error, in its place among the logs.
pub fn say(line: &str) {
    match QUEUE.get() {
        Some(queue) => queue.push(format!("{line}\n").as_bytes()),
        None => {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}

/// Waits until every line is written, for so long at most.
pub fn flush(at_most: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(at_most);
    }
}

fn subscribe<W>(level: LevelFilter, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        Targets::new().with_target("mapae", level).with_default(LevelFilter::WARN.min(level));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    // A second call finds the first one's subscriber in place.
    let _ = if std::io::stderr().is_terminal() {
        registry.with(lines.compact().map_fmt_fields(Text)).try_init()
    } else {
        registry.with(lines.json().flatten_event(true).map_event_format(Json)).try_init()
    };
}

/// Starts counting.
pub fn count() {
    if METRICS.get().is_none()
        && let Ok(builder) = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)
        && let Ok(handle) = builder.install_recorder()
    {
        describe();
        // Another thread may have been faster; then there is a recorder already.
        let _ = METRICS.set(handle);
    }
}

const DURATION: &str = "mapae_request_duration_seconds";
/// From what comes out of memory to what waited for a database that is down.
const BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Says of every metric what it counts.
fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from a request's headers to its answer's headers, by route and class of status."
    );
    describe_gauge!("mapae_requests_in_flight", "Requests that are being answered now.");
    describe_gauge!("mapae_hashing_waiting", "Passwords that wait for a thread that hashes.");
    describe_gauge!(
        "mapae_database_clock_skew_seconds",
        Unit::Seconds,
        "How far this clock is ahead of the clock of Postgres."
    );
    describe_gauge!("mapae_build_info", "Always 1; the labels say which build runs.");
    describe_counter!("mapae_responses_total", "Answers, by class of status.");
    describe_counter!("mapae_tokens_issued_total", "Successful token requests, by grant type.");
    describe_counter!("mapae_refusals_total", "Errors that the API answered, by their code.");
    describe_counter!("mapae_audit_events_total", "Audit events, by kind.");
    describe_counter!(
        "mapae_log_lines_lost_total",
        "Lines of the log that were dropped, because standard error was not read fast enough."
    );
    describe_counter!(
        "mapae_logout_notices_total",
        "Attempts to tell an app of a sign-out, by whether the app took it."
    );
    describe_counter!(
        "mapae_connections_pushed_out_total",
        "Connections that were closed to make room for others."
    );
}

/// What is looked at only when somebody asks.
fn sample(issuer: &Issuer) {
    metrics::gauge!("mapae_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    let waiting = u32::try_from(issuer.hasher.waiting()).unwrap_or(u32::MAX);
    metrics::gauge!("mapae_hashing_waiting").set(waiting);
}

/// Lets the recorder fold what it has collected.
pub(super) fn upkeep() {
    if let Some(metrics) = METRICS.get() {
        metrics.run_upkeep();
    }
}

/// Who reads metrics comes alone.
const READERS: u32 = 64;
/// For a reader that has not finished when the server stops.
const DEADLINE: Duration = Duration::from_secs(5);

/// Serves `/metrics` on the admin listener.
pub(super) async fn serve(
    socket: TcpListener,
    http: Http,
    issuer: Arc<Issuer>,
    stopped: watch::Receiver<bool>,
) {
    let metrics = move || async move {
        sample(&issuer);
        METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
    };
    let router = Router::new().route("/metrics", get(metrics));
    let http = Http { connections: READERS, ..http };
    let listener = Listener { socket, tls: None, http, proxies: TrustedProxies::default() };
    let answer =
        move |_, request: Request<Incoming>| router.clone().oneshot(request.map(Body::new));
    listener.serve(answer, stopped, DEADLINE).await;
}
