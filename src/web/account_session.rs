//! Whose account a request is about, and the way back to its page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};

use crate::accounts::browsers::{Cookie, SignedInUser};
use crate::domain::urls;
use crate::pages::PageProblem;
use crate::web::edge::Context;
use crate::web::page::{self, Failed};
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;
use crate::web::{flash_messages, receive};

/// Whose account the request is about: the one that it names, or the only one.
pub(super) fn whose(page_request: &PageRequest) -> Option<&SignedInUser> {
    match (page_request.session("session"), page_request.browser_state.people.as_slice()) {
        (Some(session), _) => page_request.browser_state.signed_in(&session),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// What the forms of this account are bound to.
pub(super) fn purpose(present: &SignedInUser) -> String {
    format!("account {}", present.session.id.as_str())
}

/// Somebody who sends a form of their account page.
pub(super) async fn submitted(
    shared: &Shared,
    context: Context,
    request: Request,
) -> Result<(PageRequest, SignedInUser), Response<Body>> {
    let page_request = receive::post(shared, context, request, urls::ACCOUNT).await?;
    let Some(present) = whose(&page_request).cloned() else {
        // Signed out meanwhile: signing in again is the way on.
        return Err(page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT)));
    };
    let browser = &present.session.browser;
    if !shared.flows.forms.verifies(page_request.csrf(), browser, &purpose(&present)) {
        let forged = Failed::new(StatusCode::FORBIDDEN, "forbidden", PageProblem::Forbidden);
        return Err(page::failed(shared, &page_request, forged));
    }
    Ok((page_request, present))
}

/// Back to the page, with word of what was done and the new cookie.
pub(super) fn done(
    shared: &Shared,
    present: &SignedInUser,
    what: &str,
    cookie: Option<&Cookie>,
) -> Response<Body> {
    let session = &present.session.id;
    let said = flash_messages::to_account(shared, session, &flash_messages::done(what));
    let mut response = page::see_other(&said);
    if let Some(cookie) = cookie {
        shared.cookies.set_browser(response.headers_mut(), cookie);
    }
    response
}
