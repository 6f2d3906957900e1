//! `POST /introspect`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::{Shared, answer, body};
use crate::oauth::introspect;

pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Response<Body> {
    match body::form(request).await {
        Ok((head, form)) => {
            answer::json(introspect::introspect(&shared.issuer, &head.authorization(), &form).await)
        }
        Err(answer) => answer,
    }
}
