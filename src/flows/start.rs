//! Starts interactions.

use crate::domain::interaction::{Handle, Interaction, InteractionId, Purpose};
use crate::domain::return_page::ReturnPage;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, InteractionError, Outcome};
use crate::flows::{advance, lookup};
use crate::oauth::authorize::request::CheckedRequest;

/// Begins with a request that arrived by GET.
pub async fn begin(flows: &Flows, caller: Caller<'_>, asked: CheckedRequest) -> Outcome<Advanced> {
    let purpose = Purpose::Authorize(Box::new(asked.request.clone()));
    let interaction =
        Interaction::new(purpose, caller.browser_state.browser.clone(), flows.clock.now());
    advance::on(flows, caller, advance::Progress { interaction, asked: Some(asked) }).await
}

/// Begins for a person who wants to see a page of their account or of the console, when nobody or more than one person is
/// signed in.
pub async fn begin_account(
    flows: &Flows,
    caller: Caller<'_>,
    page: ReturnPage,
) -> Outcome<Advanced> {
    let purpose = Purpose::Account { page, ui_locales: None };
    let interaction =
        Interaction::new(purpose, caller.browser_state.browser.clone(), flows.clock.now());
    advance::on(flows, caller, advance::Progress { interaction, asked: None }).await
}

/// Begins for a person who has to prove again who they are, for an action on this page.
pub async fn begin_confirming(
    flows: &Flows,
    caller: Caller<'_>,
    user: &UserId,
    page: ReturnPage,
    language: &str,
) -> Outcome<Advanced> {
    let ui_locales = Some(language.to_owned());
    let purpose = Purpose::Confirm { user: user.clone(), page, ui_locales };
    let interaction =
        Interaction::new(purpose, caller.browser_state.browser.clone(), flows.clock.now());
    advance::on(flows, caller, advance::Progress { interaction, asked: None }).await
}

/// The token that allows an interaction to begin again in another browser. It is shown only on
/// pages in the embedded browser of an app.
#[must_use]
pub fn elsewhere_token(flows: &Flows, interaction: &Interaction) -> String {
    let token = |browser| flows.forms.token(browser, &elsewhere(&interaction.id));
    interaction.browser.as_ref().map(token).unwrap_or_default()
}

fn elsewhere(id: &InteractionId) -> String {
    format!("elsewhere {}", id.as_str())
}

/// Begins the authorization request of an embedded browser again in another browser. Only the app's
/// request is taken over and nothing about the person. Each browser that opens this gets an
/// interaction of its own.
pub async fn begin_elsewhere(
    flows: &Flows,
    caller: Caller<'_>,
    handle: &Handle,
    elsewhere_token: &str,
) -> Outcome<Advanced> {
    let found = lookup::find(flows, handle).await?;
    let browser = found.browser.as_ref().ok_or(InteractionError::Unknown)?;
    if !flows.forms.verifies(elsewhere_token, browser, &elsewhere(&found.id)) {
        return Err(InteractionError::Unknown.into());
    }
    let purpose = interaction::still_open(flows, found).await?.purpose;
    match interaction::asked(flows, &purpose).await? {
        Some(mut asked) => {
            asked.request.login_hint = None;
            asked.request.acr_skipped_in = None;
            begin(flows, caller, asked).await
        }
        None => begin_account(flows, caller, purpose.return_page()).await,
    }
}

/// Seals a request that arrived by POST. A cross-site POST brings no cookies of this server, so the
/// browser is redirected and sends it again by GET.
pub fn seal_request(flows: &Flows, purpose: Purpose) -> Result<Handle, Fault> {
    lookup::handle(flows, &Interaction::new(purpose, None, flows.clock.now()))
}

/// Continues with an interaction. A sealed request begins now, in the browser that sends it.
pub async fn resume(flows: &Flows, caller: Caller<'_>, handle: &Handle) -> Outcome<Advanced> {
    let interaction = lookup::find(flows, handle).await?;
    if interaction.browser.is_some() {
        let interaction = interaction::open(flows, caller, handle).await?;
        let asked = interaction::asked(flows, &interaction.purpose).await?;
        return advance::on(flows, caller, advance::Progress { interaction, asked }).await;
    }
    let purpose = interaction::still_open(flows, interaction).await?.purpose;
    let asked = interaction::asked(flows, &purpose).await?.ok_or(InteractionError::Unknown)?;
    begin(flows, caller, asked).await
}
