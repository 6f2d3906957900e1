//! `POST /par`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use crate::oauth::authorize::push::{self, PushRequest};
use crate::oauth::client_auth::Credentials;
use crate::web::shared::Shared;
use crate::web::{answer, body, cors};

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let credentials = head.credentials(&form);
    let client = credentials.as_ref().ok().and_then(Credentials::client);
    let (clients, possession) = (&shared.token.clients, &shared.token.possession);
    let pushing =
        PushRequest { credentials, form: &form, proof: head.proof(), address: context.address };
    let pushed = push::push(&shared.requests, clients, possession, pushing).await;
    let mut response = answer::created(pushed, client.as_ref());
    answer::with_nonce(&mut response, possession, head.proof());
    cors::answers(client, response)
}
