//! `/recover/password`: a person who proved their address chooses a new password.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered};
use crate::accounts::passkeys::adding::NotAdded;
use crate::accounts::password_rules::{LEAST, PasswordRefused};
use crate::domain::secret::Secret;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::new_way_in::NewWayIn;
use crate::flows::recovery::{self, NewPasswordView, NotRecovered};
use crate::flows::submitted::Submitted;
use crate::pages::{HiddenFields, NewPasswordPage, NewPasswordProblem};
use crate::web::interaction::csrf;
use crate::web::page_request::PageRequest;
use crate::web::passkey_form::{new_passkey, passkey_form};
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{detached, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    Ok(show(&shared, &mut page_request, None).await)
}

async fn show(
    shared: &Shared,
    page_request: &mut PageRequest,
    problem: Option<NewPasswordProblem>,
) -> Response<Body> {
    let handle = page_request.interaction();
    let service = shared.look.name();
    let view = recovery::view(&shared.flows, page_request.caller(), &handle, service).await;
    let NewPasswordView { interaction, user, passkey } = match view {
        Ok(view) => view,
        Err(error) => return respond(shared, page_request, error),
    };
    page_request.read_in(interaction.purpose.ui_locales());
    let csrf = csrf(shared, &interaction);
    let here = page::address(shared, urls::RECOVER_PASSWORD, &handle);
    let page = NewPasswordPage {
        frame: page_request.frame(shared),
        hidden: HiddenFields { interaction: handle.as_str(), csrf: &csrf },
        username: &user.username,
        keep_sessions: page_request.form.get("keep-sessions").is_some(),
        passkey: passkey.as_ref().map(|prompt| passkey_form(prompt, &here)),
        problem,
    };
    let is_busy = problem == Some(NewPasswordProblem::Busy);
    let status = match problem {
        None => StatusCode::OK,
        Some(NewPasswordProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = page::show(shared, status, &page, page_request);
    if is_busy {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(2_u64));
    }
    response
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::RECOVER_PASSWORD;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(set(shared, received))).await
}

async fn set(shared: Arc<Shared>, (mut page_request, form): (PageRequest, Submitted)) -> Answered {
    let typed = page_request.form.get("new-password");
    let password = Secret::text(typed.unwrap_or_default());
    let way_in = match (new_passkey(&page_request.form), typed) {
        (Some(new), _) => NewWayIn::Passkey(new),
        (None, Some(_)) => NewWayIn::Password(&password),
        (None, None) => {
            return Ok(show(&shared, &mut page_request, Some(NewPasswordProblem::Missing)).await);
        }
    };
    let keep = page_request.form.get("keep-sessions").is_some();
    let caller = page_request.caller();
    let set = recovery::recover(&shared.flows, caller, &form, way_in, keep);
    let reply = match Box::pin(set).await {
        Ok(advanced) => advanced.into(),
        Err(Error::Refused(NotRecovered::Password(refused))) => {
            return Ok(show(&shared, &mut page_request, Some(problem(refused))).await);
        }
        Err(Error::Refused(NotRecovered::Same)) => {
            return Ok(show(&shared, &mut page_request, Some(NewPasswordProblem::Same)).await);
        }
        Err(Error::Refused(NotRecovered::Busy)) => {
            return Ok(show(&shared, &mut page_request, Some(NewPasswordProblem::Busy)).await);
        }
        Err(Error::Refused(NotRecovered::Passkey(not_added))) => {
            let problem = match not_added {
                NotAdded::Late => NewPasswordProblem::PasskeyLate,
                NotAdded::Refused => NewPasswordProblem::NoPasskey,
            };
            return Ok(show(&shared, &mut page_request, Some(problem)).await);
        }
        Err(Error::Refused(NotRecovered::InteractionError(error))) => error.into(),
        Err(Error::Fault(fault)) => Reply::Fault(fault),
    };
    Ok(respond(&shared, &page_request, reply))
}

fn problem(refused: PasswordRefused) -> NewPasswordProblem {
    match refused {
        PasswordRefused::TooShort => NewPasswordProblem::TooShort { least: LEAST },
        PasswordRefused::TooLong => NewPasswordProblem::TooLong,
        PasswordRefused::TooEasy => NewPasswordProblem::TooEasy,
        PasswordRefused::Breached => NewPasswordProblem::Breached,
    }
}
