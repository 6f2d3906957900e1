//! What is sent to others: it waits in the database until the receiver took it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A message of one kind. What it says is kept as JSON.
pub trait Message: Serialize + DeserializeOwned + Send + Sync {
    /// The name of the kind. It stands in databases, so it stays as it is.
    const KIND: &'static str;

    /// Whom it goes to. The messages of one kind for one receiver share a lane.
    fn target(&self) -> &str;

    /// From when on it is of no use to the receiver; `None` where it is sent however late it is.
    fn expires_at(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct Queued<M> {
    /// Its name, the same for every attempt.
    pub id: String,
    /// What it says.
    pub message: M,
    /// The attempts so far, with the one that is being made.
    pub attempts: i64,
    /// From when on it is of no use.
    pub expires_at: Option<DateTime<Utc>>,
}

impl<M: Message> Queued<M> {
    /// One that nobody has tried to send.
    #[must_use]
    pub fn new(message: M) -> Self {
        let expires_at = message.expires_at();
        Self { id: Uuid::now_v7().to_string(), message, attempts: 0, expires_at }
    }
}
