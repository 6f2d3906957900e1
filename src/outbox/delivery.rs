//! What a kind of messages brings: how one is sent, how patient it is, and what is said at the end.

use chrono::Duration;

use crate::domain::audit::{Event, EventKind};
use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;

/// How messages of one kind are sent.
pub trait Delivery: Sync {
    /// What is sent.
    type Message: Message;

    /// The seconds after each failed attempt before the next one. The attempt after the last of them
    /// is the last one.
    const PAUSES: &'static [i64];

    /// What the audit log says when a message is given up.
    const GIVEN_UP: EventKind;

    /// Sends a message; whether the receiver took it, or needs it no longer. It must end within the
    /// lease of half a minute. A fault is ours: it says nothing about the receiver.
    fn send(
        &self,
        queued: &Queued<Self::Message>,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Adds to an event whom a message was about.
    fn about(&self, event: Event, message: &Self::Message) -> Event;
}

/// How long to wait after so many attempts; `None` when there is no more hope.
pub(super) fn pause_after(pauses: &[i64], attempts: i64) -> Option<Duration> {
    let made = usize::try_from(attempts).unwrap_or_default();
    let pause = made.checked_sub(1).and_then(|attempt| pauses.get(attempt));
    pause.map(|seconds| Duration::seconds(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_pause_after_each_attempt_but_the_last() {
        let pauses = [5, 30];
        let after = |attempts| pause_after(&pauses, attempts).map(|pause| pause.num_seconds());
        assert_eq!([1, 2, 3, 4].map(after), [Some(5), Some(30), None, None]);
    }
}
