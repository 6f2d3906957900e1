//! What an operator does with the tokens of SCIM connectors.

use chrono::Duration;

use super::authority::{ChangeSecrets, May, ReadClients};
use super::refused::{AdminResult, invalid, not_found};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::group::GroupName;
use crate::domain::random;
use crate::domain::scim_token::ScimTokenRecord;
use crate::domain::secret::{Plain, ScimToken};
use crate::store::{Reader, Store, audit_events, scim_tokens};

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

/// Ends a token at once.
pub async fn revoke(
    may: &May<ChangeSecrets>,
    store: &Store,
    clock: &Clock,
    id: &str,
) -> AdminResult {
    let tx = may.acting(store).begin(clock.now()).await?;
    if !scim_tokens::delete(&tx, id).await? {
        tx.abandon().await;
        return not_found(format!("there is no token {id:?}"));
    }
    audit_events::insert(&tx, &[Event::new(EventKind::ScimTokenRevoked).detail(id)]).await?;
    Ok(tx.commit().await?)
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
