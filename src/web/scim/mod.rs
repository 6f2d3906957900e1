//! SCIM 2.0 at `/scim/v2`, RFC 7644: connectors provision people and groups. One handler reads the
//! request and its token; `service` decides what a method on a path means, also for the parts of a
//! bulk request.

mod answer;
mod bulk;
mod caller;
mod discovery;
mod groups;
mod limits;
mod query;
mod service;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, Response};
use axum::response::IntoResponse;
use axum::routing::any;
use serde_json::Value;

use self::answer::{Answer, Failed};
use self::limits::LARGEST;
use self::service::{Call, Service};
use crate::domain::nul;
use crate::domain::reason::Reason;
use crate::domain::scim::refusal::{ScimRefusal, ScimType};
use crate::domain::scim_urls::{BASE, ROUTES};
use crate::web::body;
use crate::web::shared::Shared;

/// The routes of SCIM.
pub(super) fn routes() -> Router<Arc<Shared>> {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route, any(handle)))
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (mut parts, sent) = request.into_parts();
    let path = parts.uri.path().split_once(BASE).map_or("", |(_, rest)| rest).to_owned();
    match Box::pin(answered(&shared, &mut parts, &path, sent)).await {
        Ok(answer) => answer.into_response(),
        Err(failed) => failed.into_response(),
    }
}

async fn answered(
    shared: &Shared,
    parts: &mut Parts,
    path: &str,
    sent: Body,
) -> Result<Answer, Failed> {
    // Who asks is known before anything of the request is judged.
    let authority = caller::authority(parts, shared).await?;
    if discovery::is_document(path) && parts.method != Method::GET {
        return Err(service::not_allowed().into());
    }
    let body = if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        json(parts, sent).await?
    } else {
        Value::Null
    };
    let header = |name: &HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        query: query::pairs(parts.uri.query().unwrap_or_default()),
        body,
        if_match: header(&IF_MATCH),
        if_none_match: header(&IF_NONE_MATCH),
    };
    let service = Service::new(shared, &authority)?;
    if call.method == "POST" && path.trim_matches('/') == "Bulk" {
        return Box::pin(bulk::call(&service, &call.body)).await;
    }
    service.call(call).await
}

async fn json(parts: &Parts, sent: Body) -> Result<Value, Failed> {
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    let media_type = media_type.trim();
    let is_json = ["application/scim+json", "application/json"]
        .iter()
        .any(|one| media_type.eq_ignore_ascii_case(one));
    if !is_json {
        return Err(Failed::because(Reason::ContentTypeUnsupported));
    }
    let bytes = body::bytes_up_to(sent, LARGEST).await;
    let bytes = bytes.map_err(|bad| Failed::because(bad.reason))?;
    let syntax = |why: String| ScimRefusal::bad(ScimType::InvalidSyntax, why);
    match serde_json::from_slice(&bytes) {
        Ok(value) if nul::is_within(&value) => Err(syntax("a text has no NUL".to_owned()).into()),
        Ok(value) => Ok(value),
        Err(bad) => Err(syntax(format!("the body is not JSON: {bad}")).into()),
    }
}
