//! Everything that is sent to others and must arrive: one queue in the database, whatever the kind.
//!
//! Whoever has something to say writes it in the transaction in which it came to be ([`enqueue`]), so
//! no page waits for a receiver and no restart loses a message. A loop for each kind ([`deliver`])
//! takes what is due. The messages of one kind for one receiver are a lane: a receiver that is slow or
//! dead delays only its own. A message is taken for the time of a lease, so that a process that dies
//! loses none; one that was not taken by its receiver is tried again after pauses that grow, and given
//! up after the last of them, which the audit log says.
//!
//! A new kind is a type that implements [`Message`](crate::domain::message::Message), a type that
//! implements [`Delivery`], and its line in `app/jobs.rs`.

mod deliver;
mod delivery;
mod enqueue;
mod wake;

pub use deliver::{Outbox, deliver};
pub use delivery::Delivery;
pub use enqueue::enqueue;
pub use wake::Wake;
