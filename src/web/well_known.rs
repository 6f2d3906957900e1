//! The JWKS and the metadata: public, cacheable, answered from memory.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, USER_AGENT,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use bytes::Bytes;
use serde_json::Value;

use crate::domain::reason::Reason;
use crate::domain::resource::{self, ResourceMetadata};
use crate::domain::sign_up_mode::SignUpMode;
use crate::domain::urls;
use crate::domain::verdict::Fault;
use crate::oauth::mcp;
use crate::web::shared::Shared;
use crate::web::{answer, cors, page};

pub(super) const ANYBODY: HeaderValue = HeaderValue::from_static("*");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) async fn jwks(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    let keys = match shared.keyring.snapshot() {
        Ok(keys) => keys,
        Err(fault) => return answer::fault(&fault),
    };
    // Whoever is told that nothing changed has the keys, too. HEAD shows none.
    if method == Method::GET {
        let agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
        shared.key_fetchers.note(agent, keys.published_kids(), shared.flows.clock.now());
    }
    let unchanged = has(&headers, keys.etag());
    let mut response = if unchanged { not_modified() } else { document(keys.jwks()) };
    let answered = response.headers_mut();
    answered.insert(CACHE_CONTROL, shared.jwks_cache.clone());
    answered.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    answered.extend(HeaderValue::try_from(keys.etag()).ok().map(|etag| (ETAG, etag)));
    response
}

pub(super) async fn metadata(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let may_sign_up = match shared.flows.sign_up.mode {
        SignUpMode::Open => Ok(true),
        SignUpMode::Closed | SignUpMode::Invite => shared.flows.clients.any_open().await,
    };
    let body = match may_sign_up {
        Ok(may_sign_up) => shared.metadata.document(may_sign_up),
        Err(fault) => return answer::fault(&fault),
    };
    let mut response = match with_mcp_scopes(&shared, body).await {
        Ok(body) => document(body),
        Err(fault) => return answer::fault(&fault),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, shared.jwks_cache.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    response
}

/// The document with the scopes of the MCP servers, which clients read there before they ask.
async fn with_mcp_scopes(shared: &Shared, body: Bytes) -> Result<Bytes, Fault> {
    if !shared.mcp.enabled {
        return Ok(body);
    }
    let every = shared.flows.clients.resources().await?;
    let mut document: Value = serde_json::from_slice(&body)
        .map_err(|error| Fault::internal("reading the metadata", error))?;
    if let Some(Value::Array(scopes)) = document.get_mut("scopes_supported") {
        let mut more: Vec<&str> = every
            .values()
            .filter(|resource| resource.mcp)
            .flat_map(|resource| resource.scope.iter())
            .collect();
        more.sort_unstable();
        more.dedup();
        more.retain(|scope| !scopes.iter().any(|known| known == scope));
        scopes.extend(more.into_iter().map(Value::from));
    }
    serde_json::to_vec(&document)
        .map(Bytes::from)
        .map_err(|error| Fault::internal("writing the metadata", error))
}

/// The metadata of an MCP server, RFC 9728 §3.2.
pub(super) async fn protected_resource(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
) -> Response<Body> {
    let every = match shared.flows.clients.resources().await {
        Ok(every) if shared.mcp.enabled => every,
        Ok(_) => return answer::refused(StatusCode::NOT_FOUND, Reason::PathUnknown),
        Err(fault) => return answer::fault(&fault),
    };
    // As it was sent: the path of a URL is compared with its escapes.
    let place = uri.path().split_once(urls::PROTECTED_RESOURCES).map_or("", |(_, place)| place);
    let place = place.trim_matches('/');
    let is_it = |(id, resource): &(&String, &ResourceMetadata)| {
        resource.mcp && resource::mcp_place(id).as_deref() == Some(place)
    };
    let Some((id, resource)) = every.iter().find(is_it) else {
        return answer::refused(StatusCode::NOT_FOUND, Reason::PathUnknown);
    };
    let text = mcp::document(&shared.flows.url, id, resource).to_string();
    let mut response = document(text.into());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, shared.jwks_cache.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    response
}

/// Answers a preflight request.
pub(super) async fn preflight(request: Request) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, cors::asked(request.headers()));
    // The longest time for which Chromium caches it.
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    response
}

/// Redirects a password manager to the form for a new password (W3C, A Well-Known URL for Changing
/// Passwords §4).
pub(super) async fn change_password(State(shared): State<Arc<Shared>>) -> Response<Body> {
    page::see_other(&format!("{}{}#password-title", shared.base, urls::ACCOUNT_SECURITY))
}

/// Whether the client already has the document with this `ETag` (RFC 9110 §13.1.2).
pub(super) fn has(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag
    })
}

pub(super) fn document(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

pub(super) fn not_modified() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}
