//! `/logout`: RP-Initiated Logout.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::page::{self, Answered, Failed, Shown};
use crate::accounts::browsers::SignedInUser;
use crate::domain::form::Form;
use crate::domain::interaction::{LogoutRequest, Purpose};
use crate::domain::provider::came_by;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::logout::{self, Done, Step};
use crate::flows::start;
use crate::oauth::logout as request;
use crate::oauth::logout::BadLogout;
use crate::oauth::refused::{self, Why};
use crate::pages::{
    Frame, HiddenFields, LogoutPage, PageProblem, SignedOutPage, StillSignedInPage,
};
use crate::web::interaction::csrf;
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;
use crate::web::shown::person;
use crate::web::{body, receive};

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
    Ok(match logout::begin(&shared.flows, page_request.caller(), request, navigates).await {
        Ok(step) => take(&shared, &page_request, &step),
        Err(fault) => page::fault(&shared, &page_request, &fault),
    })
}

/// A cross-site POST brings none of our cookies: the browser comes back by GET.
pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = PageRequest::nobody(&shared, context, request.headers().clone(), None);
    let text = match body::read(request).await {
        Ok((_, text)) => text,
        Err(bad) => {
            let bad = Failed::new(bad.status, "invalid_request", PageProblem::InvalidLogout);
            return Ok(page::failed(&shared, &page_request, bad));
        }
    };
    let request = read(&shared, &page_request, &text).await?;
    Ok(match start::hand_over(&shared.flows, Purpose::Logout(request)) {
        Ok(handle) => page::see_other(&page::address(&shared, urls::LOGOUT_CONTINUE, &handle)),
        Err(fault) => page::fault(&shared, &page_request, &fault),
    })
}

async fn read(
    shared: &Shared,
    page_request: &PageRequest,
    text: &[u8],
) -> Result<LogoutRequest, Response<Body>> {
    match request::read(&shared.requests, text).await {
        Ok(request) => Ok(request),
        Err(Error::Refused(BadLogout(why))) => {
            log(text, why);
            let bad = StatusCode::BAD_REQUEST;
            Err(page::failed(
                shared,
                page_request,
                Failed::new(bad, "invalid_request", PageProblem::InvalidLogout),
            ))
        }
        Err(Error::Fault(fault)) => Err(page::fault(shared, page_request, &fault)),
    }
}

fn log(text: &[u8], reason: &str) {
    let form = Form::parse(text).unwrap_or_default();
    let value = form.get("post_logout_redirect_uri").map(refused::without_query);
    let client = form.get("client_id");
    Why { client, error: "invalid_request", reason, value }.log();
}

pub(super) async fn go_on(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    Ok(
        match logout::go_on(&shared.flows, page_request.caller(), &page_request.interaction()).await
        {
            Ok(step) => take(&shared, &page_request, &step),
            Err(error) => page::interaction_error(&shared, &page_request, error),
        },
    )
}

fn take(shared: &Shared, page_request: &PageRequest, step: &Step) -> Response<Body> {
    match step {
        Step::Confirm(handle) => {
            page::see_other(&page::address(shared, urls::LOGOUT_CONFIRM, handle))
        }
        Step::Done(done) => {
            signed_out(shared, page_request, &page_request.browser_state.people, done)
        }
    }
}

/// The page that says so, or the way back to the app.
pub(super) fn signed_out(
    shared: &Shared,
    page_request: &PageRequest,
    people: &[SignedInUser],
    done: &Done,
) -> Response<Body> {
    let mut response = if let Some(location) = &done.location {
        page::onward(shared, page_request, location)
    } else {
        let app = done.client.as_ref().map(|client| Shown::of(shared, client, None));
        let frame = Frame { here: None, ..page_request.frame(shared) };
        let app = app.as_ref().map(Shown::app);
        let slugs = people.iter().filter_map(|present| came_by(&present.session.amr));
        let every = shared.flows.providers.list();
        let came = every
            .iter()
            .filter(|known| slugs.clone().any(|slug| slug == known.registration.slug.as_str()));
        let providers = came.map(|known| known.name(page_request.language.as_str())).collect();
        let page = SignedOutPage { frame, app, back: None, providers };
        page::show(shared, StatusCode::OK, &page, page_request)
    };
    if let Some(cookie) = &done.cookie {
        shared.cookies.set_browser(response.headers_mut(), cookie);
    }
    response
}

/// The page that asks.
pub(super) async fn asking(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let handle = page_request.interaction();
    let asking = logout::asking(&shared.flows, page_request.caller(), &handle).await;
    let (interaction, client) =
        asking.map_err(|error| page::interaction_error(&shared, &page_request, error))?;
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

/// The answer of the person.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::post(&shared, context, request, urls::LOGOUT_CONFIRM).await?;
    let (id, csrf) = (page_request.interaction(), page_request.csrf());
    let yes = page_request.form.get("answer") == Some("yes");
    Ok(match logout::confirm(&shared.flows, page_request.caller(), &id, csrf, yes).await {
        Ok(Some(done)) => {
            signed_out(&shared, &page_request, &page_request.browser_state.people, &done)
        }
        Ok(None) => {
            let frame = page_request.frame(&shared);
            page::show(&shared, StatusCode::OK, &StillSignedInPage { frame }, &page_request)
        }
        Err(error) => page::interaction_error(&shared, &page_request, error),
    })
}
