//! `/authorize`: a request by GET is answered or led to a page; one by POST comes back by GET, since
//! a cross-site POST brings none of our cookies.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use super::page::{self, Answered, Failed};
use crate::domain::interaction::Purpose;
use crate::flows::outcome::{Led, Next};
use crate::flows::start;
use crate::oauth::authorize::request::{self, Asked, Unasked};
use crate::pages::PageProblem;
use crate::web::page_request::Guest;
use crate::web::shared::Shared;
use crate::web::{body, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let guest = receive::get(&shared, context, request).await?;
    let asked = read(&shared, &guest, query.as_bytes()).await?;
    Ok(match start::begin(&shared.flows, guest.caller(), asked).await {
        Ok(led) => page::lead(&shared, &guest, led),
        Err(error) => page::lost(&shared, &guest, error),
    })
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let headers = request.headers().clone();
    let guest = Guest::nobody(&shared, context, headers, None);
    let text = match body::read(request).await {
        Ok((_, text)) => text,
        Err(bad) => {
            let bad = Failed::new(bad.status, "invalid_request", PageProblem::InvalidRequest);
            return Ok(page::failed(&shared, &guest, bad));
        }
    };
    let asked = read(&shared, &guest, &text).await?;
    let purpose = Purpose::Authorize(Box::new(asked.request));
    Ok(match start::hand_over(&shared.flows, purpose) {
        Ok(handle) => {
            page::lead(&shared, &guest, Led { next: Next::Continue(handle), cookie: None })
        }
        Err(fault) => page::fault(&shared, &guest, &fault),
    })
}

async fn read(shared: &Shared, guest: &Guest, text: &[u8]) -> Result<Asked, Response<Body>> {
    match request::read(&shared.requests, text).await {
        Ok(asked) => Ok(asked),
        Err(Unasked::Page(untrusted)) => {
            Err(page::failed(shared, guest, page::distrust(untrusted)))
        }
        Err(Unasked::Answer(answer)) => Err(page::answer_app(shared, guest, &answer)),
        Err(Unasked::Fault(fault)) => Err(page::fault(shared, guest, &fault)),
    }
}

/// Goes on with a request that came by POST, or with one that needs no page any more.
pub(super) async fn go_on(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = receive::get(&shared, context, request).await?;
    Ok(match start::go_on(&shared.flows, guest.caller(), &guest.interaction()).await {
        Ok(led) => page::lead_onward(&shared, &guest, led),
        Err(error) => page::lost(&shared, &guest, error),
    })
}
