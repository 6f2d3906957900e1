//! The issuer of the vectors, while they are played.

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use tokio::net::TcpListener;
use url::Url;

use super::super::output::text_of;
use crate::domain::verdict::{OrRejected, reject};

/// Serves the documents of this folder under the path of the issuer, until the verb ends.
pub(super) async fn start(address: SocketAddr, folder: &Path, issuer: &str) -> OrRejected {
    let base = Url::parse(issuer).map_or(String::new(), |url| url.path().to_owned());
    let base = base.trim_end_matches('/');
    let mut router = Router::new();
    let metadata = "openid-configuration";
    for (path, file, kind) in [
        (format!("{base}/.well-known/openid-configuration"), metadata, "application/json"),
        // RFC 8414 §3.1: the path of the issuer comes behind.
        (format!("/.well-known/oauth-authorization-server{base}"), metadata, "application/json"),
        (format!("{base}/jwks.json"), "jwks.json", "application/json"),
        (format!("{base}/status/1"), "status/1.jwt", "application/statuslist+jwt"),
    ] {
        let text = text_of(&folder.join(file))?;
        let answer = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=15")];
        router = router.route(&path, get(async move || (answer, text)));
    }
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => return reject(format!("--serve {address}: {error}")),
    };
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}
