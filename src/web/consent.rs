//! `/consent`: the page that shows what an app asks for, and the person's yes or no.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::edge::Context;
use super::page::{self, Answered};
use crate::domain::interaction::Purpose;
use crate::domain::scope::Scope;
use crate::domain::urls;
use crate::flows::consent;
use crate::flows::interaction::Subject;
use crate::flows::scope_texts;
use crate::pages::{ConsentPage, HiddenFields};
use crate::web::interaction::{app, csrf, view};
use crate::web::receive;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::shown::{permissions, person};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut page_request = receive::get(&shared, context, request).await?;
    let view = view(&shared, &mut page_request).await?;
    let (Subject::Consent(signed_in_user, before), Purpose::Authorize(request), Some(app)) =
        (&view.subject, &view.interaction.purpose, app(&shared, &view))
    else {
        let next = Reply::Page(urls::AUTHORIZE_CONTINUE, view.handle);
        return Ok(respond(&shared, &page_request, next));
    };
    let csrf = csrf(&shared, &view.interaction);
    let asked: Vec<&str> = request.claims.names().collect();
    let (known_claims, new_claims): (Vec<&str>, Vec<&str>) =
        asked.into_iter().partition(|name| before.claims.iter().any(|known| known == name));
    let (known_resources, new_resources): (Vec<&String>, Vec<&String>) =
        request.resources.iter().partition(|resource| before.resources.contains(resource));
    let known = request.scope.shared_with(&before.scope);
    let known_tokens: Vec<&str> = known.iter().collect();
    let new: Scope = request.scope.without(&known_tokens);
    let language = page_request.language;
    let texts = match scope_texts::of(&shared.flows, [&request.scope].into_iter(), language).await {
        Ok(texts) => texts,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let consent = ConsentPage {
        frame: page_request.frame(&shared),
        app: app.app(),
        hidden: HiddenFields { interaction: view.handle.as_str(), csrf: &csrf },
        person: person(signed_in_user),
        permissions: permissions(&new, new_claims, new_resources, &texts),
        known: permissions(&known, known_claims, known_resources, &texts),
        switch: true,
        unvouched: app.unvouched(),
    };
    Ok(page::show(&shared, StatusCode::OK, &consent, &page_request))
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let received = receive::interaction_form(&shared, context, request, urls::CONSENT).await?;
    let (page_request, form) = received;
    let caller = page_request.caller();
    // Only `allow` counts as consent; everything else denies.
    let answered = match page_request.form.get("answer") {
        Some("allow") => consent::allow(&shared.flows, caller, &form).await,
        _ => consent::deny(&shared.flows, caller, &form).await,
    };
    Ok(respond(&shared, &page_request, answered))
}
