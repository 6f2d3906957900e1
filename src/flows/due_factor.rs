//! Whether a second factor is due, and which one a person may prove or set up.

use crate::accounts::browsers::{BrowserState, SignedInUser};
use crate::accounts::second_factor::asks_for_two;
use crate::domain::authentication::Acr;
use crate::domain::client::Client;
use crate::domain::interaction::Interaction;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::{AskedFactor, OfferedFactor, Subject};
use crate::flows::known_passkeys::has_passkey;
use crate::flows::outcome::{InteractionError, Outcome};
use crate::store::{recovery_codes, users};

/// The greatest strength that a person can prove with what their account has.
#[must_use]
pub(super) fn reach(user: &User, has_passkey: bool) -> Acr {
    match user.totp_since {
        _ if has_passkey => Acr::PhishingResistant,
        Some(_) => Acr::Two,
        None => Acr::One,
    }
}

/// Whether a second factor is due for this person in this browser. That the browser is remembered
/// does not change what the client asks for.
pub(super) fn is_due_in(
    flows: &Flows,
    browser_state: &BrowserState,
    user: &User,
    client: Option<&Client>,
) -> bool {
    let cookie = browser_state.remembered.as_deref();
    client.is_some_and(asks_for_two)
        || flows.factors.rules.is_due_by_account(user)
            && !flows.factors.is_remembered(cookie, user, flows.clock.now())
}

/// Whether a session lacks a second factor that is due, so that it opens nothing.
#[must_use]
pub fn is_lacking(
    flows: &Flows,
    browser_state: &BrowserState,
    person: &SignedInUser,
    client: Option<&Client>,
) -> bool {
    person.session.authentication.acr() < Acr::Two
        && is_due_in(flows, browser_state, &person.user, client)
}

/// What the page of a sign-in is about that is not finished.
pub(super) async fn unfinished(flows: &Flows, interaction: &Interaction) -> Outcome<Subject> {
    let begun = interaction.unfinished(flows.clock.now()).ok_or(InteractionError::Unknown)?;
    let user = users::find(&*flows.store, &begun.user).await?.ok_or(InteractionError::Unknown)?;
    let client = interaction.purpose.client();
    let has_passkey = has_passkey(flows, &*flows.store, client, &user.id).await?;
    if reach(&user, has_passkey) < Acr::Two {
        return Ok(Subject::SetUpFactor(Box::new(OfferedFactor { user, session: None })));
    }
    Ok(asked(flows, user, None, Acr::Two).await?)
}

/// What the page is about on which the person of this session proves more.
pub(super) async fn of_session(
    flows: &Flows,
    person: &SignedInUser,
    acr: Acr,
) -> Result<Subject, Fault> {
    let SignedInUser { user, session } = person.clone();
    asked(flows, user, Some(session), acr).await
}

async fn asked(
    flows: &Flows,
    user: User,
    session: Option<Session>,
    acr: Acr,
) -> Result<Subject, Fault> {
    // A one-time code is enough for two factors, and cannot be made resistant to phishing.
    let has_codes = user.totp_since.is_some() && acr == Acr::Two;
    let has_recovery_codes = has_codes && recovery_codes::left(&*flows.store, &user.id).await? > 0;
    let factor = AskedFactor { user, session, acr, has_codes, has_recovery_codes };
    Ok(Subject::SecondFactor(Box::new(factor)))
}
