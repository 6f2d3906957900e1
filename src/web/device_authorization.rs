//! `POST /device_authorization`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::http::header::USER_AGENT;

use super::edge::Context;
use crate::oauth::device;
use crate::web::shared::Shared;
use crate::web::{answer, body};

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let agent = head.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let credentials = match head.credentials(&form) {
        Ok(credentials) => credentials,
        Err(refusal) => return answer::refusal(&refusal, None),
    };
    let address = context.address;
    let answered = device::authorize(&shared.token, &credentials, &form, address, agent).await;
    answer::json(answered, credentials.client().as_ref())
}
