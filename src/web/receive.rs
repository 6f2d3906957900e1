//! Reads requests to pages. If one cannot be read, the error is its answer.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};

use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::flows::submitted::{SameOrigin, Submitted};
use crate::pages::PageProblem;
use crate::web::body::{self, BadBody};
use crate::web::edge::Context;
use crate::web::page::{self, Failed};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

/// Reads a GET of a page.
pub(super) async fn get(
    shared: &Shared,
    context: Context,
    request: Request,
) -> Result<PageRequest, Response<Body>> {
    let parts = request.into_parts().0;
    if let Some(nothing) = page::unasked(&parts) {
        return Err(nothing);
    }
    let here = format!("{}{}", shared.base, parts.uri.path());
    // A query that cannot be read counts as empty.
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let form = Form::parse(query).unwrap_or_default();
    let page_request = PageRequest::read(shared, context, parts, form).await;
    let mut page_request =
        page_request.map_err(|(nobody, fault)| respond(shared, &nobody, fault))?;
    page_request.stands_at(here);
    Ok(page_request)
}

/// Reads and checks a form of an interaction. The form is on the page at this path.
pub(super) async fn interaction_form(
    shared: &Shared,
    context: Context,
    request: Request,
    path: &str,
) -> Result<(PageRequest, Submitted), Response<Body>> {
    let (page_request, same_origin) = post(shared, context, request, path).await?;
    let (handle, csrf) = (page_request.interaction(), page_request.csrf());
    match Submitted::check(&shared.flows, &same_origin, handle, csrf).await {
        Ok(submitted) => Ok((page_request, submitted)),
        Err(error) => Err(respond(shared, &page_request, error)),
    }
}

/// Reads a form and refuses it unless our own page sent it. The form is on the page at this path.
pub(super) async fn post(
    shared: &Shared,
    context: Context,
    request: Request,
    path: &str,
) -> Result<(PageRequest, SameOrigin), Response<Body>> {
    let (parts, body) = match body::read(request).await {
        Ok(read) => read,
        Err(bad) => return Err(turn_away(shared, bad)),
    };
    let form = Form::parse(&body).map_err(|bad| {
        turn_away(shared, BadBody { status: StatusCode::BAD_REQUEST, reason: bad.into() })
    })?;
    let page_request = PageRequest::read(shared, context, parts, form).await;
    let mut page_request =
        page_request.map_err(|(nobody, fault)| respond(shared, &nobody, fault))?;
    page_request.comes_from(format!("{}{path}", shared.base));
    if let Some(same_origin) = page_request.same_origin(shared) {
        return Ok((page_request, same_origin));
    }
    let forbidden = Failed::new(Reason::FormForged, PageProblem::Forbidden);
    Err(respond(shared, &page_request, forbidden))
}

fn turn_away(shared: &Shared, bad: BadBody) -> Response<Body> {
    let problem = match bad.reason {
        Reason::BodyTooLarge => PageProblem::TooLarge,
        _ => PageProblem::InvalidRequest,
    };
    page::turned_away(shared, Failed::of_body(bad, problem))
}
