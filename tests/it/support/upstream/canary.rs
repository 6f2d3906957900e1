//! An address that must never be called.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that counts requests that must never arrive.
pub(crate) struct Canary {
    count: Arc<AtomicUsize>,
    url: String,
    task: JoinHandle<()>,
}

impl Canary {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/canary", socket.local_addr().expect("an address"));
        let count = Arc::<AtomicUsize>::default();
        let router = Router::new().fallback(hear).with_state(Arc::clone(&count));
        let task = tokio::spawn(async move { axum::serve(socket, router).await.expect("served") });
        Self { count, url, task }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The number of requests that arrived.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(State(count): State<Arc<AtomicUsize>>) {
    count.fetch_add(1, Ordering::SeqCst);
}
