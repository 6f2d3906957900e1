//! `/login/forgot`: a person asks for a link to a new password.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Shown};
use crate::domain::urls;
use crate::flows::interaction::View;
use crate::flows::recovery;
use crate::flows::submitted::Submitted;
use crate::pages::{ForgotPage, Frame, HiddenFields};
use crate::web::interaction::{app, csrf, view};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{detached, receive};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    if !recovery::is_offered(&shared.flows) {
        return Ok(respond(&shared, &page_request, Reply::Page(urls::LOGIN, view.handle)));
    }
    Ok(show(&shared, &page_request, &view, false))
}

fn show(
    shared: &Shared,
    page_request: &PageRequest,
    view: &View,
    is_missing: bool,
) -> Response<Body> {
    let (app, csrf) = (app(shared, view), csrf(shared, &view.interaction));
    let sent = page_request.form.get("sent").is_some();
    let mut here = page::address(shared, urls::LOGIN_FORGOT, &view.handle);
    if sent {
        here.push_str("&sent=1");
    }
    let page = ForgotPage {
        frame: Frame { here: Some(&here), ..page_request.frame(shared) },
        app: app.as_ref().map(Shown::app),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        identifier: page_request.form.get("identifier").unwrap_or_default(),
        is_missing,
        sent,
    };
    let status = if is_missing { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page::show(shared, status, &page, page_request)
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let path = urls::LOGIN_FORGOT;
    let received = receive::interaction_form(&shared, context, request, path).await?;
    detached::to_its_end(Box::pin(ask(shared, received))).await
}

async fn ask(shared: Arc<Shared>, (mut page_request, form): (PageRequest, Submitted)) -> Answered {
    let view = view(&shared, &mut page_request).await?;
    let Some(typed) = page_request.form.get("identifier") else {
        return Ok(show(&shared, &page_request, &view, true));
    };
    let (caller, language) = (page_request.caller(), page_request.language);
    let asked = Box::pin(recovery::ask(&shared.flows, caller, &form, typed, language)).await;
    Ok(match asked {
        Ok(()) => {
            let here = page::address(&shared, urls::LOGIN_FORGOT, form.handle());
            page::see_other(&format!("{here}&sent=1"))
        }
        Err(error) => respond(&shared, &page_request, error),
    })
}
