//! Writing what is to be sent.

use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;
use crate::store::{Tx, outbox};

/// Writes messages in the transaction of whoever has something to say. They are sent once it is
/// committed: at once where somebody nudges ([`Wake`](super::Wake)), and in about a second elsewhere.
pub async fn enqueue<M: Message>(
    tx: &Tx,
    messages: impl IntoIterator<Item = M>,
) -> Result<(), Fault> {
    let queued: Vec<_> = messages.into_iter().map(Queued::new).collect();
    outbox::insert(tx, &queued).await
}
