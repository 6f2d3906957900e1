//! `POST /introspect`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::VARY;
use axum::http::{HeaderValue, Response};

use crate::oauth::resource::introspect::{self, Answer};
use crate::web::shared::Shared;
use crate::web::{answer, body};

pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Response<Body> {
    match body::form(request).await {
        Ok((head, form)) => {
            let credentials = match head.credentials(&form) {
                Ok(credentials) => credentials,
                Err(refusal) => return answer::refusal(&refusal, None),
            };
            // RFC 9701 §4
            let as_jwt = head.accepts(answer::INTROSPECTION_JWT);
            let found =
                introspect::introspect(&shared.resources, &credentials, &form, as_jwt).await;
            let mut response = match found {
                Ok(Answer::Json(found)) => answer::json(Ok(found), None),
                Ok(Answer::Jwt(jwt)) => answer::jwt(jwt, answer::INTROSPECTION_JWT),
                Err(error) => answer::json::<()>(Err(error), credentials.client().as_ref()),
            };
            response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
            response
        }
        Err(answer) => answer,
    }
}
