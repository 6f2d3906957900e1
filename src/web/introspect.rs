//! `POST /introspect`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use crate::oauth::client_auth::Credentials;
use crate::oauth::resource::introspect;
use crate::web::shared::Shared;
use crate::web::{answer, body};

pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Response<Body> {
    match body::form(request).await {
        Ok((head, form)) => {
            let credentials = match Credentials::read(&head.authorization(), &form) {
                Ok(credentials) => credentials,
                Err(refusal) => return answer::refusal(&refusal, None),
            };
            let found = introspect::introspect(&shared.resources, &credentials, &form).await;
            let client = found.is_err().then(|| credentials.client());
            answer::json(found, client.flatten().as_ref())
        }
        Err(answer) => answer,
    }
}
