//! `/account/password`: a new password, or the first one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::security::{self, SecurityAnswer};
use crate::accounts::browsers::SignedInUser;
use crate::accounts::new_password::PasswordUnchanged;
use crate::accounts::password_rules::{LEAST, PasswordRefused};
use crate::accounts::sign_in::SignInRefused;
use crate::domain::authentication::Acr;
use crate::domain::secret::Secret;
use crate::domain::verdict::Error;
use crate::flows::my_account;
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::PasswordProblem;
use crate::web::account_session::{account, account_with, fresh_proof, submitted};
use crate::web::detached;
use crate::web::edge::Context;
use crate::web::page::{Answered, retry_after};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

pub(in crate::web) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, security::PAGE).await?;
    detached::to_its_end(Box::pin(change_password(shared, page_request, form))).await
}

async fn change_password(
    shared: Arc<Shared>,
    page_request: PageRequest,
    form: AccountForm,
) -> Answered {
    if form.person().user.password_hash.is_none() {
        return set_password(&shared, &page_request, &form).await;
    }
    let typed = |name| page_request.form.get(name).map(|text| Secret::new(text.to_owned()));
    let (current, new) = match (typed("current-password"), typed("new-password")) {
        (Some(current), Some(new)) => (current, new),
        (None, _) => {
            let missing = PasswordProblem::MissingCurrent;
            return Ok(show_problem(&shared, &page_request, form.person(), missing).await);
        }
        (_, None) => {
            let missing = PasswordProblem::MissingNew;
            return Ok(show_problem(&shared, &page_request, form.person(), missing).await);
        }
    };
    let caller = page_request.caller();
    // The current password is a proof of one factor. Who has two proves the second one, too.
    if shared.flows.factors.rules.needed(&form.person().user) > Acr::One {
        fresh_proof(&shared, &page_request, &form).await?;
    }
    let changed = my_account::change_password(&shared.flows, caller, &form, &current, &new).await;
    let unchanged = match changed {
        Err(Error::Refused(unchanged)) => unchanged,
        Err(Error::Fault(fault)) => return Ok(respond(&shared, &page_request, fault)),
        Ok(cookie) => {
            let message = Some(FlashMessage::PasswordChanged);
            let back = account_with(&form, message, Some(cookie));
            return Ok(respond(&shared, &page_request, back));
        }
    };
    let Some(problem) = problem(unchanged) else {
        // The account page lets them sign in or prove again who they are.
        return Ok(respond(&shared, &page_request, account(&form, None)));
    };
    let mut response = show_problem(&shared, &page_request, form.person(), problem).await;
    if let PasswordUnchanged::Refused(refused) = unchanged
        && let Some(seconds) = retry_after(refused)
    {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// Sets the password of a person who has none. They have nothing to type that proves who they are, so
/// they prove it on a page of its own.
async fn set_password(shared: &Shared, page_request: &PageRequest, form: &AccountForm) -> Answered {
    let Some(new) = page_request.form.get("new-password") else {
        let missing = PasswordProblem::MissingNew;
        return Ok(show_problem(shared, page_request, form.person(), missing).await);
    };
    let proof = fresh_proof(shared, page_request, form).await?;
    let caller = page_request.caller();
    let new = Secret::new(new.to_owned());
    match my_account::set_first_password(&shared.flows, caller, proof, &new).await {
        Ok(set) => {
            // Where it was not set, the page shows what can be done now, or lets them sign in again.
            let message = set.then_some(FlashMessage::PasswordSet);
            Ok(respond(shared, page_request, account_with(form, message, None)))
        }
        Err(Error::Refused(refused)) => {
            let problem = not_accepted(refused);
            Ok(show_problem(shared, page_request, form.person(), problem).await)
        }
        Err(Error::Fault(fault)) => Ok(respond(shared, page_request, fault)),
    }
}

/// Shows the page with the reason why the password was not changed.
async fn show_problem(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    problem: PasswordProblem,
) -> Response<Body> {
    let status = match problem {
        PasswordProblem::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        PasswordProblem::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let says = SecurityAnswer { password: Some(problem), ..SecurityAnswer::default() };
    security::show(shared, page_request, signed_in_user, status, says).await
}

fn problem(unchanged: PasswordUnchanged) -> Option<PasswordProblem> {
    Some(match unchanged {
        PasswordUnchanged::NotAccepted(refused) => not_accepted(refused),
        PasswordUnchanged::Same => PasswordProblem::SameAsOld,
        PasswordUnchanged::Refused(SignInRefused::Wrong) => PasswordProblem::WrongCurrent,
        PasswordUnchanged::Refused(SignInRefused::Throttled(seconds)) => {
            PasswordProblem::Throttled { minutes: seconds.div_ceil(60) }
        }
        PasswordUnchanged::Refused(SignInRefused::Busy) => PasswordProblem::Busy,
        PasswordUnchanged::NotFresh => return None,
    })
}

fn not_accepted(refused: PasswordRefused) -> PasswordProblem {
    match refused {
        PasswordRefused::TooShort => PasswordProblem::TooShort { least: LEAST },
        PasswordRefused::TooLong => PasswordProblem::TooLong,
        PasswordRefused::TooEasy => PasswordProblem::TooEasy,
        PasswordRefused::Breached => PasswordProblem::Breached,
    }
}
