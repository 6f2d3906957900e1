//! An app as a browser sees it: the place that it comes back to.

use axum::Router;
use axum::response::Html;
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

impl Place {
    /// Starts it on a free port.
    pub(super) async fn open() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", socket.local_addr().expect("an address"));
        let router =
            Router::new().route("/callback", get(arrived).post(posted)).route("/bye", get(arrived));
        tokio::spawn(async move { axum::serve(socket, router).await });
        Self { origin }
    }

    /// Where it is come back to.
    pub(super) fn callback(&self) -> String {
        format!("{}/callback", self.origin)
    }

    /// Where it is come back to after signing out.
    pub(super) fn bye(&self) -> String {
        format!("{}/bye", self.origin)
    }
}
