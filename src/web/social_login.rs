//! `/login/with/…` and `/login/callback/…`: leaving for a provider, and coming back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode};

use crate::domain::form::Form;
use crate::domain::interaction::Handle;
use crate::domain::provider::Slug;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::callback::{self, Back, Came};
use crate::flows::outcome::Lost;
use crate::flows::start;
use crate::flows::upstream_login::{self, NotLeft};
use crate::pages::PageProblem;
use crate::web::cookies::Way;
use crate::web::edge::Context;
use crate::web::page::{self, Answered, Failed};
use crate::web::page_request::Guest;
use crate::web::shared::Shared;
use crate::web::{body, flash_messages, receive};

/// A longer name of a person is none.
const LONGEST_USER: usize = 2048;

pub(super) async fn with(
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = receive::post(&shared, context, request, urls::LOGIN).await?;
    let Some(slug) = Slug::parse(&provider) else {
        return Ok(unknown(&shared, &guest));
    };
    let (id, csrf) = (guest.interaction(), guest.csrf());
    let choice = (&slug, guest.form.get("keep").is_some());
    let language = |ui_locales: Option<&str>| guest.reads(ui_locales).as_str();
    let left = upstream_login::leave(&shared.flows, guest.caller(), &id, csrf, choice, language);
    Ok(match left.await {
        Ok(url) => page::onward(&shared, &guest, &url),
        Err(error) => not_left(&shared, &guest, &id, error),
    })
}

/// Nobody leaves by opening the address by hand, or by coming back to it.
pub(super) async fn with_nothing(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = receive::get(&shared, context, request).await?;
    Ok(page::lost(&shared, &guest, Error::Refused(Lost::Unknown)))
}

/// A provider that may not be used here is as unknown as one that is not there.
pub(super) fn unknown(shared: &Shared, guest: &Guest) -> Response<Body> {
    let unknown =
        Failed::new(StatusCode::NOT_FOUND, "unknown_provider", PageProblem::UnknownProvider);
    page::failed(shared, guest, unknown)
}

/// Nobody left: the sign-in page says why, where that is still theirs to see.
pub(super) fn not_left(
    shared: &Shared,
    guest: &Guest,
    id: &Handle,
    error: Error<NotLeft>,
) -> Response<Body> {
    match error {
        Error::Fault(fault) => page::fault(shared, guest, &fault),
        Error::Refused(NotLeft::Lost(lost)) => page::lost(shared, guest, Error::Refused(lost)),
        Error::Refused(NotLeft::Noted(slug, note)) => {
            page::see_other(&flash_messages::sign_in(shared, id, &(Some(slug), note)))
        }
    }
}

/// The answer of a provider in the query.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
    context: Context,
    request: Request,
) -> Answered {
    let form = answer(request.uri().query().unwrap_or_default().as_bytes());
    let guest = receive::get(&shared, context, request).await?;
    let Some(slug) = Slug::parse(&provider) else { return Ok(unknown(&shared, &guest)) };
    // Whoever left for a provider that is gone is told so where they left from: their `state` says
    // where that is. Nobody else has one.
    let is_known = shared.flows.providers.list().iter().any(|one| one.registration.slug == slug);
    let Some(state) = form.get("state") else {
        let unknown = (!is_known).then(|| unknown(&shared, &guest));
        let lost = || page::lost(&shared, &guest, Error::Refused(Lost::Unknown));
        return Ok(unknown.unwrap_or_else(lost));
    };
    let came = Came {
        state,
        code: form.get("code"),
        error: form.get("error"),
        iss: form.get("iss"),
        user: form.get("user"),
        language: guest.language.as_str(),
    };
    Ok(match callback::come_back(&shared.flows, guest.caller(), &slug, came).await {
        Ok(Back::Led(led)) => {
            let signed_in = led.cookie.is_some();
            let mut response = page::lead_onward(&shared, &guest, led);
            if signed_in {
                shared.cookies.set_way(response.headers_mut(), &Way::Provider(slug));
            }
            response
        }
        Ok(Back::Away(url)) => page::onward(&shared, &guest, &url),
        Ok(Back::Noted(id, slug, note)) => {
            page::see_other(&flash_messages::sign_in(&shared, &id, &(Some(slug), note)))
        }
        Err(Error::Refused(Lost::Unknown)) if !is_known => unknown(&shared, &guest),
        Err(error) => page::lost(&shared, &guest, error),
    })
}

/// What of an answer is looked at.
const ANSWER: [&str; 5] = ["state", "code", "error", "iss", "user"];

/// What is looked at of the answer of a provider (RFC 6749 §4.1.2: the rest is ignored, also where it
/// stands twice or cannot be read). Where one of these stands twice, there is no answer.
fn answer(raw: &[u8]) -> Form {
    let is_looked_at = |pair: &&[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        ANSWER.iter().any(|known| known.as_bytes() == name)
    };
    let pairs: Vec<_> = raw.split(|byte| *byte == b'&').filter(is_looked_at).collect();
    Form::parse(&pairs.join(&b'&')).unwrap_or_default()
}

/// The answer of a provider as a form. A cross-site POST brings no cookie of ours, so the browser
/// comes back by GET with it.
pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
    context: Context,
    request: Request,
) -> Answered {
    let (parts, body) = match body::read(request).await {
        Ok(read) => read,
        Err(bad) => {
            let guest = Guest::nobody(&shared, context, HeaderMap::new(), None);
            let failed = Failed::new(bad.status, "invalid_request", PageProblem::InvalidRequest);
            return Err(page::failed(&shared, &guest, failed));
        }
    };
    let Some(slug) = Slug::parse(&provider) else {
        let guest = Guest::nobody(&shared, context, parts.headers, None);
        return Ok(unknown(&shared, &guest));
    };
    let form = answer(&body);
    let kept = ANSWER.into_iter().filter_map(|name| Some((name, form.get(name)?)));
    let kept = kept.filter(|(name, value)| *name != "user" || value.len() <= LONGEST_USER);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let callback = urls::LOGIN_CALLBACK.replace("{provider}", slug.as_str());
    Ok(page::see_other(&format!("{}{callback}?{query}", shared.base)))
}

/// What somebody is in the middle of, begun anew in this browser.
pub(super) async fn elsewhere(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = receive::get(&shared, context, request).await?;
    let id = guest.interaction();
    let pass = guest.form.get("pass").unwrap_or_default();
    Ok(match start::begin_elsewhere(&shared.flows, guest.caller(), &id, pass).await {
        Ok(led) => page::lead(&shared, &guest, led),
        Err(error) => page::lost(&shared, &guest, error),
    })
}
