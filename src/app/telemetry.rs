//! Logs and metrics. Only our own events are logged below `warn`: what libraries say about bytes
//! and headers could hold secrets, so no setting lets it out.

use std::io::IsTerminal;
use std::sync::OnceLock;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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

/// Serves `/metrics` on the admin listener.
pub(super) async fn serve(listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let metrics = || async { METRICS.get().map(PrometheusHandle::render).unwrap_or_default() };
    let stop = async move {
        // The sender is gone only when the server is.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let router = Router::new().route("/metrics", get(metrics));
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the admin listener failed");
    }
}
