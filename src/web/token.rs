//! `POST /token`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::Shared;
use super::edge::Context;
use super::{answer, body};
use crate::oauth::token;

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let request = token::Request {
        authorization: &head.authorization(),
        form: &form,
        address: context.address,
        origin: &context.origin(),
    };
    answer::json(token::token(&shared.issuer, request).await)
}
