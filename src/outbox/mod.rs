//! The outbox: all messages to others that must arrive, in one queue in the database for all kinds.
//!
//! A message is written in the transaction that causes it ([`enqueue`]), so no page waits for a
//! receiver, and no restart loses a message. A loop for each kind ([`deliver`]) takes the messages
//! that are due. The messages of one kind for one receiver are a lane: a receiver that is slow or
//! dead delays only its own messages. A message is taken for the time of a lease, so a process that
//! dies loses none. A message that its receiver did not accept is tried again after pauses that
//! grow. After the last attempt, or when the receiver refuses it for good, it is given up, and an
//! audit event records that.
//!
//! A new kind is a type that implements [`Message`](crate::domain::message::Message), a type that
//! implements [`Delivery`], and its line in `app/jobs.rs`.

mod deliver;
mod delivery;
mod enqueue;
mod wake;

pub use deliver::{Outbox, deliver};
pub use delivery::{Attempt, Delivery};
pub use enqueue::enqueue;
pub use wake::Wake;
