//! Opens listeners, and serves on them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::services::Services;
use crate::domain::verdict::{Fault, OrRejected, reject};
use crate::net::listener::Listener;
use crate::web::edge::Edge;

/// Listens at the address of this setting.
pub(super) async fn bind(setting: &str, address: SocketAddr) -> OrRejected<TcpListener> {
    TcpListener::bind(address)
        .await
        .or_else(|error| reject(format!("{setting}: cannot listen on {address}: {error}")))
}

/// The address of a listener.
pub(super) fn local(listener: &TcpListener) -> Result<SocketAddr, Fault> {
    listener.local_addr().map_err(|error| Fault::internal("asking for the own address", error))
}

/// Serves on a listener. It waits for its supervised task, and at the end for connections that are
/// still open.
pub(super) fn serve(
    listener: Listener,
    edge: Edge,
    services: &Services,
    stopped: watch::Receiver<bool>,
    deadline: Duration,
) -> JoinHandle<()> {
    let supervisor = services.supervisor.clone();
    let answer = move |peer, request| edge.call(peer, request);
    tokio::spawn(async move {
        listener.serve(&supervisor, answer, stopped, deadline).await;
    })
}
