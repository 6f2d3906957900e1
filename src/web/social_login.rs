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
use crate::flows::callback::{self, CallbackOutcome, CallbackParameters};
use crate::flows::outcome::InteractionError;
use crate::flows::start;
use crate::flows::upstream_login::{self, NotStarted};
use crate::pages::PageProblem;
use crate::web::cookies::SignInMethod;
use crate::web::edge::Context;
use crate::web::page::{self, Answered, Failed};
use crate::web::page_request::PageRequest;
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
    let page_request = receive::post(&shared, context, request, urls::LOGIN).await?;
    let Some(slug) = Slug::parse(&provider) else {
        return Ok(unknown(&shared, &page_request));
    };
    let (id, csrf) = (page_request.interaction(), page_request.csrf());
    let choice = (&slug, page_request.form.get("keep").is_some());
    let language = |ui_locales: Option<&str>| page_request.reads(ui_locales).as_str();
    let left =
        upstream_login::start(&shared.flows, page_request.caller(), &id, csrf, choice, language);
    Ok(match left.await {
        Ok(url) => page::onward(&shared, &page_request, &url),
        Err(error) => not_left(&shared, &page_request, &id, error),
    })
}

/// Nobody leaves by opening the address by hand, or by coming back to it.
pub(super) async fn with_nothing(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    Ok(page::interaction_error(&shared, &page_request, Error::Refused(InteractionError::Unknown)))
}

/// A provider that may not be used here is as unknown as one that is not there.
pub(super) fn unknown(shared: &Shared, page_request: &PageRequest) -> Response<Body> {
    let unknown =
        Failed::new(StatusCode::NOT_FOUND, "unknown_provider", PageProblem::UnknownProvider);
    page::failed(shared, page_request, unknown)
}

/// Nobody left: the sign-in page says why, where that is still theirs to see.
pub(super) fn not_left(
    shared: &Shared,
    page_request: &PageRequest,
    id: &Handle,
    error: Error<NotStarted>,
) -> Response<Body> {
    match error {
        Error::Fault(fault) => page::fault(shared, page_request, &fault),
        Error::Refused(NotStarted::InteractionError(lost)) => {
            page::interaction_error(shared, page_request, Error::Refused(lost))
        }
        Error::Refused(NotStarted::UpstreamNotice(slug, note)) => {
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
    let page_request = receive::get(&shared, context, request).await?;
    let Some(slug) = Slug::parse(&provider) else { return Ok(unknown(&shared, &page_request)) };
    // Whoever left for a provider that is gone is told so where they left from: their `state` says
    // where that is. Nobody else has one.
    let is_known = shared.flows.providers.list().iter().any(|one| one.registration.slug == slug);
    let Some(state) = form.get("state") else {
        let unknown = (!is_known).then(|| unknown(&shared, &page_request));
        let lost = || {
            page::interaction_error(
                &shared,
                &page_request,
                Error::Refused(InteractionError::Unknown),
            )
        };
        return Ok(unknown.unwrap_or_else(lost));
    };
    let came = CallbackParameters {
        state,
        code: form.get("code"),
        error: form.get("error"),
        iss: form.get("iss"),
        user: form.get("user"),
        language: page_request.language.as_str(),
    };
    Ok(match callback::receive(&shared.flows, page_request.caller(), &slug, came).await {
        Ok(CallbackOutcome::Advanced(advanced)) => {
            let signed_in = advanced.cookie.is_some();
            let mut response = page::next_step_onward(&shared, &page_request, advanced);
            if signed_in {
                shared
                    .cookies
                    .set_sign_in_method(response.headers_mut(), &SignInMethod::Provider(slug));
            }
            response
        }
        Ok(CallbackOutcome::Away(url)) => page::onward(&shared, &page_request, &url),
        Ok(CallbackOutcome::UpstreamNotice(id, slug, note)) => {
            page::see_other(&flash_messages::sign_in(&shared, &id, &(Some(slug), note)))
        }
        Err(Error::Refused(InteractionError::Unknown)) if !is_known => {
            unknown(&shared, &page_request)
        }
        Err(error) => page::interaction_error(&shared, &page_request, error),
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
            let page_request = PageRequest::nobody(&shared, context, HeaderMap::new(), None);
            let failed = Failed::new(bad.status, "invalid_request", PageProblem::InvalidRequest);
            return Err(page::failed(&shared, &page_request, failed));
        }
    };
    let Some(slug) = Slug::parse(&provider) else {
        let page_request = PageRequest::nobody(&shared, context, parts.headers, None);
        return Ok(unknown(&shared, &page_request));
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
    let page_request = receive::get(&shared, context, request).await?;
    let id = page_request.interaction();
    let pass = page_request.form.get("pass").unwrap_or_default();
    Ok(match start::begin_elsewhere(&shared.flows, page_request.caller(), &id, pass).await {
        Ok(advanced) => page::next_step(&shared, &page_request, advanced),
        Err(error) => page::interaction_error(&shared, &page_request, error),
    })
}
