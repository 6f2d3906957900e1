//! What an operator does with the tokens of SCIM connectors.

use chrono::Duration;
use serde_json::json;

use super::authority::{ChangeSecrets, May, ReadClients};
use super::refused::{AdminResult, Refused, invalid, not_found, unchanged};
use crate::domain::admin_right::Rights;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::group::GroupName;
use crate::domain::random;
use crate::domain::scim_token::ScimTokenRecord;
use crate::domain::secret::{Plain, ScimToken};
use crate::domain::version::Version;
use crate::store::{Reader, Store, Tx, audit_events, scim_tokens};

/// Makes a token for a connector. It is shown now and never again.
pub async fn create(
    may: &May<ChangeSecrets>,
    store: &Store,
    clock: &Clock,
    name: &str,
    lifetime: Option<Duration>,
) -> AdminResult<(ScimTokenRecord, Plain<ScimToken>)> {
    if GroupName::parse(name).is_err() {
        return invalid("the name of a token has 1 to 100 characters, none of them of control");
    }
    if lifetime.is_some_and(|lifetime| lifetime <= Duration::zero()) {
        return invalid("a token counts for some time, like 365d");
    }
    // Its bearer changes people and groups, whatever the rights of its maker are later.
    if !may.includes(Rights::of_connector()) {
        let why = "a connector changes people and groups, and you may not do that";
        return Err(Refused::Forbidden(why.to_owned()).into());
    }
    let token = Plain::generate();
    let tx = may.acting(store).begin(clock.now()).await?;
    let made = ScimTokenRecord {
        id: random::identifier(),
        name: name.to_owned(),
        created_at: tx.now(),
        expires_at: lifetime.map(|lifetime| tx.now() + lifetime),
    };
    scim_tokens::insert(&tx, &made, token.hashed()).await?;
    let event = Event::new(EventKind::ScimTokenCreated).detail(&made.id);
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok((made, token))
}

/// Every token, without what it is.
pub async fn list(
    _may: &May<ReadClients>,
    reader: &impl Reader,
) -> AdminResult<Vec<ScimTokenRecord>> {
    Ok(scim_tokens::list_all(reader).await?)
}

/// What a token is now: whoever revokes it can say which version they saw.
#[must_use]
pub fn version(one: &ScimTokenRecord) -> Version {
    Version::of(&json!([one.id, one.name, one.created_at, one.expires_at]))
}

/// The token with this id.
pub async fn of_id(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    id: &str,
) -> AdminResult<ScimTokenRecord> {
    scim_tokens::of_id(reader, id).await?.map_or_else(|| unknown(id), Ok)
}

fn unknown<T>(id: &str) -> AdminResult<T> {
    not_found(format!("there is no token {id:?}"))
}

/// Ends a token at once, if it is still what the caller saw.
pub async fn revoke(
    may: &May<ChangeSecrets>,
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
    unchanged(scim_tokens::lock(tx, id).await?, seen, version, || unknown(id))?;
    scim_tokens::delete(tx, id).await?;
    let event = Event::new(EventKind::ScimTokenRevoked).detail(id);
    Ok(audit_events::insert(tx, &[event]).await?)
}

/// The token that somebody presents, if it counts.
pub async fn find(
    store: &Store,
    clock: &Clock,
    presented: &str,
) -> AdminResult<Option<ScimTokenRecord>> {
    let hash = Plain::<ScimToken>::presented(presented).hashed();
    Ok(scim_tokens::find(store, hash, clock.now()).await?)
}
