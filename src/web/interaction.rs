//! What somebody is in the middle of, as pages show it.

use crate::domain::interaction::{Interaction, Purpose};
use crate::flows::advance;
use crate::flows::interaction::View;
use crate::flows::outcome::Outcome;
use crate::web::page::Shown;
use crate::web::page_request::Guest;
use crate::web::shared::Shared;

/// The interaction of a page, in the language that the person reads.
pub(super) async fn view(shared: &Shared, guest: &mut Guest) -> Outcome<View> {
    let id = guest.interaction();
    let mut view = advance::view(&shared.flows, guest.caller(), &id).await?;
    if guest.chose_language {
        view = advance::speak(&shared.flows, view, guest.language.as_str()).await?;
    }
    guest.read_in(view.interaction.purpose.ui_locales());
    Ok(view)
}

/// The token of a form of this interaction.
pub(super) fn csrf(shared: &Shared, interaction: &Interaction) -> String {
    let token = |browser| shared.flows.forms.token(browser, interaction.id.as_str());
    interaction.browser.as_ref().map(token).unwrap_or_default()
}

/// Where the answer goes in the end.
fn ends_at(view: &View) -> Option<&str> {
    match &view.interaction.purpose {
        Purpose::Authorize(request) => Some(&request.redirect_uri),
        _ => None,
    }
}

/// What a page shows of the app.
pub(super) fn app(shared: &Shared, view: &View) -> Option<Shown> {
    view.client.as_ref().map(|client| Shown::of(shared, client, ends_at(view)))
}
