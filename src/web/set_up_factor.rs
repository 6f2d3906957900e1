//! `/login/set-up-factor`: the page on which a person sets up one-time codes on the way, because a
//! second factor is due or an app wishes for one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Shown};
use crate::domain::recovery_code::RecoveryCode;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::factor_set_up::{self, NotSetUp, SetUp, TypedSetUp};
use crate::flows::interaction::{Subject, View};
use crate::flows::submitted::Submitted;
use crate::pages::{CodeProblem, Frame, HiddenFields, RecoveryCodesPage, SetUpFactorPage};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::second_factor::status;
use crate::web::shared::Shared;
use crate::web::{detached, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    Ok(show(&shared, &page_request, view, "", None))
}

/// Shows the page with the key that the form carried, or with a new one.
fn show(
    shared: &Shared,
    page_request: &PageRequest,
    view: View,
    sealed: &str,
    problem: Option<CodeProblem>,
) -> Response<Body> {
    let Subject::SetUpFactor(offered) = &view.subject else {
        let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
        return respond(shared, page_request, next);
    };
    let service = shared.look.name();
    let offer = factor_set_up::offer_again(&shared.flows, &offered.user, service, sealed);
    let offer = match offer {
        Ok(offer) => offer,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let (app, csrf) = (app(shared, &view), csrf(shared, &view.interaction));
    let page = SetUpFactorPage {
        frame: page_request.frame(shared),
        app: app.as_ref().map(Shown::app),
        action: urls::SET_UP_FACTOR,
        hidden: Some(HiddenFields { interaction: view.handle.as_str(), csrf: &csrf }),
        account: None,
        new: &offer.sealed,
        key: offer.key.text.expose(),
        uri: offer.key.uri.expose(),
        may_skip: offered.session.is_some(),
        problem,
    };
    page::show(shared, problem.map_or(StatusCode::OK, status), &page, page_request)
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::SET_UP_FACTOR;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(set_up(shared, received))).await
}

async fn set_up(
    shared: Arc<Shared>,
    (mut page_request, form): (PageRequest, Submitted),
) -> Answered {
    let Some(code) = page_request.form.get("code") else {
        return Ok(again(&shared, &mut page_request, CodeProblem::Missing).await);
    };
    let sealed = page_request.form.get("new").unwrap_or_default();
    let (caller, typed) = (page_request.caller(), TypedSetUp { sealed, code });
    let setting_up = factor_set_up::on_the_way(&shared.flows, caller, &form, typed);
    let reply = match Box::pin(setting_up).await {
        Ok(done) => return Ok(codes(&shared, &page_request, &done)),
        Err(Error::Refused(NotSetUp::WrongCode)) => {
            return Ok(again(&shared, &mut page_request, CodeProblem::Wrong).await);
        }
        Err(Error::Refused(NotSetUp::Elsewhere)) => {
            Reply::Page(urls::AUTHORIZE_CONTINUE, form.handle().clone())
        }
        Err(Error::Refused(NotSetUp::InteractionError(error))) => error.into(),
        Err(Error::Fault(fault)) => Reply::Fault(fault),
    };
    Ok(respond(&shared, &page_request, reply))
}

/// Shows the recovery codes, once. From there the interaction goes on.
fn codes(shared: &Shared, page_request: &PageRequest, done: &SetUp) -> Response<Body> {
    let codes = done.recovery_codes.iter().map(RecoveryCode::shown).collect();
    let onward = done.handle.as_ref().map_or_else(
        || format!("{}{}", shared.base, urls::ACCOUNT),
        |handle| page::address(shared, urls::AUTHORIZE_CONTINUE, handle),
    );
    let frame = Frame { here: None, ..page_request.frame(shared) };
    let page = RecoveryCodesPage { frame, codes, onward: &onward };
    let mut response = page::show(shared, StatusCode::OK, &page, page_request);
    if let Some(cookie) = &done.cookie {
        shared.cookies.set_browser(response.headers_mut(), cookie);
    }
    response
}

/// Shows the same page with the error, for the same secret.
async fn again(
    shared: &Shared,
    page_request: &mut PageRequest,
    problem: CodeProblem,
) -> Response<Body> {
    let view = view(shared, page_request).await;
    let sealed = page_request.form.get("new").unwrap_or_default();
    match view {
        Ok(view) => show(shared, page_request, view, sealed, Some(problem)),
        Err(response) => response,
    }
}
