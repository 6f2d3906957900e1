//! `/keep-account`: a person who deletes their account signed in, and may keep it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::edge::Context;
use super::page::{self, Answered};
use crate::domain::urls;
use crate::flows::interaction::Subject;
use crate::flows::keep_account;
use crate::pages::{HiddenFields, KeepAccountPage};
use crate::web::interaction::{app, csrf, view};
use crate::web::page::Shown;
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::person;

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    let app = app(&shared, &view);
    let Subject::KeepAccount(leaving) = &view.subject else {
        let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
        return Ok(respond(&shared, &page_request, next));
    };
    let csrf = csrf(&shared, &view.interaction);
    let keep = KeepAccountPage {
        frame: page_request.frame(&shared),
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        person: person(leaving),
        at: leaving.user.deletion_at.unwrap_or_default(),
    };
    Ok(page::show(&shared, StatusCode::OK, &keep, &page_request))
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::KEEP_ACCOUNT).await?;
    let (page_request, form) = received;
    let kept = keep_account::keep(&shared.flows, page_request.caller(), &form).await;
    Ok(respond(&shared, &page_request, kept))
}
