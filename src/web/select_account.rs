//! `/select-account`: the person chooses one of the accounts that are signed in in this browser.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::edge::Context;
use super::page::{self, Answered, Shown};
use crate::accounts::browsers::SignedInUser;
use crate::domain::urls;
use crate::flows::{advance, sign_in};
use crate::pages::{Account, HiddenFields, SelectAccountPage};
use crate::web::interaction::{app, csrf, view};
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::person;

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    let people =
        advance::eligible(&shared.flows, &page_request.browser_state, &view.interaction.purpose);
    if people.is_empty() {
        return Ok(respond(&shared, &page_request, Reply::Page(urls::LOGIN, view.handle)));
    }
    let (app, csrf) = (app(&shared, &view), csrf(&shared, &view.interaction));
    let page = SelectAccountPage {
        frame: page_request.frame(&shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        accounts: people.iter().map(|signed_in_user| account(signed_in_user)).collect(),
    };
    Ok(page::show(&shared, StatusCode::OK, &page, &page_request))
}

fn account(signed_in_user: &SignedInUser) -> Account<'_> {
    Account { person: person(signed_in_user), session: signed_in_user.session.id.as_str() }
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::SELECT_ACCOUNT;
    let (page_request, form) = receive::interaction_form(&shared, context, request, path).await?;
    let (caller, session) = (page_request.caller(), page_request.session("session"));
    let chosen = sign_in::choose(&shared.flows, caller, &form, session.as_ref()).await;
    Ok(respond(&shared, &page_request, chosen))
}
