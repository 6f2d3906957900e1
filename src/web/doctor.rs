//! `/doctor`: tells `mapae doctor` which client address this server believes. For everybody who does
//! not prove to have the master key, the path does not exist.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use serde_json::json;

use super::edge::Context;
use super::missing;
use crate::web::shared::Shared;

/// The header with the proof.
const PROOF: &str = "mapae-doctor";

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let proof = request.headers().get(PROOF).and_then(|proof| proof.to_str().ok());
    let now = shared.flows.clock.now();
    if !proof.is_some_and(|proof| shared.doctor.accepts(proof, now)) {
        return missing::path(State(shared), context, request).await;
    }
    let seen = json!({ "address": context.address, "version": env!("CARGO_PKG_VERSION") });
    let mut response = Response::new(Body::from(seen.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
