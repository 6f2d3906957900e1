//! `/login/second-factor`: the page that asks for a one-time code or a recovery code.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Shown, retry_after};
use crate::accounts::second_factor::TypedFactor;
use crate::accounts::sign_in::SignInRefused;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::interaction::{Subject, View};
use crate::flows::sign_in::NotSignedIn;
use crate::flows::submitted::Submitted;
use crate::flows::{passkey_sign_in, second_factor};
use crate::pages::{CodeProblem, HiddenFields, SecondFactorPage};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::passkey_form::passkey_form;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::person_of;
use crate::web::{detached, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    Ok(show(&shared, &page_request, view, None).await)
}

async fn show(
    shared: &Shared,
    page_request: &PageRequest,
    view: View,
    problem: Option<Problem>,
) -> Response<Body> {
    let asked = match &view.subject {
        Subject::SecondFactor(asked) => asked,
        Subject::SetUpFactor(_) => {
            let next = Reply::Page(urls::SET_UP_FACTOR, view.handle);
            return respond(shared, page_request, next);
        }
        _ => {
            let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
            return respond(shared, page_request, next);
        }
    };
    let (app, csrf) = (app(shared, &view), csrf(shared, &view.interaction));
    let rules = shared.flows.factors.rules;
    let (interaction, user) = (&view.interaction, &asked.user.id);
    let passkey = match passkey_sign_in::prompt(&shared.flows, interaction, Some(user)).await {
        Ok(passkey) => passkey,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let here = page::address(shared, urls::SECOND_FACTOR, &view.handle);
    let page = SecondFactorPage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        person: person_of(&asked.user),
        steps_up: asked.session.is_some(),
        has_codes: asked.has_codes,
        has_recovery_codes: asked.has_recovery_codes,
        by_recovery_code: problem.is_some_and(|problem| problem.by_recovery_code),
        may_remember: rules.remember && asked.session.is_none(),
        remember: page_request.form.get("remember").is_some(),
        passkey: passkey.as_ref().map(|prompt| passkey_form(prompt, &here)),
        problem: problem.map(|problem| problem.what),
    };
    let status = problem.map_or(StatusCode::OK, |problem| status(problem.what));
    page::show(shared, status, &page, page_request)
}

/// What went wrong, and at which of the two fields.
#[derive(Clone, Copy, Debug)]
struct Problem {
    what: CodeProblem,
    by_recovery_code: bool,
}

pub(super) fn status(problem: CodeProblem) -> StatusCode {
    match problem {
        CodeProblem::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        CodeProblem::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::SECOND_FACTOR;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(prove(shared, received))).await
}

async fn prove(
    shared: Arc<Shared>,
    (mut page_request, form): (PageRequest, Submitted),
) -> Answered {
    let by_recovery_code = page_request.form.get("with") == Some("recovery-code");
    let field = if by_recovery_code { "recovery-code" } else { "code" };
    let Some(typed) = page_request.form.get(field) else {
        let problem = Problem { what: CodeProblem::Missing, by_recovery_code };
        return Ok(again(&shared, &mut page_request, problem).await);
    };
    let typed = if by_recovery_code {
        TypedFactor::RecoveryCode(typed)
    } else {
        TypedFactor::OneTimeCode(typed)
    };
    let remembers = page_request.form.get("remember").is_some();
    let caller = page_request.caller();
    let proving = second_factor::prove(&shared.flows, caller, &form, typed, remembers);
    let reply = match Box::pin(proving).await {
        Ok(advanced) => advanced.into(),
        Err(Error::Refused(NotSignedIn::Refused(refused))) => {
            let problem = Problem { what: problem(refused), by_recovery_code };
            let mut response = again(&shared, &mut page_request, problem).await;
            if let Some(seconds) = retry_after(refused) {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            return Ok(response);
        }
        Err(Error::Fault(fault)) => Reply::Fault(fault),
        Err(Error::Refused(NotSignedIn::InteractionError(error))) => error.into(),
        Err(Error::Refused(NotSignedIn::Another | NotSignedIn::ByProviderOnly)) => {
            Reply::Page(urls::AUTHORIZE_CONTINUE, form.handle().clone())
        }
    };
    Ok(respond(&shared, &page_request, reply))
}

/// Shows the page with the error of a passkey.
pub(super) async fn show_passkey_problem(
    shared: &Shared,
    page_request: &PageRequest,
    view: View,
    what: CodeProblem,
) -> Response<Body> {
    let problem = Problem { what, by_recovery_code: false };
    show(shared, page_request, view, Some(problem)).await
}

/// Shows the same page with the error.
async fn again(
    shared: &Shared,
    page_request: &mut PageRequest,
    problem: Problem,
) -> Response<Body> {
    match view(shared, page_request).await {
        Ok(view) => show(shared, page_request, view, Some(problem)).await,
        Err(response) => response,
    }
}

pub(super) fn problem(refused: SignInRefused) -> CodeProblem {
    match refused {
        SignInRefused::Wrong => CodeProblem::Wrong,
        SignInRefused::Throttled(seconds) => {
            CodeProblem::Throttled { minutes: seconds.div_ceil(60) }
        }
        SignInRefused::Busy => CodeProblem::Busy,
    }
}

/// The person goes on without a factor that the app only wishes for.
pub(super) async fn skip(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::SECOND_FACTOR;
    let (page_request, form) = receive::interaction_form(&shared, context, request, path).await?;
    let next = second_factor::skip(&shared.flows, page_request.caller(), &form).await;
    Ok(respond(&shared, &page_request, next))
}
