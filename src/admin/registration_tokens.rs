//! What an operator does with the tokens with which apps register themselves, RFC 7591 §3.

use chrono::Duration;
use serde_json::json;

use super::authority::{ChangeClients, May, ReadClients};
use super::refused::{AdminResult, invalid, not_found, unchanged};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::group::GroupName;
use crate::domain::random;
use crate::domain::registration_token::{MOST_USES, RegistrationTokenRecord};
use crate::domain::secret::{Plain, RegistrationToken};
use crate::domain::version::Version;
use crate::store::{Reader, Store, Tx, audit_events, registration_tokens};

/// The longest life of a token.
const LONGEST: Duration = Duration::days(366);

/// A token to make.
#[derive(Clone, Copy, Debug)]
pub struct NewRegistrationToken<'a> {
    /// What the operator calls it.
    pub name: Option<&'a str>,
    /// For how long it is good.
    pub lifetime: Duration,
    /// How many apps may be registered with it.
    pub uses: u32,
}

impl Default for NewRegistrationToken<'_> {
    fn default() -> Self {
        Self { name: None, lifetime: Duration::hours(24), uses: 1 }
    }
}

/// Makes a token. It is shown now and never again.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    new: NewRegistrationToken<'_>,
) -> AdminResult<(RegistrationTokenRecord, Plain<RegistrationToken>)> {
    if new.name.is_some_and(|name| GroupName::parse(name).is_err()) {
        return invalid("the name of a token has 1 to 100 characters, none of them of control");
    }
    if new.lifetime <= Duration::zero() {
        return invalid("a token is good for some time, like 24h");
    }
    if !(1..=MOST_USES).contains(&new.uses) {
        return invalid(format!("a token is good for 1 to {MOST_USES} registrations"));
    }
    if new.lifetime > LONGEST {
        return invalid("a token is good for a year at most");
    }
    // It outlives the session of whoever makes it.
    may.fresh()?;
    let token = Plain::generate();
    let tx = may.acting(store).begin(clock.now()).await?;
    let made = RegistrationTokenRecord {
        id: random::identifier(),
        name: new.name.map(str::to_owned),
        uses_left: new.uses,
        created_at: tx.now(),
        expires_at: tx.now() + new.lifetime,
    };
    registration_tokens::insert(&tx, &made, token.hashed()).await?;
    let event = Event::new(EventKind::RegistrationTokenCreated).detail(&made.id);
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok((made, token))
}

/// Every token, without what it is.
pub async fn list(
    _may: &May<ReadClients>,
    reader: &impl Reader,
) -> AdminResult<Vec<RegistrationTokenRecord>> {
    Ok(registration_tokens::list_all(reader).await?)
}

/// What a token is: whoever revokes it can say which version they saw. A registration with it meanwhile
/// is no reason to let it live.
#[must_use]
pub fn version(one: &RegistrationTokenRecord) -> Version {
    Version::of(&json!([one.id, one.name, one.created_at, one.expires_at]))
}

/// The token with this id.
pub async fn of_id(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    id: &str,
) -> AdminResult<RegistrationTokenRecord> {
    registration_tokens::of_id(reader, id).await?.map_or_else(|| unknown(id), Ok)
}

fn unknown<T>(id: &str) -> AdminResult<T> {
    not_found(format!("there is no registration token {id:?}"))
}

/// Ends a token at once, if it is still what the caller saw. The apps that were registered with it stay.
pub async fn revoke(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    id: &str,
    seen: Option<&Version>,
) -> AdminResult {
    let tx = may.acting(store).begin(clock.now()).await?;
    let revoked = revoke_in(&tx, id, seen).await;
    tx.settle_or_undo(revoked).await
}

async fn revoke_in(tx: &Tx, id: &str, seen: Option<&Version>) -> AdminResult {
    unchanged(registration_tokens::lock(tx, id).await?, seen, version, || unknown(id))?;
    registration_tokens::delete(tx, id).await?;
    let event = Event::new(EventKind::RegistrationTokenRevoked).detail(id);
    Ok(audit_events::insert(tx, &[event]).await?)
}
