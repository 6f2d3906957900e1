//! CORS: answers that scripts of other origins may read (Fetch §3.2). The rule is in
//! [`cross_origin`](crate::oauth::cross_origin). It applies to every answer of these endpoints,
//! also to those that no handler made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::middleware::Next;

use crate::domain::client::ClientId;
use crate::oauth::cross_origin::{AllowedOrigin, permit};
use crate::web::answer;
use crate::web::shared::Shared;

/// The `Origin` header. If there are two, neither counts.
pub(super) fn origin(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(ORIGIN).iter();
    match (given.next(), given.next()) {
        (Some(origin), None) => origin.to_str().ok(),
        _ => None,
    }
}

/// The client that an answer is for.
#[derive(Clone, Debug)]
struct Asker(ClientId);

/// Marks the answer with its client, so that only scripts of this client's origins may read it.
pub(super) fn answers(client: Option<ClientId>, mut response: Response<Body>) -> Response<Body> {
    if let Some(client) = client {
        response.extensions_mut().insert(Asker(client));
    }
    response
}

/// Adds the CORS headers to the answer if the script's origin is allowed.
pub(super) async fn allow(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let script = origin(request.headers()).map(str::to_owned);
    let mut response = next.run(request).await;
    let client = response.extensions_mut().remove::<Asker>().map(|Asker(client)| client);
    match permit(&shared.requests.clients, script.as_deref(), client.as_ref()).await {
        Ok(permission) => write(response.headers_mut(), permission.as_ref()),
        // The allowed origins are not known: the answer is sent, but no script may read it.
        Err(fault) => {
            tracing::error!(%fault, "the origins of the clients cannot be read");
            write(response.headers_mut(), None);
        }
    }
    response
}

/// Answers a preflight request. It does not say for which client it asks.
pub(super) async fn preflight(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let script = origin(request.headers());
    match permit(&shared.requests.clients, script, None).await {
        Ok(Some(_)) => {}
        Ok(None) => return response,
        Err(fault) => return answer::fault(&fault),
    }
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked(request.headers()));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// The header names that a script asks to send. All are allowed, since no header lets a script do
/// more than a caller without a browser can do. A list that cannot be read gets the usual names.
pub(super) fn asked(headers: &HeaderMap) -> HeaderValue {
    let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|asked| {
        let names = asked.to_str().ok().filter(|names| names.len() <= LONGEST);
        names.is_some_and(|names| {
            names.split(',').all(|name| HeaderName::try_from(name.trim()).is_ok())
        })
    });
    asked.cloned().unwrap_or_else(|| HeaderValue::from_static("Authorization, Content-Type, DPoP"))
}

/// The longest list of header names that is read, in bytes.
const LONGEST: usize = 1024;

fn write(headers: &mut HeaderMap, permission: Option<&AllowedOrigin>) {
    // The headers of the answer depend on the origin, so a cache must keep the answers apart.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let Some(permission) = permission else { return };
    let Ok(origin) = HeaderValue::try_from(&permission.origin) else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = "WWW-Authenticate, Retry-After, X-Request-Id, DPoP-Nonce";
    let exposed = HeaderValue::from_static(exposed);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    if permission.credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headers_are_allowed_as_they_are_asked_for() {
        let usual = "Authorization, Content-Type, DPoP";
        let long = "x,".repeat(600) + "x";
        for (given, answer) in [
            (None, usual),
            (Some("content-type"), "content-type"),
            (Some("authorization,dpop,x-requested-with"), "authorization,dpop,x-requested-with"),
            (Some("traceparent, tracestate"), "traceparent, tracestate"),
            (Some(""), usual),
            (Some("a,,b"), usual),
            (Some("a b"), usual),
            (Some("*/*"), usual),
            (Some(long.as_str()), usual),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(given.map(|given| {
                (ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_str(given).unwrap())
            }));
            assert_eq!(asked(&headers), answer, "{given:?}");
        }
    }
}
