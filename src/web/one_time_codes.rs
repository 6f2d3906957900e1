//! `/account/security/one-time-codes`: sets up and removes one-time codes, and renews the recovery
//! codes that stand in for them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered};
use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::domain::recovery_code::RecoveryCode;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::factor_set_up::{self, NotSetUp, TypedSetUp};
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::{CodeProblem, Frame, RecoveryCodesPage, SetUpFactorPage};
use crate::web::account_session::{account, fresh_proof, submitted, visited};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::second_factor::status;
use crate::web::shared::Shared;

/// The page of my account with the buttons.
const PAGE: AccountPage = AccountPage::Security;

/// The person wants to set one-time codes up. If they proved who they are, the page follows.
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    fresh_proof(&shared, &page_request, &form).await?;
    let session = form.person().session.id.as_str();
    let address = format!("{}{}", shared.base, urls::ACCOUNT_ONE_TIME_CODES);
    Ok(page::see_other(&format!("{address}?session={session}")))
}

/// The page with the key. Nothing is written until the first code is right.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, person) = visited(&shared, context, request, PAGE).await?;
    Ok(show(&shared, &page_request, &person, "", None))
}

/// Shows the page with the key that the form carried, or with a new one.
fn show(
    shared: &Shared,
    page_request: &PageRequest,
    person: &SignedInUser,
    sealed: &str,
    problem: Option<CodeProblem>,
) -> Response<Body> {
    let service = shared.look.name();
    let offer = factor_set_up::offer_again(&shared.flows, &person.user, service, sealed);
    let offer = match offer {
        Ok(offer) => offer,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let csrf = AccountForm::token(&shared.flows, person);
    let page = SetUpFactorPage {
        frame: page_request.frame(shared),
        app: None,
        action: urls::ACCOUNT_ONE_TIME_CODES,
        hidden: None,
        account: Some((&csrf, person.session.id.as_str())),
        new: &offer.sealed,
        key: offer.key.text.expose(),
        uri: offer.key.uri.expose(),
        may_skip: false,
        problem,
    };
    page::show(shared, problem.map_or(StatusCode::OK, status), &page, page_request)
}

/// Sets one-time codes up with the first code.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let proof = fresh_proof(&shared, &page_request, &form).await?;
    let caller = page_request.caller();
    let sealed = page_request.form.get("new").unwrap_or_default();
    let again = |problem| show(&shared, &page_request, form.person(), sealed, Some(problem));
    let Some(code) = page_request.form.get("code") else {
        return Ok(again(CodeProblem::Missing));
    };
    let typed = TypedSetUp { sealed, code };
    let done = factor_set_up::on_account_page(&shared.flows, caller, proof, typed).await;
    Ok(match done {
        Ok(done) => codes(&shared, &page_request, &form, &done.recovery_codes),
        Err(Error::Refused(NotSetUp::WrongCode)) => again(CodeProblem::Wrong),
        Err(Error::Refused(NotSetUp::Elsewhere)) => {
            respond(&shared, &page_request, account(&form, None))
        }
        Err(Error::Refused(NotSetUp::InteractionError(error))) => {
            respond(&shared, &page_request, error)
        }
        Err(Error::Fault(fault)) => respond(&shared, &page_request, fault),
    })
}

/// Shows recovery codes, once.
fn codes(
    shared: &Shared,
    page_request: &PageRequest,
    form: &AccountForm,
    codes: &[RecoveryCode],
) -> Response<Body> {
    let session = form.person().session.id.as_str();
    let onward = format!("{}{}?session={session}", shared.base, PAGE.path());
    let codes = codes.iter().map(RecoveryCode::shown).collect();
    let frame = Frame { here: None, ..page_request.frame(shared) };
    let page = RecoveryCodesPage { frame, codes, onward: &onward };
    page::show(shared, StatusCode::OK, &page, page_request)
}

/// Removes one-time codes and recovery codes.
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let proof = fresh_proof(&shared, &page_request, &form).await?;
    let caller = page_request.caller();
    let removed = factor_set_up::remove(&shared.flows, caller, proof).await;
    let said = |removed: bool| removed.then_some(FlashMessage::OneTimeCodesRemoved);
    let back = removed.map(|removed| account(&form, said(removed)));
    Ok(respond(&shared, &page_request, back))
}

/// Makes new recovery codes.
pub(super) async fn renew(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let proof = fresh_proof(&shared, &page_request, &form).await?;
    let caller = page_request.caller();
    let sealed = page_request.form.get("new").unwrap_or_default();
    Ok(match factor_set_up::renew(&shared.flows, caller, proof, sealed).await {
        Ok(Some(renewed)) => codes(&shared, &page_request, &form, &renewed),
        Ok(None) => respond(&shared, &page_request, account(&form, None)),
        Err(fault) => respond(&shared, &page_request, fault),
    })
}
