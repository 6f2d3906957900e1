//! `/authorize`: a request by GET is answered or led to a page; one by POST comes back by GET, since
//! a cross-site POST brings none of our cookies.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use super::page::{self, Answered, Failed};
use crate::domain::interaction::Purpose;
use crate::flows::outcome::{Advanced, NextStep};
use crate::flows::start;
use crate::oauth::authorize::request::{self, CheckedRequest, RequestError};
use crate::pages::PageProblem;
use crate::web::page_request::PageRequest;
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
    Ok(match start::begin(&shared.flows, page_request.caller(), asked).await {
        Ok(advanced) => page::next_step(&shared, &page_request, advanced),
        Err(error) => page::interaction_error(&shared, &page_request, error),
    })
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
            let bad = Failed::new(bad.status, "invalid_request", PageProblem::InvalidRequest);
            return Ok(page::failed(&shared, &page_request, bad));
        }
    };
    let asked = read(&shared, &page_request, &text).await?;
    let purpose = Purpose::Authorize(Box::new(asked.request));
    Ok(match start::hand_over(&shared.flows, purpose) {
        Ok(handle) => page::next_step(
            &shared,
            &page_request,
            Advanced { next: NextStep::Continue(handle), cookie: None },
        ),
        Err(fault) => page::fault(&shared, &page_request, &fault),
    })
}

async fn read(
    shared: &Shared,
    page_request: &PageRequest,
    text: &[u8],
) -> Result<CheckedRequest, Response<Body>> {
    match request::read(&shared.requests, text).await {
        Ok(asked) => Ok(asked),
        Err(RequestError::Page(untrusted)) => {
            Err(page::failed(shared, page_request, page::distrust(untrusted)))
        }
        Err(RequestError::Answer(answer)) => Err(page::answer_app(shared, page_request, &answer)),
        Err(RequestError::Fault(fault)) => Err(page::fault(shared, page_request, &fault)),
    }
}

/// Goes on with a request that came by POST, or with one that needs no page any more.
pub(super) async fn go_on(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    Ok(
        match start::go_on(&shared.flows, page_request.caller(), &page_request.interaction()).await
        {
            Ok(advanced) => page::next_step_onward(&shared, &page_request, advanced),
            Err(error) => page::interaction_error(&shared, &page_request, error),
        },
    )
}
