//! Files of the pages. Their names change with their content, so a browser may cache them forever.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};

use crate::domain::client::ClientId;
use crate::domain::reason::Reason;
use crate::web::answer;
use crate::web::shared::Shared;

pub(super) async fn asset(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Response<Body> {
    let Some(asset) = shared.look.asset(&name) else { return none() };
    let mut response = Response::new(Body::from(asset.body.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, for_ever);
    response
}

/// The logo of an app. The image comes from a third party, so its policy forbids all scripts in it.
pub(super) async fn client_logo(
    State(shared): State<Arc<Shared>>,
    Path(client): Path<String>,
) -> Response<Body> {
    let Some(client) = ClientId::parse(&client) else { return none() };
    let logo = match shared.logos.find(&client).await {
        Ok(Some(logo)) => logo,
        Ok(None) => return none(),
        Err(fault) => return answer::fault(&fault),
    };
    let mut response = Response::new(Body::from(logo.body.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(logo.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn none() -> Response<Body> {
    answer::refused(StatusCode::NOT_FOUND, Reason::PathUnknown)
}
