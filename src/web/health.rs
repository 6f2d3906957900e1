//! `/livez` and `/readyz`: a status and nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::Shared;

/// The longest that a ready database takes to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn livez() -> StatusCode {
    StatusCode::OK
}

pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> StatusCode {
    if !shared.ready.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match tokio::time::timeout(PATIENCE, shared.issuer.store.ping()).await {
        Ok(Ok(())) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
