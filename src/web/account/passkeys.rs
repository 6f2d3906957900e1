//! `/account/passkeys/…`: adding, renaming and removing passkeys.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::security::{self, SecurityAnswer};
use crate::accounts::passkeys::adding::NotAdded;
use crate::domain::verdict::Error;
use crate::flows::my_passkeys::{self, PasskeysUnchanged};
use crate::flows::new_way_in::NewPasskey;
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::PasskeyProblem;
use crate::web::account_session::{account, submitted};
use crate::web::edge::Context;
use crate::web::page::Answered;
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

pub(in crate::web) async fn add(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, security::PAGE).await?;
    let field = |name| page_request.form.get(name);
    let new = field("challenge")
        .zip(field("credential"))
        .map(|(challenge, answer)| NewPasskey { challenge, answer });
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let added = my_passkeys::add(&shared.flows, caller, &form, new, language).await;
    let said = added.map(|is_added| is_added.then_some(FlashMessage::PasskeyAdded));
    Ok(answer(&shared, &page_request, &form, said).await)
}

pub(in crate::web) async fn rename(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, security::PAGE).await?;
    let field = |name| page_request.form.get(name).unwrap_or_default();
    let named = (field("passkey"), field("name"));
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let renamed = my_passkeys::rename(&shared.flows, caller, &form, named, language).await;
    let said = renamed.map(|()| Some(FlashMessage::PasskeyRenamed));
    Ok(answer(&shared, &page_request, &form, said).await)
}

pub(in crate::web) async fn remove(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, security::PAGE).await?;
    let handle = page_request.form.get("passkey").unwrap_or_default();
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let removed = my_passkeys::remove(&shared.flows, caller, &form, handle, language).await;
    let said = removed.map(|()| Some(FlashMessage::PasskeyRemoved));
    Ok(answer(&shared, &page_request, &form, said).await)
}

async fn answer(
    shared: &Shared,
    page_request: &PageRequest,
    form: &AccountForm,
    said: Result<Option<FlashMessage>, Error<PasskeysUnchanged>>,
) -> Response<Body> {
    let problem = match said {
        Ok(said) => return respond(shared, page_request, account(form, said)),
        Err(Error::Fault(fault)) => return respond(shared, page_request, fault),
        Err(Error::Refused(PasskeysUnchanged::NotFresh(not_fresh))) => {
            return respond(shared, page_request, not_fresh);
        }
        // The page shows how things are now.
        Err(Error::Refused(PasskeysUnchanged::Gone | PasskeysUnchanged::TooMany)) => {
            return respond(shared, page_request, account(form, None));
        }
        Err(Error::Refused(PasskeysUnchanged::LastWayIn)) => PasskeyProblem::LastWayIn,
        Err(Error::Refused(PasskeysUnchanged::NotAdded(NotAdded::Late))) => PasskeyProblem::Late,
        Err(Error::Refused(PasskeysUnchanged::NotAdded(NotAdded::Refused))) => {
            PasskeyProblem::NotMade
        }
    };
    let says = SecurityAnswer { passkey: Some(problem), ..SecurityAnswer::default() };
    security::show(shared, page_request, form.person(), StatusCode::BAD_REQUEST, says).await
}
