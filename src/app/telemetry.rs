//! Logs and metrics. Only our own events are logged below `warn`: what libraries say about bytes
//! and headers could hold secrets, so no setting lets it out.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use hyper::body::Incoming;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::config::Http;
use super::listener::Listener;
use crate::domain::address::TrustedProxies;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Writes logs to standard error: JSON lines, or text for a terminal.
pub fn log(level: LevelFilter) {
    let filter =
        Targets::new().with_target("mapae", level).with_default(LevelFilter::WARN.min(level));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    // A second call finds the first one's subscriber in place.
    let _ = if std::io::stderr().is_terminal() {
        registry.with(lines.compact()).try_init()
    } else {
        registry.with(lines.json().flatten_event(true)).try_init()
    };
}

/// Starts counting.
pub fn count() {
    if METRICS.get().is_none()
        && let Ok(handle) = PrometheusBuilder::new().install_recorder()
    {
        // Another thread may have been faster; then there is a recorder already.
        let _ = METRICS.set(handle);
    }
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
pub(super) async fn serve(socket: TcpListener, http: Http, stopped: watch::Receiver<bool>) {
    let metrics = || async { METRICS.get().map(PrometheusHandle::render).unwrap_or_default() };
    let router = Router::new().route("/metrics", get(metrics));
    let http = Http { connections: READERS, ..http };
    let listener = Listener { socket, tls: None, http, proxies: TrustedProxies::default() };
    let answer =
        move |_, request: Request<Incoming>| router.clone().oneshot(request.map(Body::new));
    listener.serve(answer, stopped, DEADLINE).await;
}
