//! `/livez` and `/readyz`: a status and nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;

use crate::web::shared::Shared;

pub(super) async fn livez() -> StatusCode {
    StatusCode::OK
}

pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> StatusCode {
    if !shared.ready.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let is_served = shared.supervisor.down().is_empty();
    if is_served && shared.flows.store.is_ready(shared.flows.clock.now()).await {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
