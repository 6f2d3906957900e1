//! The answer to a sign-in that needs one more factor: how a first-party app goes on.

use crate::accounts::second_factor::SecondFactors;
use crate::domain::audit::{Event, EventKind};
use crate::domain::auth_session::AuthSession;
use crate::domain::authentication::Acr;
use crate::domain::client::Client;
use crate::domain::reason::Reason;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::keys::seal::AuthSessionKey;
use crate::oauth::error::{Onward, Refusal};
use crate::store::{Tx, audit_events, recovery_codes};

/// Whether this person has to prove a second factor before this client gets tokens.
#[must_use]
pub fn is_factor_due(factors: &SecondFactors, user: &User, client: &Client, reached: Acr) -> bool {
    reached < Acr::Two && factors.rules.is_due(user, Some(client))
}

/// Refuses a sign-in that needs one more factor. A client that may use the challenge endpoint goes
/// on with the session; any other one learns only that a factor is due.
pub async fn refuse(
    tx: &Tx,
    key: &AuthSessionKey,
    client: &Client,
    user: &User,
    (session, event): (&AuthSession, &Event),
) -> Result<Refusal, Fault> {
    let asked = Event { kind: EventKind::FactorAsked, ..event.clone() };
    audit_events::insert(tx, &[asked]).await?;
    let refusal = Refusal::new(Reason::FactorDue);
    if !client.metadata.first_party_challenge {
        return Ok(refusal);
    }
    let token = Secret::text(key.seal(session)?.expose());
    let onward = of(user, token, recovery_codes::left(tx, &user.id).await?);
    Ok(refusal.going_on(Some(onward)))
}

/// How an app goes on with this session.
#[must_use]
pub fn of(user: &User, auth_session: Secret, recovery_codes_left: u64) -> Onward {
    let has_codes = user.totp_since.is_some();
    Onward {
        auth_session,
        otp_required: has_codes,
        recovery_code_possible: has_codes && recovery_codes_left > 0,
    }
}
