//! A new way to sign in: what a person chooses for a new account, and instead of what they forgot. It
//! is a password, or a passkey.

use crate::accounts::passkeys::adding::{CreatedPasskey, NotAdded, PasskeyOwner};
use crate::accounts::passkeys::challenge::{ChallengePurpose, LIFE, PasskeyPrompt};
use crate::accounts::passkeys::relying_party::RelyingParty;
use crate::domain::interaction::Interaction;
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;

/// What a person chooses.
#[derive(Clone, Copy, Debug)]
pub enum NewWayIn<'a> {
    /// A password.
    Password(&'a Secret<String>),
    /// A passkey.
    Passkey(NewPasskey<'a>),
}

/// A new passkey, as the form brings it.
#[derive(Clone, Copy, Debug)]
pub struct NewPasskey<'a> {
    /// The sealed challenge.
    pub challenge: &'a str,
    /// The answer of the authenticator, as JSON.
    pub answer: &'a str,
}

/// The relying party, if passkeys are a way to sign in after this interaction.
fn relying_party<'a>(flows: &'a Flows, interaction: &Interaction) -> Option<&'a RelyingParty> {
    let only = flows.providers.are_the_only_way(interaction.purpose.client());
    flows.passkeys.as_deref().filter(|_| !only)
}

/// What a page of this interaction hands to the browser, so that it makes a passkey there. `service`
/// is the name of this server for people.
pub fn prompt(
    flows: &Flows,
    interaction: &Interaction,
    owner: PasskeyOwner<'_>,
    service: &str,
) -> Result<Option<PasskeyPrompt>, Fault> {
    let (Some(relying_party), Some(browser)) =
        (relying_party(flows, interaction), &interaction.browser)
    else {
        return Ok(None);
    };
    let (purpose, now) = (ChallengePurpose::Making(&interaction.id, browser), flows.clock.now());
    relying_party.begin_adding(purpose, owner, service, (now, now + LIFE)).map(Some)
}

/// Checks a new passkey that a form of this interaction brings.
pub(super) async fn check(
    flows: &Flows,
    interaction: &Interaction,
    new: NewPasskey<'_>,
) -> Result<CreatedPasskey, Error<NotAdded>> {
    let refused = || Error::Refused(NotAdded::Refused);
    let relying_party = relying_party(flows, interaction).ok_or_else(refused)?;
    let browser = interaction.browser.as_ref().ok_or_else(refused)?;
    let purpose = ChallengePurpose::Making(&interaction.id, browser);
    let now = flows.clock.now();
    let created = relying_party.finish_adding(purpose, new.challenge, new.answer, now)?;
    if created.is_taken(&*flows.store).await? {
        return Err(refused());
    }
    Ok(created)
}
