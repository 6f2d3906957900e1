//! `GET /status/{number}` and `GET /status`: the status lists, public and answered from memory.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};

use crate::domain::reason::Reason;
use crate::domain::verdict::Fault;
use crate::oauth::status::lists::Document;
use crate::oauth::status::measured::ListAnswer;
use crate::web::answer;
use crate::web::shared::Shared;
use crate::web::well_known::{ANYBODY, has, not_modified};

/// Token Status List §8.2.
const STATUS_LIST: HeaderValue = HeaderValue::from_static("application/statuslist+jwt");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    // Token Status List §8.4: the state at another time is not told.
    if uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("time="))) {
        return for_anybody(answer::refused(StatusCode::NOT_IMPLEMENTED, Reason::StatusAtTime));
    }
    // One list has one address.
    let read = number.parse::<i64>().ok().filter(|read| *read >= 0 && read.to_string() == number);
    let found = match read {
        Some(number) => shared.status_lists.list(number).await,
        None => Ok(None),
    };
    let cache = &shared.status_cache;
    let response = respond(found, STATUS_LIST, cache, &headers);
    match response.status() {
        StatusCode::OK => ListAnswer::List.count().increment(1),
        StatusCode::NOT_MODIFIED => ListAnswer::NotModified.count().increment(1),
        _ => {}
    }
    response
}

pub(super) async fn aggregation(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Response<Body> {
    let cache = &shared.status_cache;
    respond(shared.status_lists.aggregation().map(Some), JSON, cache, &headers)
}

fn respond(
    found: Result<Option<Document>, Fault>,
    media_type: HeaderValue,
    cache: &HeaderValue,
    headers: &HeaderMap,
) -> Response<Body> {
    let document = match found {
        Ok(Some(document)) => document,
        Ok(None) => {
            return for_anybody(answer::refused(StatusCode::NOT_FOUND, Reason::StatusListUnknown));
        }
        Err(fault) => return for_anybody(answer::fault(&fault)),
    };
    let mut response = if has(headers, &document.etag) {
        not_modified()
    } else {
        Response::new(Body::from(document.body))
    };
    let answered = response.headers_mut();
    answered.insert(CONTENT_TYPE, media_type);
    answered.insert(CACHE_CONTROL, cache.clone());
    answered.extend(HeaderValue::try_from(document.etag).ok().map(|etag| (ETAG, etag)));
    for_anybody(response)
}

/// Lets every script read the answer.
fn for_anybody(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    response
}
