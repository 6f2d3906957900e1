//! `/login`: the sign-in page.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::Shared;
use super::edge::Context;
use super::guest::Guest;
use super::page::{self, Answered, Shown};
use crate::accounts::sign_in::Refused;
use crate::domain::interaction::Errand;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::oauth::interactions::{self, NotSignedIn, Outcome, Subject, Typed, View};
use crate::pages::{SignInPage, SignInProblem, Ticket};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut guest = Guest::of_get(&shared, context, request).await?;
    let view =
        view(&shared, &mut guest).await.map_err(|error| page::lost(&shared, &guest, error))?;
    // Somebody who is signed in may still want to be another one.
    let wants_another = guest.form.get("another").is_some();
    match view.subject {
        Subject::SignIn(_) => {}
        _ if wants_another => {}
        Subject::Choose | Subject::Consent(..) | Subject::Elsewhere => {
            let id = &view.interaction.id;
            return Ok(page::see_other(&page::address(&shared, urls::AUTHORIZE_CONTINUE, id)));
        }
    }
    Ok(show(&shared, &guest, &view, None))
}

/// The interaction of a page, in the language that the person reads.
pub(super) async fn view(shared: &Shared, guest: &mut Guest) -> Outcome<View> {
    let id = guest.interaction();
    let mut view = interactions::view(&shared.issuer, guest.caller(), &id).await?;
    if guest.chose_language {
        view = interactions::speak(&shared.issuer, view, guest.language.as_str()).await?;
    }
    guest.read(view.interaction.errand.ui_locales());
    Ok(view)
}

/// The token of a form of this interaction.
pub(super) fn csrf(shared: &Shared, view: &View) -> String {
    let browser = view.interaction.browser.as_ref();
    let token = |browser| shared.issuer.forms.token(browser, &view.interaction.id.0);
    browser.map(token).unwrap_or_default()
}

/// Where the answer goes in the end.
pub(super) fn ends_at(view: &View) -> Option<&str> {
    match &view.interaction.errand {
        Errand::Authorize(request) => Some(&request.redirect_uri),
        Errand::Account { .. } | Errand::Logout(_) => None,
    }
}

/// What a page shows of the app.
pub(super) fn app(shared: &Shared, view: &View) -> Option<Shown> {
    view.client.as_ref().map(|client| Shown::of(shared, client, ends_at(view)))
}

fn show(
    shared: &Shared,
    guest: &Guest,
    view: &View,
    problem: Option<SignInProblem>,
) -> Response<Body> {
    let again = match &view.subject {
        Subject::SignIn(again) => again.as_deref(),
        _ => None,
    };
    let hint = match &view.interaction.errand {
        Errand::Authorize(request) => request.login_hint.as_deref(),
        Errand::Account { .. } | Errand::Logout(_) => None,
    };
    let wants_another = guest.form.get("another").is_some();
    let again = again.filter(|_| !wants_another);
    let known = again.map(|present| present.user.username.as_str());
    let (app, csrf) = (app(shared, view), csrf(shared, view));
    let sign_in = SignInPage {
        frame: guest.frame(shared),
        app: app.as_ref().map(Shown::app),
        ticket: Ticket { interaction: &view.interaction.id.0, csrf: &csrf },
        username: guest.form.get("username").or(known).or(hint).unwrap_or_default(),
        fixed: again.is_some(),
        keep: guest.form.get("keep").is_some(),
        problem,
        others: !guest.visitor.people.is_empty(),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(SignInProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(SignInProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    page::show(status, &sign_in, ends_at(view), guest)
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut guest = Guest::of_post(&shared, context, request).await?;
    let typed = match (guest.form.get("username"), guest.form.get("password")) {
        (Some(username), Some(password)) => {
            Typed { username, password, keep: guest.form.get("keep").is_some() }
        }
        (None, _) => return Ok(again(&shared, &mut guest, SignInProblem::MissingUsername).await),
        (_, None) => return Ok(again(&shared, &mut guest, SignInProblem::MissingPassword).await),
    };
    let (id, csrf) = (guest.interaction(), guest.csrf());
    Ok(match interactions::sign_in(&shared.issuer, guest.caller(), &id, csrf, typed).await {
        Ok(led) => page::lead(&shared, &guest, led),
        Err(Error::Fault(fault)) => page::fault(&shared, &guest, &fault),
        Err(Error::Refused(NotSignedIn::Lost(lost))) => {
            page::lost(&shared, &guest, Error::Refused(lost))
        }
        Err(Error::Refused(NotSignedIn::Refused(refused))) => {
            let mut response = again(&shared, &mut guest, problem(refused)).await;
            if let Some(seconds) = retry_after(refused) {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    })
}

fn problem(refused: Refused) -> SignInProblem {
    match refused {
        Refused::Wrong => SignInProblem::Wrong,
        Refused::Throttled(seconds) => SignInProblem::Throttled { minutes: seconds.div_ceil(60) },
        Refused::Busy => SignInProblem::Busy,
    }
}

pub(super) fn retry_after(refused: Refused) -> Option<u64> {
    match refused {
        Refused::Wrong => None,
        Refused::Throttled(seconds) => Some(seconds),
        Refused::Busy => Some(2),
    }
}

/// The same page with what is wrong; what was typed stays, but for the password.
async fn again(shared: &Shared, guest: &mut Guest, problem: SignInProblem) -> Response<Body> {
    guest.at(shared, urls::LOGIN);
    match view(shared, guest).await {
        Ok(view) => show(shared, guest, &view, Some(problem)),
        Err(error) => page::lost(shared, guest, error),
    }
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = Guest::of_post(&shared, context, request).await?;
    let (id, csrf) = (guest.interaction(), guest.csrf());
    Ok(match interactions::turn_back(&shared.issuer, guest.caller(), &id, csrf).await {
        Ok(led) => page::lead(&shared, &guest, led),
        Err(error) => page::lost(&shared, &guest, error),
    })
}
