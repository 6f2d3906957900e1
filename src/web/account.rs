//! `/account`: the pages on which people manage their own account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use super::page::{self, Answered};
use crate::domain::account_page::AccountPage;
use crate::domain::urls;
use crate::flows::logout::Done;
use crate::flows::my_account;
use crate::web::account_session::submitted;
use crate::web::respond::respond;
use crate::web::shared::Shared;

pub(super) mod activity;
pub(super) mod address;
pub(super) mod apps;
pub(super) mod data;
pub(super) mod deletion;
pub(super) mod devices;
mod passkey_section;
pub(super) mod passkeys;
pub(super) mod password;
pub(super) mod profile;
pub(super) mod security;

/// `/` redirects to the account page.
pub(super) async fn front(State(shared): State<Arc<Shared>>) -> Response<Body> {
    page::see_other(&format!("{}{}", shared.base, urls::ACCOUNT))
}

/// The button that every page has.
pub(super) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, AccountPage::Profile).await?;
    let (caller, here) = (page_request.caller(), &form.person().session.id);
    let ended = my_account::end_device(&shared.flows, caller, &form, here).await;
    let done = ended.map(|cookie| Done::on_account_page(form.person(), cookie));
    Ok(respond(&shared, &page_request, done))
}
