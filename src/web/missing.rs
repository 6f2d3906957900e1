//! Unknown paths and methods: a page for people, JSON for the API.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Response, StatusCode};

use super::answer::refused;
use super::edge::Context;
use super::page::{self, Failed};
use crate::domain::reason::Reason;
use crate::pages::PageProblem;
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;

/// Answers a request for an unknown path.
pub(super) async fn path(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let status = StatusCode::NOT_FOUND;
    // The path is not logged: people paste a token or a link with a secret where it does not
    // belong.
    if wants_page(request.headers()) {
        let page_request = nobody(&shared, context, &request);
        return page::failed(
            &shared,
            &page_request,
            Failed::new(Reason::PathUnknown, PageProblem::NotFound),
        );
    }
    refused(status, Reason::PathUnknown)
}

/// The path exists, but not with this method. The router adds the `Allow` header.
pub(super) async fn method(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Response<Body> {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    if wants_page(request.headers()) {
        let page_request = nobody(&shared, context, &request);
        let wrong = Failed::new(Reason::MethodNotAllowed, PageProblem::MethodNotAllowed);
        return page::failed(&shared, &page_request, wrong);
    }
    refused(status, Reason::MethodNotAllowed)
}

fn nobody(shared: &Shared, context: Context, request: &Request) -> PageRequest {
    PageRequest::nobody(shared, context, request.headers().clone(), request.uri().query())
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
