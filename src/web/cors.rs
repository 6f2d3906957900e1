//! Answers that scripts of other origins may read, Fetch §3.2. The rule stands in
//! [`cross_origin`](crate::oauth::cross_origin).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{Shared, answer};
use crate::domain::client::ClientId;
use crate::oauth::cross_origin::{Permission, permit};

/// The `Origin` header. Two of them are none.
pub(super) fn origin(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(ORIGIN).iter();
    match (given.next(), given.next()) {
        (Some(origin), None) => origin.to_str().ok(),
        _ => None,
    }
}

/// Lets a script read an answer, if its origin may.
pub(super) async fn allow(
    shared: &Shared,
    origin: Option<&str>,
    client: Option<&ClientId>,
    mut response: Response<Body>,
) -> Response<Body> {
    match permit(&shared.issuer, origin, client).await {
        Ok(permission) => {
            write(response.headers_mut(), permission.as_ref());
            response
        }
        Err(fault) => answer::fault(&fault),
    }
}

/// A browser that asks before it sends. It does not say for which client.
pub(super) async fn preflight(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Response<Body> {
    let permission = match permit(&shared.issuer, origin(request.headers()), None).await {
        Ok(permission) => permission,
        Err(fault) => return answer::fault(&fault),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    write(headers, permission.as_ref());
    if permission.is_some() {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        let allowed = HeaderValue::from_static("Authorization, Content-Type");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

fn write(headers: &mut HeaderMap, permission: Option<&Permission>) {
    // Whether it is there depends on the origin, so no cache may mix them up.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let Some(permission) = permission else { return };
    let Ok(origin) = HeaderValue::try_from(&permission.origin) else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After, X-Request-Id");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    if permission.credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}
