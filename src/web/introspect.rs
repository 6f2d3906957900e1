//! `POST /introspect`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::{Shared, answer, body};
use crate::oauth::client_auth;
use crate::oauth::resource::introspect;

pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Response<Body> {
    match body::form(request).await {
        Ok((head, form)) => {
            let authorization = head.authorization();
            let found = introspect::introspect(&shared.issuer, &authorization, &form).await;
            let client = found.is_err().then(|| client_auth::named(&authorization, &form));
            answer::json(found, client.flatten().as_ref())
        }
        Err(answer) => answer,
    }
}
