//! `/select-account`: the choice between the people who are signed in in this browser.

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
use crate::web::shared::Shared;
use crate::web::shown::person;

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut guest = receive::get(&shared, context, request).await?;
    let view =
        view(&shared, &mut guest).await.map_err(|error| page::lost(&shared, &guest, error))?;
    let people = advance::eligible(&shared.flows, &guest.browser_state, &view.interaction.purpose);
    if people.is_empty() {
        return Ok(page::see_other(&page::address(&shared, urls::LOGIN, &view.handle)));
    }
    let (app, csrf) = (app(&shared, &view), csrf(&shared, &view.interaction));
    let page = SelectAccountPage {
        frame: guest.frame(&shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        accounts: people.iter().map(|present| account(present)).collect(),
    };
    Ok(page::show(&shared, StatusCode::OK, &page, &guest))
}

fn account(present: &SignedInUser) -> Account<'_> {
    Account { person: person(present), session: present.session.id.as_str() }
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = receive::post(&shared, context, request, urls::SELECT_ACCOUNT).await?;
    let (id, csrf) = (guest.interaction(), guest.csrf());
    let session = guest.session("session");
    let chosen = sign_in::choose(&shared.flows, guest.caller(), &id, csrf, session.as_ref()).await;
    Ok(match chosen {
        Ok(led) => page::lead_onward(&shared, &guest, led),
        Err(error) => page::lost(&shared, &guest, error),
    })
}
