//! `/account/providers/…`: connecting and disconnecting providers.

use std::sync::Arc;

use axum::extract::{Request, State};

use crate::domain::account_page::AccountPage;
use crate::domain::provider::Slug;
use crate::domain::verdict::Error;
use crate::flows::connected_providers::{self, Unchanged};
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::web::account_session::{account, submitted};
use crate::web::edge::Context;
use crate::web::page::Answered;
use crate::web::respond::{Reply, respond};
use crate::web::shared::Shared;
use crate::web::social_login;

/// The page with the forms.
const PAGE: AccountPage = AccountPage::Security;

pub(super) async fn link(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let Some(slug) = page_request.form.get("provider").and_then(Slug::parse) else {
        return Ok(respond(&shared, &page_request, social_login::unknown()));
    };
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let left = connected_providers::connect(&shared.flows, caller, &form, &slug, language).await;
    let left = left.map_err(|error| unchanged(&form, error));
    Ok(respond(&shared, &page_request, left))
}

pub(super) async fn unlink(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let name = page_request.form.get("identity").unwrap_or_default();
    let (caller, language) = (page_request.caller(), page_request.language.as_str());
    let gone = connected_providers::disconnect(&shared.flows, caller, &form, name, language).await;
    let gone = gone.map(|()| account(&form, Some(FlashMessage::Unlinked)));
    Ok(respond(&shared, &page_request, gone.map_err(|error| unchanged(&form, error))))
}

fn unchanged(form: &AccountForm, error: Error<Unchanged>) -> Error<Reply> {
    error.map(|unchanged| match unchanged {
        Unchanged::NotFresh(not_fresh) => not_fresh.into(),
        // The identity was already removed, for example in another tab.
        Unchanged::Gone => account(form, None),
        Unchanged::UpstreamNotice(slug, outcome) => {
            account(form, Some(FlashMessage::UpstreamNotice(slug, outcome)))
        }
    })
}
