//! `/account/delete`: a person deletes their account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::data::{self, DataAnswer};
use crate::domain::account_page::AccountPage;
use crate::domain::provider::Slug;
use crate::domain::verdict::Error;
use crate::flows::deletion::{self, Losses, NotDeleted, PlannedDeletion};
use crate::flows::submitted::AccountForm;
use crate::pages::{DeleteAccountPage, DeletionPlannedPage, Frame};
use crate::web::account_session::{account, shell, submitted};
use crate::web::edge::Context;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

/// The page with the button.
const PAGE: AccountPage = AccountPage::Data;

/// Shows what the person would lose, and asks whether to delete the account.
pub(in crate::web) async fn ask(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let losses = match deletion::losses(&shared.flows, caller, &form, language).await {
        Ok(losses) => losses,
        Err(error) => return Ok(respond(&shared, &page_request, error)),
    };
    Ok(show_losses(&shared, &page_request, &form, &losses))
}

fn show_losses(
    shared: &Shared,
    page_request: &PageRequest,
    form: &AccountForm,
    losses: &Losses,
) -> Response<Body> {
    let csrf = AccountForm::token(&shared.flows, form.person());
    let language = page_request.language.as_str();
    let name = |slug: &Slug| match shared.flows.providers.find(slug, None) {
        Some(configured) => configured.name(language).to_owned(),
        None => slug.as_str().to_owned(),
    };
    let providers: Vec<String> = losses.providers.iter().map(name).collect();
    let apps = losses.apps.apps.iter();
    let shown = DeleteAccountPage {
        frame: page_request.frame(shared),
        shell: shell(PAGE, form.person(), &csrf, None),
        apps: apps.map(|access| access.client.client.metadata.client_name.as_str()).collect(),
        has_more_apps: losses.apps.more.is_some(),
        providers: providers.iter().map(String::as_str).collect(),
        until: (!shared.flows.deletion.grace.is_zero()).then_some(losses.at),
    };
    page::show(shared, StatusCode::OK, &shown, page_request)
}

/// Deletes the account.
pub(in crate::web) async fn confirm(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    match deletion::delete(&shared.flows, caller, &form, language).await {
        Ok(Some(planned)) => Ok(show_planned(&shared, &page_request, &planned)),
        // It is planned already, or an operator disabled the account meanwhile.
        Ok(None) => Ok(respond(&shared, &page_request, account(&form, None))),
        Err(Error::Refused(NotDeleted::NotFresh(not_fresh))) => {
            Ok(respond(&shared, &page_request, not_fresh))
        }
        Err(Error::Refused(NotDeleted::LastOwner)) => {
            let says = DataAnswer { is_last_owner: true, ..DataAnswer::default() };
            Ok(data::show(&shared, &page_request, form.person(), says))
        }
        Err(Error::Fault(fault)) => Ok(respond(&shared, &page_request, fault)),
    }
}

fn show_planned(
    shared: &Shared,
    page_request: &PageRequest,
    planned: &PlannedDeletion,
) -> Response<Body> {
    let until = (!shared.flows.deletion.grace.is_zero()).then_some(planned.at);
    let frame = Frame { here: None, ..page_request.frame(shared) };
    let shown = DeletionPlannedPage { frame, until };
    let mut response = page::show(shared, StatusCode::OK, &shown, page_request);
    shared.cookies.set_browser(response.headers_mut(), &planned.cookie);
    response
}
