//! Counts the requests of each address, before anything else is done for them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use axum::middleware::Next;

use super::edge::Context;
use crate::oauth::error::Error;
use crate::web::answer;
use crate::web::shared::Shared;

/// Counts a request, or refuses it in the form of these endpoints. Preflight requests are not
/// counted: a browser sends them by itself.
pub(super) async fn of_address(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
    next: Next,
) -> Response<Body> {
    if request.method() == Method::POST {
        match shared.token.clients.admit(context.address).await {
            Ok(()) => {}
            Err(Error::Refused(refusal)) => return answer::refusal(&refusal, None),
            Err(Error::Fault(fault)) => return answer::fault(&fault),
        }
    }
    next.run(request).await
}
