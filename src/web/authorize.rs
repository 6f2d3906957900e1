//! `/authorize`. Clients demand the endpoint in the metadata; people cannot sign in here yet.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::answer;
use crate::pages::Problem;

pub(super) async fn authorize() -> Response<Body> {
    answer::page(StatusCode::BAD_REQUEST, "unsupported_response_type", Problem::InvalidRequest)
}
