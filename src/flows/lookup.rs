//! Where an interaction is kept. At first only the browser keeps it, sealed: in the URLs and forms
//! of its pages and, while the person is at a provider, in cookies. After somebody in it has proven
//! something, it is a row of the database. So a visitor who has proven nothing causes no write.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::interaction::{Handle, Interaction, InteractionId, Purpose};
use crate::domain::newcomer::Newcomer;
use crate::domain::random::is_identifier;
use crate::domain::session::BrowserId;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::outcome::{InteractionError, Outcome};
use crate::store::interactions;

/// The prefix of every sealed interaction. No identifier begins with it.
const SEALED: &str = "s.";

#[derive(Serialize, Deserialize)]
struct Carried {
    id: String,
    browser: Option<String>,
    purpose: Purpose,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newcomer: Option<Box<Newcomer>>,
    #[serde(with = "chrono::serde::ts_milliseconds")]
    received_at: DateTime<Utc>,
    #[serde(with = "chrono::serde::ts_milliseconds")]
    expires_at: DateTime<Utc>,
}

/// The handle by which the browser names an interaction: its id if it is stored, or else the sealed
/// interaction.
pub(super) fn handle(flows: &Flows, interaction: &Interaction) -> Result<Handle, Fault> {
    if interaction.is_stored {
        return Ok(interaction.id.handle());
    }
    let carried = Carried {
        id: interaction.id.as_str().to_owned(),
        browser: interaction.browser.as_ref().map(|browser| browser.as_str().to_owned()),
        purpose: interaction.purpose.clone(),
        newcomer: interaction.newcomer.clone(),
        received_at: interaction.received_at,
        expires_at: interaction.expires_at,
    };
    let text = serde_json::to_vec(&carried)
        .map_err(|error| Fault::internal("writing an interaction", error))?;
    Ok(Handle::from_stored(format!("{SEALED}{}", flows.browsers.seal(&text)?)))
}

/// Finds the interaction of this handle.
pub(super) async fn find(flows: &Flows, handle: &Handle) -> Outcome<Interaction> {
    let Some(sealed) = handle.as_str().strip_prefix(SEALED) else {
        let id = Some(handle.as_str())
            .filter(|name| is_identifier(name))
            .ok_or(InteractionError::Unknown)?;
        let stored =
            interactions::find(&*flows.store, &InteractionId::from_stored(id.to_owned())).await?;
        return stored.ok_or(InteractionError::Unknown.into());
    };
    let opened = flows.browsers.open(sealed);
    let carried = opened.and_then(|text| serde_json::from_slice::<Carried>(text.expose()).ok());
    let Carried { id, browser, purpose, newcomer, received_at, expires_at } =
        carried.ok_or(InteractionError::Unknown)?;
    let interaction = Interaction {
        id: InteractionId::from_stored(id),
        browser: browser.map(BrowserId::from_stored),
        purpose,
        session: None,
        pending: None,
        unfinished: None,
        newcomer,
        received_at,
        expires_at,
        ended_at: None,
        is_stored: false,
    };
    // If the interaction has been stored since, the row counts.
    let stored = interactions::find(&*flows.store, &interaction.id).await?;
    Ok(stored.unwrap_or(interaction))
}
