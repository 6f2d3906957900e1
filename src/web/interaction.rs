//! Interactions, as pages show them.

use axum::body::Body;
use axum::http::Response;

use crate::domain::interaction::{Interaction, Purpose};
use crate::flows::advance;
use crate::flows::interaction::View;
use crate::flows::outcome::Outcome;
use crate::web::page::Shown;
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;

/// Finds the interaction of a page and sets the language that the person reads. If there is no
/// interaction, the error is a page that says so.
pub(super) async fn view(
    shared: &Shared,
    page_request: &mut PageRequest,
) -> Result<View, Response<Body>> {
    let view = find(shared, page_request).await;
    view.map_err(|error| respond(shared, page_request, error))
}

async fn find(shared: &Shared, page_request: &mut PageRequest) -> Outcome<View> {
    let id = page_request.interaction();
    let mut view = advance::view(&shared.flows, page_request.caller(), &id).await?;
    if page_request.chose_language {
        view = advance::set_language(&shared.flows, view, page_request.language.as_str()).await?;
    }
    page_request.read_in(view.interaction.purpose.ui_locales());
    Ok(view)
}

/// The CSRF token for the forms of this interaction.
pub(super) fn csrf(shared: &Shared, interaction: &Interaction) -> String {
    let token = |browser| shared.flows.forms.token(browser, interaction.id.as_str());
    interaction.browser.as_ref().map(token).unwrap_or_default()
}

/// The redirect URI that the app gets its answer at.
fn ends_at(view: &View) -> Option<&str> {
    match &view.interaction.purpose {
        Purpose::Authorize(request) => Some(&request.redirect_uri),
        _ => None,
    }
}

/// The app of the interaction, as pages show it.
pub(super) fn app(shared: &Shared, view: &View) -> Option<Shown> {
    view.client.as_ref().map(|client| Shown::of(shared, client, ends_at(view)))
}
