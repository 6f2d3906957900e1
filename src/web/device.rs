//! `/device`: the page on which a person allows a sign-in on a device without a browser.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Failed, Shown};
use crate::accounts::browsers::SignedInUser;
use crate::domain::device as device_names;
use crate::domain::device_grant::UserCode;
use crate::domain::reason::Reason;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::device::{self, DeviceForm, NotAllowed, WaitingDevice};
use crate::flows::outcome::InteractionError;
use crate::flows::scope_texts;
use crate::oauth::refused::RefusedRequest;
use crate::pages::{
    AskingDevice, DeviceGrantPage, DeviceProblem, DeviceStep, PageProblem, Unvouched,
};
use crate::web::account_session::whose;
use crate::web::page_request::PageRequest;
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::{permissions, person};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    // RFC 8628 §3.3.1: a code in the address is only filled in. The person compares it and goes on.
    let typed = page_request.form.get("user_code").and_then(UserCode::read);
    let Some(signed_in_user) = whose(&shared, &page_request).cloned() else {
        let begun = device::begin(&shared.flows, page_request.caller(), typed).await;
        return Ok(respond(&shared, &page_request, begun));
    };
    let typed = typed.map(|code| code.shown()).unwrap_or_default();
    let step = DeviceStep::Enter { typed, problem: None };
    Ok(show(&shared, &page_request, &signed_in_user, step, StatusCode::OK))
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::post(&shared, context, request, urls::DEVICE).await?;
    let (page_request, same_origin) = received;
    let Some(person) = whose(&shared, &page_request).cloned() else {
        // The session has ended meanwhile: the redirect lets the person sign in again.
        return Ok(page::see_other(&format!("{}{}", shared.base, urls::DEVICE)));
    };
    let csrf = page_request.csrf();
    let Some(form) = DeviceForm::check(&shared.flows, &same_origin, csrf, person) else {
        let forged = Failed::new(Reason::FormForged, PageProblem::Forbidden);
        return Ok(respond(&shared, &page_request, forged));
    };
    let (flows, caller) = (&shared.flows, page_request.caller());
    let typed = page_request.form.get("user_code").unwrap_or_default();
    let waiting = match device::find(flows, caller, &form, typed).await {
        Ok(waiting) => waiting,
        Err(error) => return Ok(not_allowed(&shared, &page_request, &form, error)),
    };
    let answered = match page_request.form.get("answer") {
        Some("allow") => {
            device::allow(flows, caller, &form, &waiting).await.map(|()| DeviceStep::Allowed)
        }
        Some(_) => device::deny(flows, caller, &form, &waiting).await.map(|()| DeviceStep::Denied),
        // Nothing is asked twice.
        None if waiting.grant.decided_at.is_some() => Err(NotAllowed::Unknown.into()),
        None => match device::admit(flows, caller, &form, &waiting).await {
            Ok(()) => return ask(&shared, &page_request, &form, &waiting).await,
            Err(error) => Err(error),
        },
    };
    Ok(match answered {
        Ok(step) => show(&shared, &page_request, form.person(), step, StatusCode::OK),
        Err(error) => not_allowed(&shared, &page_request, &form, error),
    })
}

async fn ask(
    shared: &Shared,
    page_request: &PageRequest,
    form: &DeviceForm,
    waiting: &WaitingDevice,
) -> Answered {
    let asked = &waiting.grant.asked;
    let language = page_request.language;
    let texts = match scope_texts::of(&shared.flows, [&asked.scope].into_iter(), language).await {
        Ok(texts) => texts,
        Err(fault) => return Ok(respond(shared, page_request, fault)),
    };
    let app = Shown::of(shared, &waiting.client, None);
    let device = AskingDevice {
        app: app.app(),
        // The device itself gets the answer, wherever else such an app sends people.
        unvouched: app.unvouched().map(|unvouched| Unvouched { redirect: "", ..unvouched }),
        user_code: waiting.code.shown(),
        address: asked.address.as_deref(),
        system: asked.user_agent.as_deref().and_then(device_names::system),
        asked_at: waiting.grant.created_at,
        permissions: permissions(&asked.scope, [], &asked.resources, &texts),
    };
    let step = DeviceStep::Ask(Box::new(device));
    Ok(show(shared, page_request, form.person(), step, StatusCode::OK))
}

/// Shows the form for the code again, with what is wrong, or leads the person to the next step.
fn not_allowed(
    shared: &Shared,
    page_request: &PageRequest,
    form: &DeviceForm,
    error: Error<NotAllowed>,
) -> Response<Body> {
    let why = match error {
        Error::Fault(fault) => return respond(shared, page_request, fault),
        Error::Refused(why) => why,
    };
    let mut wait = None;
    let (reason, problem) = match why {
        NotAllowed::First(advanced) => {
            return respond(shared, page_request, Reply::Next(*advanced));
        }
        NotAllowed::InteractionError(error) => {
            return respond(shared, page_request, Reply::InteractionError(error));
        }
        NotAllowed::TooManyApps(most) => {
            let full = InteractionError::TooManyApps(most);
            return respond(shared, page_request, Reply::InteractionError(full));
        }
        NotAllowed::Unknown => (Reason::UserCodeUnknown, DeviceProblem::Unknown),
        NotAllowed::Throttled(seconds) => {
            wait = Some(seconds);
            let minutes = seconds.div_ceil(60);
            (Reason::UserCodesThrottled, DeviceProblem::Throttled { minutes })
        }
        NotAllowed::Weak => (Reason::DeviceSignInWeak, DeviceProblem::Weak),
        NotAllowed::NotAdmitted => (Reason::DeviceNotAdmitted, DeviceProblem::NotAdmitted),
    };
    RefusedRequest::from(reason).log();
    let status = reason.status().and_then(|status| StatusCode::from_u16(status).ok());
    let typed = page_request.form.get("user_code").unwrap_or_default();
    // What cannot be a code is not repeated.
    let typed = UserCode::read(typed).map(|code| code.shown()).unwrap_or_default();
    let step = DeviceStep::Enter { typed, problem: Some(problem) };
    let status = status.unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = show(shared, page_request, form.person(), step, status);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn show(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    step: DeviceStep<'_>,
    status: StatusCode,
) -> Response<Body> {
    let csrf = DeviceForm::token(&shared.flows, signed_in_user);
    let page = DeviceGrantPage {
        frame: page_request.frame(shared),
        csrf: &csrf,
        session: signed_in_user.session.id.as_str(),
        person: person(signed_in_user),
        step,
    };
    page::show(shared, status, &page, page_request)
}
