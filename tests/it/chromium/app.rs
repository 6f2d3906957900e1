//! An app as a browser sees it: the page at its redirect URI.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::{Html, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;

/// A running app.
pub(super) struct Place {
    /// Its origin.
    pub(super) origin: String,
}

async fn arrived() -> Html<&'static str> {
    Html("<!doctype html><html lang=en><title>App</title><h1 id=arrived>Back at the app</h1>")
}

async fn posted(body: String) -> Html<String> {
    let plain = body.replace('&', "\n");
    let page =
        "<!doctype html><html lang=en><title>App</title><h1 id=arrived>Posted</h1><pre id=posted>";
    Html(format!("{page}{plain}</pre>"))
}

/// Sends everybody on to another origin, as a broker does: `localhost` is another one than
/// `127.0.0.1`.
async fn broker(headers: HeaderMap, RawQuery(query): RawQuery, body: String) -> Redirect {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).expect("a host");
    let (_, port) = host.rsplit_once(':').expect("a port");
    let query = query.unwrap_or(body);
    Redirect::to(&format!("http://localhost:{port}/landed?{query}"))
}

/// Opens a window at the address in its query, and shows what that window says in the end.
const OPENER: &str = "<!doctype html><html lang=en><title>App</title>\
    <button id=opens onclick=\"window.open(decodeURIComponent(location.search.slice(1)))\">Sign in</button>\
    <pre id=told></pre>\
    <script>addEventListener('message', event => { told.textContent = event.data })</script>";

/// Says to whoever opened it what it was told.
const OPENED: &str = "<!doctype html><html lang=en><title>App</title><p id=arrived>Back</p>\
    <script>opener.postMessage(location.search, '*')</script>";

impl Place {
    /// Starts it on a free port.
    pub(super) async fn open() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", socket.local_addr().expect("an address"));
        let router =
            Router::new().route("/callback", get(arrived).post(posted)).route("/bye", get(arrived));
        let router = router
            .route("/broker", get(broker).post(broker))
            .route("/landed", get(arrived))
            .route("/opener", get(async || Html(OPENER)))
            .route("/opened", get(async || Html(OPENED)));
        tokio::spawn(async move { axum::serve(socket, router).await });
        Self { origin }
    }

    /// Where it is come back to.
    pub(super) fn callback(&self) -> String {
        format!("{}/callback", self.origin)
    }

    /// Where it sends everybody on to another origin.
    pub(super) fn broker(&self) -> String {
        format!("{}/broker", self.origin)
    }

    /// Where they end who were sent on.
    pub(super) fn landed(&self) -> String {
        format!("{}/landed", self.origin.replace("127.0.0.1", "localhost"))
    }

    /// Where it is come back to after signing out.
    pub(super) fn bye(&self) -> String {
        format!("{}/bye", self.origin)
    }
}
