//! `POST /register` and `GET`, `PUT`, `DELETE /register/{client_id}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_ENCODING, CONTENT_TYPE,
};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::middleware::Next;
use serde_json::{Map, Value};

use super::edge::Context;
use super::well_known::ANYBODY;
use crate::domain::nul;
use crate::domain::reason::Reason;
use crate::oauth::error::{Error, Refusal};
use crate::oauth::registration::endpoint::{Managing, Registering};
use crate::web::shared::Shared;
use crate::web::{answer, body, cors, missing};

/// Nothing is here while apps do not register themselves. Scripts of any origin may ask: the answer
/// is for whoever has the token, and there are no cookies.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
    next: Next,
) -> Response<Body> {
    if !shared.registration.is_on() {
        return missing::path(State(shared), context, request).await;
    }
    // Registering is counted like every other `POST`.
    let admitted = if matches!(*request.method(), Method::POST | Method::OPTIONS) {
        Ok(())
    } else {
        shared.registration.admit(context.address).await
    };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(Error::Refused(refusal)) => answer::refusal(&refusal, None),
        Err(Error::Fault(fault)) => answer::fault(&fault),
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After, X-Request-Id");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

pub(super) async fn preflight(request: Request) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, cors::asked(request.headers()));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Reads a JSON object.
async fn document(request: Request) -> Result<(body::Head, Map<String, Value>), Response<Body>> {
    let (parts, sent) = request.into_parts();
    let malformed = || answer::refusal(&Refusal::new(Reason::RegistrationBodyMalformed), None);
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json")
        || parts.headers.contains_key(CONTENT_ENCODING)
    {
        return Err(malformed());
    }
    let read = body::bytes(sent).await.map_err(|bad| answer::refused(bad.status, bad.reason))?;
    match serde_json::from_slice(&read) {
        Ok(value) if nul::is_within(&value) => Err(malformed()),
        Ok(Value::Object(members)) => Ok((body::Head::from(parts), members)),
        _ => Err(malformed()),
    }
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let (head, document) = match document(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let asked = Registering {
        authorization: &head.authorization(),
        document: &document,
        address: context.address,
        origin: &context.origin(),
    };
    answer::created(Box::pin(shared.registration.register(asked)).await, None)
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    let head = body::Head::of(request);
    let (authorization, origin) = (&*head.authorization(), &context.origin());
    let asked = Managing { id: &id, authorization, origin };
    answer::json(shared.registration.read(&asked).await, None)
}

pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    context: Context,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    let (head, document) = match document(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let (authorization, origin) = (&*head.authorization(), &context.origin());
    let asked = Managing { id: &id, authorization, origin };
    answer::json(Box::pin(shared.registration.replace(&asked, &document)).await, None)
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    context: Context,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    let head = body::Head::of(request);
    let (authorization, origin) = (&*head.authorization(), &context.origin());
    let asked = Managing { id: &id, authorization, origin };
    match Box::pin(shared.registration.delete(&asked)).await {
        Ok(()) => {
            let mut response = answer::empty();
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(error) => answer::json::<()>(Err(error), None),
    }
}
