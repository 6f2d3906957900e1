//! `POST /revoke`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use super::{Shared, answer, body};
use crate::oauth::error::Error;
use crate::oauth::revoke;

pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let origin = context.origin();
    match revoke::revoke(&shared.issuer, &head.authorization(), &form, &origin).await {
        // RFC 7009 §2.2: the content of the answer is ignored.
        Ok(()) => answer::empty(),
        Err(Error::Refused(refusal)) => answer::refusal(&refusal),
        Err(Error::Fault(fault)) => answer::fault(&fault),
    }
}
