//! `POST /authorize-challenge`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::body::{self, Head};
use super::edge::Context;
use crate::domain::form::Form;
use crate::oauth::challenge::endpoint::{ChallengeRequest, challenge};
use crate::oauth::client_auth::Credentials;
use crate::web::shared::Shared;
use crate::web::{answer, cors, detached};

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    // A sign-in runs to its end even when the client closes the connection.
    detached::to_its_end(Box::pin(answered(shared, context, head, form))).await
}

async fn answered(shared: Arc<Shared>, context: Context, head: Head, form: Form) -> Response<Body> {
    let credentials = head.credentials(&form);
    let client = credentials.as_ref().ok().and_then(Credentials::client);
    let request = ChallengeRequest {
        credentials,
        form,
        proof: head.proof(),
        address: context.address,
        origin: &context.origin(),
    };
    let answered = challenge(&shared.token, request).await;
    let mut response = answer::json(answered, client.as_ref());
    answer::with_nonce(&mut response, &shared.token.possession, head.proof());
    cors::answers(client, response)
}
