//! Which signed-in account a request is about, and the redirect back to its page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;

use crate::accounts::browsers::{Cookie, SignedInUser};
use crate::domain::reason::Reason;
use crate::domain::urls;
use crate::flows::due_factor;
use crate::flows::outcome::{Advanced, FlashMessage, NextStep};
use crate::flows::submitted::AccountForm;
use crate::pages::PageProblem;
use crate::web::edge::Context;
use crate::web::page::{self, Failed};
use crate::web::page_request::PageRequest;
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;

/// The account that the request is about: the session that it names, or the only signed-in one. A
/// session that lacks a second factor that is due opens no account.
pub(super) fn whose<'a>(
    shared: &Shared,
    page_request: &'a PageRequest,
) -> Option<&'a SignedInUser> {
    let browser_state = &page_request.browser_state;
    let named = match (page_request.session("session"), browser_state.people.as_slice()) {
        (Some(session), _) => browser_state.signed_in(&session),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    named.filter(|person| !due_factor::is_lacking(&shared.flows, browser_state, person, None))
}

/// Reads a form of the account page, and checks that our own page sent it.
pub(super) async fn submitted(
    shared: &Shared,
    context: Context,
    request: Request,
) -> Result<(PageRequest, AccountForm), Response<Body>> {
    let (page_request, same_origin) =
        receive::post(shared, context, request, urls::ACCOUNT).await?;
    let Some(person) = whose(shared, &page_request).cloned() else {
        // The session has ended meanwhile: the redirect lets the person sign in again.
        return Err(page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT)));
    };
    let csrf = page_request.csrf();
    let Some(form) = AccountForm::check(&shared.flows, &same_origin, csrf, person) else {
        let forged = Failed::new(Reason::FormForged, PageProblem::Forbidden);
        return Err(respond(shared, &page_request, forged));
    };
    Ok((page_request, form))
}

/// The next step after a form: back to its account page, with a message about what was done.
pub(super) fn account(form: &AccountForm, message: Option<FlashMessage>) -> Reply {
    account_with(form, message, None)
}

/// The same as [`account`], with a new cookie for the browser.
pub(super) fn account_with(
    form: &AccountForm,
    message: Option<FlashMessage>,
    cookie: Option<Cookie>,
) -> Reply {
    let next = NextStep::Account(form.person().session.id.clone(), message);
    Reply::Next(Advanced { next, cookie })
}
