//! Webhooks: sends to other programs what they subscribed to. Who is told of an audit event is
//! decided where it is written ([`store`](crate::store)), and what is sent waits in the
//! [`outbox`](crate::outbox).

mod delivery;

pub use delivery::{WebhookAnswer, WebhookDelivery};
