//! Writes messages into the outbox.

use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;
use crate::store::{Tx, outbox};

/// Writes messages in the caller's transaction. They are sent after it is committed: at once if the
/// caller nudges the loops ([`Wake`](super::Wake)), and otherwise within about a second.
pub async fn enqueue<M: Message>(
    tx: &Tx,
    messages: impl IntoIterator<Item = M>,
) -> Result<(), Fault> {
    let queued: Vec<_> = messages.into_iter().map(Queued::new).collect();
    outbox::insert(tx, &queued).await
}
