//! `/account/providers/…`: connecting and disconnecting providers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::edge::Context;
use super::page::{self, Answered};
use crate::accounts::browsers::SignedInUser;
use crate::domain::provider::Slug;
use crate::domain::verdict::Error;
use crate::flows::connected_providers::{self, Unchanged};
use crate::flows::outcome::{Advanced, FlashMessage, NextStep};
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;
use crate::web::{account_session, social_login};

pub(super) async fn link(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, present) = account_session::submitted(&shared, context, request).await?;
    let Some(slug) = page_request.form.get("provider").and_then(Slug::parse) else {
        return Ok(social_login::unknown(&shared, &page_request));
    };
    let language = page_request.language.as_str();
    let left = connected_providers::connect(
        &shared.flows,
        page_request.caller(),
        &present,
        &slug,
        language,
    )
    .await;
    Ok(match left {
        Ok(url) => page::onward(&shared, &page_request, &url),
        Err(error) => unchanged(&shared, &page_request, &present, error),
    })
}

pub(super) async fn unlink(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, present) = account_session::submitted(&shared, context, request).await?;
    let name = page_request.form.get("identity").unwrap_or_default();
    let language = page_request.language.as_str();
    let gone = connected_providers::disconnect(
        &shared.flows,
        page_request.caller(),
        &present,
        name,
        language,
    )
    .await;
    Ok(match gone {
        Ok(()) => account_session::done(&shared, &present, "unlinked", None),
        Err(error) => unchanged(&shared, &page_request, &present, error),
    })
}

fn unchanged(
    shared: &Shared,
    page_request: &PageRequest,
    present: &SignedInUser,
    error: Error<Unchanged>,
) -> Response<Body> {
    match error {
        Error::Fault(fault) => page::fault(shared, page_request, &fault),
        Error::Refused(Unchanged::Stale(advanced)) => {
            page::next_step(shared, page_request, advanced)
        }
        Error::Refused(Unchanged::InteractionError(lost)) => {
            page::interaction_error(shared, page_request, Error::Refused(lost))
        }
        // Somebody was faster, in another tab.
        Error::Refused(Unchanged::Gone) => account_session::done(shared, present, "", None),
        Error::Refused(Unchanged::UpstreamNotice(slug, note)) => {
            let said = Some(FlashMessage::UpstreamNotice(slug, note));
            let next = NextStep::Account(present.session.id.clone(), said);
            page::next_step(shared, page_request, Advanced { next, cookie: None })
        }
    }
}
