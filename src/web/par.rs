//! `POST /par`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use crate::oauth::authorize::push;
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
    let credentials = Credentials::read(&head.authorization(), &form);
    let client = credentials.as_ref().ok().and_then(Credentials::client);
    let pushed = match credentials {
        Ok(credentials) => {
            let (requests, clients) = (&shared.requests, &shared.token.clients);
            push::push(requests, clients, &credentials, &form, context.address).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    cors::answers(client.clone(), answer::created(pushed, client.as_ref()))
}
