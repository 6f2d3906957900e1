//! `/logout`: RP-Initiated Logout.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Failed, Shown};
use crate::domain::error_code::ErrorCode;
use crate::domain::form::Form;
use crate::domain::interaction::{LogoutRequest, Purpose};
use crate::domain::reason::Reason;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::submitted::Submitted;
use crate::flows::{logout, start};
use crate::oauth::logout as request;
use crate::oauth::logout::BadLogout;
use crate::oauth::refused::{self, RefusedRequest};
use crate::pages::{HiddenFields, LogoutPage, PageProblem};
use crate::web::interaction::csrf;
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::person;
use crate::web::{body, detached, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let mut page_request = receive::get(&shared, context, request).await?;
    let request = read(&shared, &page_request, query.as_bytes()).await?;
    page_request.read_in(request.ui_locales.as_deref());
    let navigates = page_request.navigates();
    let step = logout::begin(&shared.flows, page_request.caller(), request, navigates).await;
    Ok(respond(&shared, &page_request, step))
}

/// A cross-site POST brings none of our cookies, so the browser is redirected to come again by GET.
pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = PageRequest::nobody(&shared, context, request.headers().clone(), None);
    let text = match body::read(request).await {
        Ok((_, text)) => text,
        Err(bad) => {
            let bad = Failed::of_body(bad, PageProblem::InvalidLogout);
            return Ok(respond(&shared, &page_request, bad));
        }
    };
    let request = read(&shared, &page_request, &text).await?;
    let handle = start::seal_request(&shared.flows, Purpose::Logout(request));
    let next = handle.map(|handle| Reply::Page(urls::LOGOUT_CONTINUE, handle));
    Ok(respond(&shared, &page_request, next))
}

async fn read(
    shared: &Shared,
    page_request: &PageRequest,
    text: &[u8],
) -> Result<LogoutRequest, Response<Body>> {
    let read = request::read(&shared.requests, text).await;
    let failed = |error: Error<BadLogout>| {
        error.map(|BadLogout(reason)| {
            log(text, reason);
            Failed::explained(PageProblem::InvalidLogout)
        })
    };
    read.map_err(|error| respond(shared, page_request, failed(error)))
}

fn log(text: &[u8], reason: Reason) {
    let form = Form::parse(text).unwrap_or_default();
    let value = form.get("post_logout_redirect_uri").map(refused::without_query);
    let client = form.get("client_id");
    // The page shows the same code for every reason.
    let code = Some(ErrorCode::InvalidRequest);
    RefusedRequest { client, code, value, redirect_uri: value, ..reason.into() }.log();
}

pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    let (caller, handle) = (page_request.caller(), page_request.interaction());
    let step = logout::resume(&shared.flows, caller, &handle).await;
    Ok(respond(&shared, &page_request, step))
}

/// The page that asks whether to sign out.
pub(super) async fn asking(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let handle = page_request.interaction();
    let asking = logout::asking(&shared.flows, page_request.caller(), &handle).await;
    let (interaction, client) = asking.map_err(|error| respond(&shared, &page_request, error))?;
    page_request.read_in(interaction.purpose.ui_locales());
    let csrf = csrf(&shared, &interaction);
    let app = client.as_ref().map(|client| Shown::of(&shared, client, None));
    let asking = LogoutPage {
        frame: page_request.frame(&shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: handle.as_str(), csrf: &csrf },
        people: page_request.browser_state.people.iter().map(person).collect(),
    };
    Ok(page::show(&shared, StatusCode::OK, &asking, &page_request))
}

/// The person's answer to that question.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::LOGOUT_CONFIRM;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(answered(shared, received))).await
}

async fn answered(shared: Arc<Shared>, (page_request, form): (PageRequest, Submitted)) -> Answered {
    let yes = page_request.form.get("answer") == Some("yes");
    let confirmed = logout::confirm(&shared.flows, page_request.caller(), &form, yes).await;
    let reply = confirmed.map(|done| done.map_or(Reply::StayedSignedIn, Reply::SignedOut));
    Ok(respond(&shared, &page_request, reply))
}
