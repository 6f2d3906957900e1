//! Whose account a request is about, and the way back to its page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};

use crate::accounts::browsers::{Cookie, SignedInUser};
use crate::domain::urls;
use crate::pages::PageProblem;
use crate::web::edge::Context;
use crate::web::page::{self, Failed};
use crate::web::page_request::Guest;
use crate::web::shared::Shared;
use crate::web::{flash_messages, receive};

/// Whose account the request is about: the one that it names, or the only one.
pub(super) fn whose(guest: &Guest) -> Option<&SignedInUser> {
    match (guest.session("session"), guest.browser_state.people.as_slice()) {
        (Some(session), _) => guest.browser_state.signed_in(&session),
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
) -> Result<(Guest, SignedInUser), Response<Body>> {
    let guest = receive::post(shared, context, request, urls::ACCOUNT).await?;
    let Some(present) = whose(&guest).cloned() else {
        // Signed out meanwhile: signing in again is the way on.
        return Err(page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT)));
    };
    let browser = &present.session.browser;
    if !shared.flows.forms.verifies(guest.csrf(), browser, &purpose(&present)) {
        let forged = Failed::new(StatusCode::FORBIDDEN, "forbidden", PageProblem::Forbidden);
        return Err(page::failed(shared, &guest, forged));
    }
    Ok((guest, present))
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
