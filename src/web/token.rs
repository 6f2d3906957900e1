//! `POST /token`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::body::{self, Head};
use super::edge::Context;
use crate::domain::audit::LazyOrigin;
use crate::domain::form::Form;
use crate::oauth::client_auth::Credentials;
use crate::oauth::token::endpoint;
use crate::oauth::token::grant::Grant;
use crate::oauth::token::grants::password::Password;
use crate::web::shared::Shared;
use crate::web::{answer, cors, detached};

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, form) = match body::token_form(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    // A sign-in runs to its end even when the client closes the connection.
    if form.get("grant_type") == Some(Password::TYPE.as_str()) {
        return detached::to_its_end(Box::pin(answered(shared, context, head, form))).await;
    }
    Box::pin(answered(shared, context, head, form)).await
}

async fn answered(shared: Arc<Shared>, context: Context, head: Head, form: Form) -> Response<Body> {
    let script = cors::origin(head.headers());
    let credentials = head.credentials(&form);
    let client = credentials.as_ref().ok().and_then(Credentials::client);
    let cookie = client.as_ref().and_then(|id| shared.cookies.refresh_token(head.headers(), id));
    let proof = head.proof();
    let request = endpoint::TokenRequest {
        credentials,
        form,
        script,
        cookie,
        proof,
        certificate: head.thumbprint().cloned(),
        address: context.address,
        origin: &LazyOrigin::new(Box::new(move || context.origin())),
    };
    let mut response = match Box::pin(endpoint::token(&shared.token, request)).await {
        Ok(issued) => {
            let mut response = answer::json(Ok(issued.response), None);
            if let Some(cookie) = &issued.cookie {
                shared.cookies.set_refresh_token(response.headers_mut(), cookie);
            }
            response
        }
        Err(error) => answer::json::<()>(Err(error), client.as_ref()),
    };
    answer::with_nonce(&mut response, &shared.token.possession, proof);
    cors::answers(client, response)
}
