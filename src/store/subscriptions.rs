//! Who is told of audit events, in memory: an event costs nothing where nobody is told. A message is
//! written in the transaction of its event.

use std::sync::{Arc, Mutex, PoisonError};

use super::reader::Reader;
use super::tx::Tx;
use super::{outbox, webhooks};
use crate::domain::message::Queued;
use crate::domain::verdict::Fault;
use crate::domain::webhook::{Subscription, ToldEvent};

/// The subscriptions as this process knows them; `None` until it has read them.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<Option<Arc<[Subscription]>>>);

impl Subscriptions {
    fn known(&self) -> Option<Arc<[Subscription]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads them again.
    pub(super) async fn reload(&self, reader: &impl Reader) -> Result<(), Fault> {
        let read = webhooks::subscriptions(reader).await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(read.into());
        Ok(())
    }

    /// Forgets them, so that they are read when they are needed next.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Keeps what was read first. A later reading is newer and stays.
    fn keep_first(&self, read: &Arc<[Subscription]>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| Arc::clone(read));
    }
}

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
