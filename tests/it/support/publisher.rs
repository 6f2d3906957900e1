//! The web server of a client, which publishes documents.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificates::{Pair, acceptor};

/// What is at a path.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// While it is there, nobody gets an answer.
    pub(crate) waits: Option<Arc<Notify>>,
}

impl Published {
    /// A JSON document.
    pub(crate) fn json(body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status: 200, headers, body: body.to_string(), waits: None }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Nothing is there.
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), waits: None }
    }
}

#[derive(Default)]
struct Inner {
    at: HashMap<String, Published>,
    asked: HashMap<String, usize>,
}

/// A web server on loopback.
#[derive(Clone)]
pub(crate) struct Publisher {
    inner: Arc<Mutex<Inner>>,
    base: String,
}

async fn answer(State(publisher): State<Publisher>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let published = {
        let mut inner = publisher.inner.lock().unwrap();
        *inner.asked.entry(path.clone()).or_default() += 1;
        inner.at.get(&path).cloned().unwrap_or_else(|| Published::status(404))
    };
    if let Some(until) = &published.waits {
        until.notified().await;
    }
    let mut response = Response::builder().status(published.status);
    for (name, value) in &published.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(published.body)).unwrap()
}

/// Accepts connections with TLS.
struct TlsListener {
    socket: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.socket.accept().await.expect("a connection");
            // Who does not trust the certificate goes away.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.socket.local_addr()
    }
}

impl Publisher {
    pub(crate) async fn start() -> Self {
        let (socket, publisher) = Self::bind("http").await;
        let router = Router::new().fallback(answer).with_state(publisher.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        publisher
    }

    /// The same over https, with a certificate for 127.0.0.1.
    pub(crate) async fn start_with_tls(pair: &Pair) -> Self {
        let (socket, publisher) = Self::bind("https").await;
        let router = Router::new().fallback(answer).with_state(publisher.clone());
        let listener = TlsListener { socket, acceptor: acceptor(pair) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        publisher
    }

    async fn bind(scheme: &str) -> (TcpListener, Self) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("{scheme}://{}", socket.local_addr().unwrap());
        (socket, Self { inner: Arc::default(), base })
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Publishes something at a path.
    pub(crate) fn publish(&self, path: &str, published: Published) {
        self.inner.lock().unwrap().at.insert(path.to_owned(), published);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.inner.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }
}
