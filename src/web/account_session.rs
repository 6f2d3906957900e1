//! Which signed-in account a request is about, what its pages share, and the redirect back to them.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;

use crate::accounts::browsers::{Cookie, SignedInUser};
use crate::domain::account_page::AccountPage;
use crate::domain::reason::Reason;
use crate::flows::fresh_proof::FreshProof;
use crate::flows::outcome::{Advanced, FlashMessage, NextStep};
use crate::flows::submitted::AccountForm;
use crate::flows::{due_factor, my_account, start};
use crate::pages::{AccountNotice, PageProblem, Shell};
use crate::web::edge::Context;
use crate::web::page::{self, Failed};
use crate::web::page_request::PageRequest;
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::person;

/// The account that the request is about: the session that it names, or the only signed-in one. A
/// session that lacks a second factor that is due opens no account, and one of a person who deletes
/// the account opens none either.
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
    named
        .filter(|person| !due_factor::is_lacking(&shared.flows, browser_state, person, None))
        .filter(|person| !person.is_leaving())
}

/// Reads a request for a page of my account. Somebody who is not signed in signs in first, and
/// somebody who deletes the account keeps it first; then they come to this page.
pub(super) async fn visited(
    shared: &Shared,
    context: Context,
    request: Request,
    page: AccountPage,
) -> Result<(PageRequest, SignedInUser), Response<Body>> {
    let page_request = receive::get(shared, context, request).await?;
    let Some(person) = whose(shared, &page_request).cloned() else {
        let begun = start::begin_account(&shared.flows, page_request.caller(), page.into()).await;
        return Err(respond(shared, &page_request, begun));
    };
    match my_account::visited(&shared.flows, &person).await {
        Ok(()) => Ok((page_request, person)),
        Err(fault) => Err(respond(shared, &page_request, fault)),
    }
}

/// Reads a form that is on this page of my account, and checks that our own page sent it.
pub(super) async fn submitted(
    shared: &Shared,
    context: Context,
    request: Request,
    page: AccountPage,
) -> Result<(PageRequest, AccountForm), Response<Body>> {
    let (page_request, same_origin) = receive::post(shared, context, request, page.path()).await?;
    let Some(person) = whose(shared, &page_request).cloned() else {
        // The session has ended meanwhile: the redirect lets the person sign in again.
        return Err(page::see_other(&format!("{}{}", shared.base, page.path())));
    };
    let csrf = page_request.csrf();
    let Some(form) = AccountForm::check(&shared.flows, &same_origin, csrf, person, page) else {
        let forged = Failed::new(Reason::FormForged, PageProblem::Forbidden);
        return Err(respond(shared, &page_request, forged));
    };
    Ok((page_request, form))
}

/// The fresh proof of the person whose form this is, or the answer that lets them prove who they are.
pub(super) async fn fresh_proof<'a>(
    shared: &Shared,
    page_request: &PageRequest,
    form: &'a AccountForm,
) -> Result<FreshProof<'a>, Response<Body>> {
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let proof = FreshProof::check(&shared.flows, caller, form, language).await;
    proof.map_err(|error| respond(shared, page_request, error))
}

/// The shell of a page of my account.
pub(super) fn shell<'a>(
    page: AccountPage,
    signed_in_user: &'a SignedInUser,
    csrf: &'a str,
    message: Option<&FlashMessage>,
) -> Shell<'a> {
    Shell {
        page,
        csrf,
        session: signed_in_user.session.id.as_str(),
        person: person(signed_in_user),
        notice: message.and_then(notice),
    }
}

/// The notice that the page shows for what the person has just done.
fn notice(message: &FlashMessage) -> Option<AccountNotice> {
    Some(match message {
        FlashMessage::Confirmed => AccountNotice::Confirmed,
        FlashMessage::OneTimeCodesRemoved => AccountNotice::OneTimeCodesRemoved,
        FlashMessage::ProfileChanged => AccountNotice::ProfileChanged,
        FlashMessage::AddressChanged => AccountNotice::AddressChanged,
        FlashMessage::PasswordChanged => AccountNotice::PasswordChanged,
        FlashMessage::PasswordSet => AccountNotice::PasswordSet,
        FlashMessage::PasskeyAdded => AccountNotice::PasskeyAdded,
        FlashMessage::PasskeyRenamed => AccountNotice::PasskeyRenamed,
        FlashMessage::PasskeyRemoved => AccountNotice::PasskeyRemoved,
        FlashMessage::DeviceSignedOut => AccountNotice::DeviceSignedOut,
        FlashMessage::AppRemoved => AccountNotice::AppRemoved,
        FlashMessage::ActorStopped => AccountNotice::ActorStopped,
        FlashMessage::ActorAllowed => AccountNotice::ActorAllowed,
        FlashMessage::AccountKept => AccountNotice::AccountKept,
        FlashMessage::Linked => AccountNotice::ProviderLinked,
        FlashMessage::Unlinked => AccountNotice::ProviderUnlinked,
        FlashMessage::UpstreamNotice(..) => return None,
    })
}

/// The next step after a form: back to its page, with a message about what was done.
pub(super) fn account(form: &AccountForm, message: Option<FlashMessage>) -> Reply {
    account_with(form, message, None)
}

/// The same as [`account`], with a new cookie for the browser.
pub(super) fn account_with(
    form: &AccountForm,
    message: Option<FlashMessage>,
    cookie: Option<Cookie>,
) -> Reply {
    let next = NextStep::Account(form.person().session.id.clone(), form.page().into(), message);
    Reply::Next(Advanced { next, cookie })
}
