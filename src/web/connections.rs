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
use crate::flows::outcome::{Led, Next, Said};
use crate::web::page_request::Guest;
use crate::web::shared::Shared;
use crate::web::{account_session, social_login};

pub(super) async fn link(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = account_session::submitted(&shared, context, request).await?;
    let Some(slug) = guest.form.get("provider").and_then(Slug::parse) else {
        return Ok(social_login::unknown(&shared, &guest));
    };
    let language = guest.language.as_str();
    let left =
        connected_providers::connect(&shared.flows, guest.caller(), &present, &slug, language)
            .await;
    Ok(match left {
        Ok(url) => page::onward(&shared, &guest, &url),
        Err(error) => unchanged(&shared, &guest, &present, error),
    })
}

pub(super) async fn unlink(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = account_session::submitted(&shared, context, request).await?;
    let name = guest.form.get("identity").unwrap_or_default();
    let language = guest.language.as_str();
    let gone =
        connected_providers::disconnect(&shared.flows, guest.caller(), &present, name, language)
            .await;
    Ok(match gone {
        Ok(()) => account_session::done(&shared, &present, "unlinked", None),
        Err(error) => unchanged(&shared, &guest, &present, error),
    })
}

fn unchanged(
    shared: &Shared,
    guest: &Guest,
    present: &SignedInUser,
    error: Error<Unchanged>,
) -> Response<Body> {
    match error {
        Error::Fault(fault) => page::fault(shared, guest, &fault),
        Error::Refused(Unchanged::Stale(led)) => page::lead(shared, guest, led),
        Error::Refused(Unchanged::Lost(lost)) => page::lost(shared, guest, Error::Refused(lost)),
        // Somebody was faster, in another tab.
        Error::Refused(Unchanged::Gone) => account_session::done(shared, present, "", None),
        Error::Refused(Unchanged::Noted(slug, note)) => {
            let said = Some(Said::Noted(slug, note));
            let next = Next::Account(present.session.id.clone(), said);
            page::lead(shared, guest, Led { next, cookie: None })
        }
    }
}
