//! `/login/with/…` and `/login/callback/…`: the redirect to a provider, and the callback from it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;

use crate::domain::form::Form;
use crate::domain::provider::Slug;
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, UpstreamState};
use crate::domain::upstream_login::UpstreamLoginName;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::flows::callback::{self, CallbackOutcome, CallbackParameters};
use crate::flows::outcome::InteractionError;
use crate::flows::start;
use crate::flows::upstream_login;
use crate::pages::PageProblem;
use crate::web::cookies::SignInMethod;
use crate::web::edge::Context;
use crate::web::page::{self, Answered, Failed};
use crate::web::page_request::PageRequest;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::{body, receive};

/// The longest `user` parameter that is kept, in bytes.
const LONGEST_USER: usize = 2048;

pub(super) async fn with(
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::LOGIN).await?;
    let (page_request, form) = received;
    let Some(slug) = Slug::parse(&provider) else {
        return Ok(respond(&shared, &page_request, unknown()));
    };
    let choice = (&slug, page_request.form.get("keep").is_some());
    let language = |ui_locales: Option<&str>| page_request.reads(ui_locales).as_str();
    let caller = page_request.caller();
    let left = upstream_login::start(&shared.flows, caller, &form, choice, language).await;
    Ok(respond(&shared, &page_request, left))
}

/// A GET starts no login at a provider: it comes from an address typed by hand, or from the
/// history.
pub(super) async fn with_nothing(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    Ok(respond(&shared, &page_request, InteractionError::Unknown))
}

/// The error page for a provider that does not exist or may not be used here. Both look the same.
pub(super) fn unknown() -> Failed {
    Failed::new(Reason::ProviderUnknown, PageProblem::UnknownProvider)
}

/// The callback of a provider, with its answer in the query.
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    Path(provider): Path<String>,
    context: Context,
    request: Request,
) -> Answered {
    let form = answer(request.uri().query().unwrap_or_default().as_bytes());
    let page_request = receive::get(&shared, context, request).await?;
    let Some(slug) = Slug::parse(&provider) else {
        return Ok(respond(&shared, &page_request, unknown()));
    };
    // A person whose provider was removed meanwhile is told so on their sign-in page, which their
    // `state` finds. Without a `state` there is no such page.
    let is_known = shared.flows.providers.list().iter().any(|one| one.registration.slug == slug);
    let Some(state) = form.get("state") else {
        let lost =
            if is_known { InteractionError::Unknown.into() } else { Reply::Failed(unknown()) };
        return Ok(respond(&shared, &page_request, lost));
    };
    let state = Plain::<UpstreamState>::presented(state);
    let (cookies, name) = (page_request.upstream_cookies(&shared), UpstreamLoginName::of(&state));
    let carried = cookies.handle(&name);
    let parameters = CallbackParameters {
        state: &state,
        carried: carried.as_ref(),
        code: form.get("code"),
        error: form.get("error"),
        iss: form.get("iss"),
        user: form.get("user"),
        language: page_request.language.as_str(),
    };
    let received = callback::receive(&shared.flows, page_request.caller(), &slug, parameters).await;
    let is_over =
        matches!(&received, Ok(outcome) if !matches!(outcome, CallbackOutcome::Departure(_)));
    let reply = match received {
        Err(Error::Refused(InteractionError::Unknown)) if !is_known => Reply::Failed(unknown()),
        received => Reply::from(received),
    };
    let signed_in = matches!(&reply, Reply::Resumed(advanced) if advanced.cookie.is_some());
    let mut response = respond(&shared, &page_request, reply);
    if signed_in {
        shared.cookies.set_sign_in_method(response.headers_mut(), &SignInMethod::Provider(slug));
    }
    if is_over {
        cookies.forget(&shared.cookies, response.headers_mut(), &shared.base, &name);
    }
    Ok(response)
}

/// The parameters that are read from a provider's answer.
const ANSWER: [&str; 5] = ["state", "code", "error", "iss", "user"];

/// Reads the parameters of a provider's answer. Others are ignored, also if they are repeated or
/// cannot be read (RFC 6749 §4.1.2). If one of ours is repeated, the whole answer counts as empty.
fn answer(raw: &[u8]) -> Form {
    let is_looked_at = |pair: &&[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        ANSWER.iter().any(|known| known.as_bytes() == name)
    };
    let pairs: Vec<_> = raw.split(|byte| *byte == b'&').filter(is_looked_at).collect();
    Form::parse(&pairs.join(&b'&')).unwrap_or_default()
}

/// The callback of a provider, with its answer as a form. A cross-site POST brings no cookie of
/// ours, so the browser is redirected to come again by GET with the same parameters.
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
            let failed = Failed::of_body(bad, PageProblem::InvalidRequest);
            return Err(respond(&shared, &page_request, failed));
        }
    };
    let Some(slug) = Slug::parse(&provider) else {
        let page_request = PageRequest::nobody(&shared, context, parts.headers, None);
        return Ok(respond(&shared, &page_request, unknown()));
    };
    let form = answer(&body);
    let kept = ANSWER.into_iter().filter_map(|name| Some((name, form.get(name)?)));
    let kept = kept.filter(|(name, value)| *name != "user" || value.len() <= LONGEST_USER);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let callback = urls::LOGIN_CALLBACK.replace("{provider}", slug.as_str());
    Ok(page::see_other(&format!("{}{callback}?{query}", shared.base)))
}

/// Starts an interaction again in this browser, after it was begun in the browser of an app.
pub(super) async fn elsewhere(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let page_request = receive::get(&shared, context, request).await?;
    let id = page_request.interaction();
    let elsewhere_token = page_request.form.get("pass").unwrap_or_default();
    let begun =
        start::begin_elsewhere(&shared.flows, page_request.caller(), &id, elsewhere_token).await;
    Ok(respond(&shared, &page_request, begun.map(Reply::Redirect)))
}
