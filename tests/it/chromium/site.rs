//! A folder of `tests/clients`, served at an origin of its own.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

/// A place that has a name already, and is not served yet.
pub(super) struct Site {
    /// Its origin.
    pub(super) origin: String,
    socket: TcpListener,
    folder: PathBuf,
}

impl Site {
    /// For the files of this folder.
    pub(super) async fn of(folder: &Path) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", socket.local_addr().expect("an address"));
        Self { origin, socket, folder: folder.to_owned() }
    }

    /// The URL of a file.
    pub(super) fn url(&self, file: &str) -> String {
        format!("{}/{file}", self.origin)
    }

    /// Serves it; its scripts are told this of the server. Where it is.
    pub(super) fn serve(self, issuer: &str, client_id: &str) -> String {
        let Self { origin, socket, folder } = self;
        let told = json!({ "issuer": issuer, "client_id": client_id }).to_string();
        let router = Router::new()
            .route("/told.json", get(async move || told))
            .route("/{*file}", get(file))
            .with_state(folder);
        tokio::spawn(async move { axum::serve(socket, router).await });
        origin
    }
}

async fn file(State(folder): State<PathBuf>, Segment(name): Segment<String>) -> Response {
    let kind = match Path::new(&name).extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        _ => "application/octet-stream",
    };
    match std::fs::read(folder.join(&name)) {
        Ok(content) => ([(CONTENT_TYPE, kind)], content).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
