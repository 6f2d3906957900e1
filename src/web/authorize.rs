//! `/authorize`. A request by GET is answered or redirected to a page. A cross-site POST brings
//! none of our cookies, so it is redirected to come again by GET.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use super::page::{Answered, Failed};
use crate::domain::interaction::Purpose;
use crate::domain::urls;
use crate::flows::start;
use crate::oauth::authorize::request::{self, CheckedRequest};
use crate::pages::PageProblem;
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{body, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let page_request = receive::get(&shared, context, request).await?;
    let asked = read(&shared, &page_request, query.as_bytes()).await?;
    let begun = start::begin(&shared.flows, page_request.caller(), asked).await;
    Ok(respond(&shared, &page_request, begun.map(Reply::Redirect)))
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let headers = request.headers().clone();
    let page_request = PageRequest::nobody(&shared, context, headers, None);
    let text = match body::read(request).await {
        Ok((_, text)) => text,
        Err(bad) => {
            let bad = Failed::of_body(bad, PageProblem::InvalidRequest);
            return Ok(respond(&shared, &page_request, bad));
        }
    };
    let asked = read(&shared, &page_request, &text).await?;
    let purpose = Purpose::Authorize(Box::new(asked.request));
    let handle = start::seal_request(&shared.flows, purpose);
    let next = handle.map(|handle| Reply::Page(urls::AUTHORIZE_CONTINUE, handle));
    Ok(respond(&shared, &page_request, next))
}

async fn read(
    shared: &Shared,
    page_request: &PageRequest,
    text: &[u8],
) -> Result<CheckedRequest, Response<Body>> {
    let read = request::read(&shared.requests, text).await;
    read.map_err(|error| respond(shared, page_request, error))
}

/// Continues a request that came by POST, or one that needs no further page.
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    let (caller, handle) = (page_request.caller(), page_request.interaction());
    let next = start::resume(&shared.flows, caller, &handle).await;
    Ok(respond(&shared, &page_request, next.map(Reply::Resumed)))
}
