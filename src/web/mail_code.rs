//! `/login/code`: signing in with a code that is mailed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::login;
use super::page::{self, Answered, Shown};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::interaction::View;
use crate::flows::mail_code::{self, NoCodeSignIn};
use crate::flows::submitted::Submitted;
use crate::pages::{MailedCodeKind, MailedCodePage, MailedCodeProblem, SignInProblem};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{detached, receive};

/// The person asks for a code on the sign-in page.
pub(super) async fn send(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::LOGIN).await?;
    detached::to_its_end(Box::pin(ask(shared, received))).await
}

async fn ask(shared: Arc<Shared>, (mut page_request, form): (PageRequest, Submitted)) -> Answered {
    let Some(typed) = page_request.form.get("username").map(str::to_owned) else {
        let missing = SignInProblem::MissingUsername;
        return Ok(login::again(&shared, &mut page_request, missing).await);
    };
    // Sets the language of the page.
    view(&shared, &mut page_request).await?;
    let (caller, language) = (page_request.caller(), page_request.language);
    let asked = Box::pin(mail_code::ask(&shared.flows, caller, &form, &typed, language)).await;
    Ok(match asked {
        Ok(()) => {
            let here = page::address(&shared, urls::LOGIN_CODE, form.handle());
            let keep = page_request.form.get("keep").map(|_| "&keep=1").unwrap_or_default();
            page::see_other(&format!("{here}{keep}"))
        }
        Err(error) => respond(&shared, &page_request, error),
    })
}

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    if !mail_code::is_offered(&shared.flows) {
        return Ok(respond(&shared, &page_request, Reply::Page(urls::LOGIN, view.handle)));
    }
    Ok(show(&shared, &page_request, &view, None))
}

fn show(
    shared: &Shared,
    page_request: &PageRequest,
    view: &View,
    problem: Option<MailedCodeProblem>,
) -> Response<Body> {
    let (app, csrf) = (app(shared, view), csrf(shared, &view.interaction));
    let mut fields = vec![("interaction", view.handle.as_str()), ("csrf", csrf.as_str())];
    fields.extend(page_request.form.get("keep").map(|_| ("keep", "1")));
    let page = MailedCodePage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        kind: MailedCodeKind::SignIn,
        fields,
        back: &format!("{}?interaction={}", urls::LOGIN, view.handle.as_str()),
        problem,
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &page, page_request)
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::LOGIN_CODE;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(sign_in(shared, received))).await
}

async fn sign_in(
    shared: Arc<Shared>,
    (mut page_request, form): (PageRequest, Submitted),
) -> Answered {
    let Some(typed) = page_request.form.get("code").map(str::to_owned) else {
        return Ok(again(&shared, &mut page_request, MailedCodeProblem::Missing).await);
    };
    let keep = page_request.form.get("keep").is_some();
    let caller = page_request.caller();
    let signed_in = mail_code::sign_in(&shared.flows, caller, &form, &typed, keep);
    let reply = match Box::pin(signed_in).await {
        Ok(advanced) => advanced.into(),
        Err(Error::Refused(NoCodeSignIn::Wrong)) => {
            return Ok(again(&shared, &mut page_request, MailedCodeProblem::Wrong).await);
        }
        Err(Error::Refused(NoCodeSignIn::Another)) => {
            Reply::SignIn(form.handle().clone(), (None, UpstreamOutcome::Another))
        }
        Err(Error::Refused(NoCodeSignIn::InteractionError(error))) => error.into(),
        Err(Error::Fault(fault)) => Reply::Fault(fault),
    };
    Ok(respond(&shared, &page_request, reply))
}

async fn again(
    shared: &Shared,
    page_request: &mut PageRequest,
    problem: MailedCodeProblem,
) -> Response<Body> {
    match view(shared, page_request).await {
        Ok(view) => show(shared, page_request, &view, Some(problem)),
        Err(response) => response,
    }
}
