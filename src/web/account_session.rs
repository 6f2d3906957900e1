//! Whose account a request is about, and the way back to its page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;

use crate::accounts::browsers::{Cookie, SignedInUser};
use crate::domain::reason::Reason;
use crate::domain::urls;
use crate::flows::outcome::{Advanced, FlashMessage, NextStep};
use crate::flows::submitted::AccountForm;
use crate::pages::PageProblem;
use crate::web::edge::Context;
use crate::web::page::{self, Failed};
use crate::web::page_request::PageRequest;
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;

/// Whose account the request is about: the one that it names, or the only one.
pub(super) fn whose(page_request: &PageRequest) -> Option<&SignedInUser> {
    match (page_request.session("session"), page_request.browser_state.people.as_slice()) {
        (Some(session), _) => page_request.browser_state.signed_in(&session),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// Somebody who sends a form of their account page.
pub(super) async fn submitted(
    shared: &Shared,
    context: Context,
    request: Request,
) -> Result<(PageRequest, AccountForm), Response<Body>> {
    let (page_request, same_origin) =
        receive::post(shared, context, request, urls::ACCOUNT).await?;
    let Some(person) = whose(&page_request).cloned() else {
        // Signed out meanwhile: signing in again is the way on.
        return Err(page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT)));
    };
    let csrf = page_request.csrf();
    let Some(form) = AccountForm::check(&shared.flows, &same_origin, csrf, person) else {
        let forged = Failed::new(Reason::FormForged, PageProblem::Forbidden);
        return Err(respond(shared, &page_request, forged));
    };
    Ok((page_request, form))
}

/// Back to the account page that the form stood on, with word of what was done.
pub(super) fn account(form: &AccountForm, message: Option<FlashMessage>) -> Reply {
    account_with(form, message, None)
}

/// The same with a new cookie.
pub(super) fn account_with(
    form: &AccountForm,
    message: Option<FlashMessage>,
    cookie: Option<Cookie>,
) -> Reply {
    let next = NextStep::Account(form.person().session.id.clone(), message);
    Reply::Next(Advanced { next, cookie })
}
