//! Who is told of audit events, in memory: an event costs nothing where nobody is told. A message is
//! written in the transaction of its event.

use std::sync::Arc;

use super::tx::Tx;
use crate::domain::message::Queued;
use crate::domain::verdict::Fault;
use crate::domain::webhook::{Subscription, ToldEvent};
use crate::store::{outbox, webhooks};

/// Who is told of events that this transaction writes.
pub(super) async fn of(tx: &Tx) -> Result<Arc<[Subscription]>, Fault> {
    if let Some(known) = tx.subscriptions().known() {
        return Ok(known);
    }
    let read: Arc<[Subscription]> = webhooks::subscriptions(tx).await?.into();
    // What a transaction sees of its own changes may be rolled back.
    if !tx.has_changed_watched_table() {
        tx.subscriptions().keep_first(&read);
    }
    Ok(read)
}

/// Writes the messages about these events.
pub(super) async fn tell(
    tx: &Tx,
    subscribed: &[Subscription],
    events: impl Iterator<Item = ToldEvent>,
) -> Result<(), Fault> {
    let mut messages = Vec::new();
    for event in events {
        let told = subscribed.iter().filter(|one| one.matches(&event.kind));
        messages.extend(told.map(|one| Queued::new(event.to(&one.webhook))));
    }
    if messages.is_empty() { Ok(()) } else { outbox::insert(tx, &messages).await }
}
