//! `/login/passkey`: signs people in with a passkey. `/.well-known/webauthn`: who may use them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::edge::Context;
use super::page::{Answered, retry_after};
use crate::accounts::sign_in::SignInRefused;
use crate::domain::reason::Reason;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::interaction::Subject;
use crate::flows::passkey_sign_in::{NotSignedInByPasskey, PasskeyAnswer, sign_in_by_passkey};
use crate::flows::submitted::Submitted;
use crate::pages::{CodeProblem, SignInProblem};
use crate::web::interaction::view;
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{answer, detached, login, receive, second_factor, well_known};

pub(super) async fn sign_in(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::LOGIN).await?;
    detached::to_its_end(Box::pin(finish(shared, received))).await
}

async fn finish(
    shared: Arc<Shared>,
    (mut page_request, form): (PageRequest, Submitted),
) -> Answered {
    let field = |name| page_request.form.get(name).unwrap_or_default();
    let given = PasskeyAnswer {
        challenge: field("challenge"),
        answer: field("credential"),
        keep: page_request.form.get("keep").is_some(),
    };
    let signing_in = sign_in_by_passkey(&shared.flows, page_request.caller(), &form, given);
    let reply = match Box::pin(signing_in).await {
        Ok(advanced) => advanced.into(),
        Err(Error::Refused(NotSignedInByPasskey::Late)) => {
            return Ok(again(&shared, &mut page_request, None).await);
        }
        Err(Error::Refused(NotSignedInByPasskey::Refused(refused))) => {
            let mut response = again(&shared, &mut page_request, Some(refused)).await;
            if let Some(seconds) = retry_after(refused) {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            return Ok(response);
        }
        Err(Error::Refused(NotSignedInByPasskey::InteractionError(error))) => error.into(),
        Err(Error::Refused(NotSignedInByPasskey::Another)) => {
            Reply::SignIn(form.handle().clone(), (None, UpstreamOutcome::Another))
        }
        Err(Error::Refused(NotSignedInByPasskey::NotOffered)) => {
            Reply::Page(urls::LOGIN, form.handle().clone())
        }
        Err(Error::Fault(fault)) => Reply::Fault(fault),
    };
    Ok(respond(&shared, &page_request, reply))
}

/// Shows the page that asked for the passkey, with the error: it came too late, or was refused.
async fn again(
    shared: &Shared,
    page_request: &mut PageRequest,
    refused: Option<SignInRefused>,
) -> Response<Body> {
    let view = match view(shared, page_request).await {
        Ok(view) => view,
        Err(response) => return response,
    };
    if let Subject::SecondFactor(_) = view.subject {
        let problem = match refused {
            None => CodeProblem::PasskeyLate,
            Some(SignInRefused::Wrong) => CodeProblem::PasskeyRefused,
            Some(other) => second_factor::problem(other),
        };
        return second_factor::show_passkey_problem(shared, page_request, view, problem).await;
    }
    let problem = match refused {
        None => SignInProblem::PasskeyLate,
        Some(SignInRefused::Wrong) => SignInProblem::PasskeyRefused,
        Some(other) => login::problem(other),
    };
    login::show(shared, page_request, &view, Some(problem)).await
}

/// The origins that may use the passkeys of this server, Web Authentication §5.11.
pub(super) async fn related_origins(State(shared): State<Arc<Shared>>) -> Response<Body> {
    match shared.flows.passkeys.as_ref().map(|party| party.related_origins()) {
        Some(origins) if !origins.is_empty() => {
            well_known::document(json!({ "origins": origins }).to_string().into())
        }
        _ => answer::refused(StatusCode::NOT_FOUND, Reason::PathUnknown),
    }
}
