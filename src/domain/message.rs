//! Messages to others. A message waits in the database until its receiver has accepted it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A message of one kind. Its content is stored as JSON.
pub trait Message: Serialize + DeserializeOwned + Send + Sync {
    /// The name of the kind. It is stored in databases, so it must not change.
    const KIND: &'static str;

    /// The receiver. The messages of one kind for one receiver share a lane.
    fn target(&self) -> &str;

    /// When the message becomes useless to the receiver; `None` if it is sent however late it is.
    fn expires_at(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// A message that waits to be sent.
#[derive(Clone, Debug)]
pub struct Queued<M> {
    /// Its identifier, the same for every attempt.
    pub id: String,
    /// Its content.
    pub message: M,
    /// The number of attempts so far, including the current one.
    pub attempts: i64,
    /// When it becomes useless.
    pub expires_at: Option<DateTime<Utc>>,
}

impl<M: Message> Queued<M> {
    /// A message that has not been sent yet.
    #[must_use]
    pub fn new(message: M) -> Self {
        let expires_at = message.expires_at();
        Self { id: Uuid::now_v7().to_string(), message, attempts: 0, expires_at }
    }
}
