//! The listener: connections are bounded in number, their headers in time.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::web::edge::Edge;

/// The most connections at once; more wait in the queue of the operating system.
const CONNECTIONS: usize = 10_000;
/// The longest that the headers of a request may take, and that a connection may idle.
const HEADERS: Duration = Duration::from_secs(30);
/// After the listener cannot accept (no more file descriptors), the time before it tries again.
const RESPITE: Duration = Duration::from_millis(100);

/// Serves until told to stop; then finishes what runs, within the deadline.
pub(super) async fn serve(
    listener: TcpListener,
    edge: Edge,
    mut stopped: watch::Receiver<bool>,
    deadline: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
    let graceful = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(RESPITE).await;
                continue;
            }
        };
        // Without it small answers wait for acknowledgements; a socket that refuses is slow, not broken.
        let _ = stream.set_nodelay(true);
        let edge = edge.clone();
        let service = service_fn(move |request| edge.call(peer, request));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish before the deadline");
    }
}
