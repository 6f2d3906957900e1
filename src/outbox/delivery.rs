//! What each kind of messages defines: how a message is sent, the pauses between attempts, and the
//! audit event when it is given up.

use chrono::Duration;

use crate::domain::audit::{Event, EventKind};
use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;

/// How messages of one kind are sent.
pub trait Delivery: Sync {
    /// The type of the messages.
    type Message: Message;

    /// The seconds to wait after each failed attempt. The attempt after the last of these pauses is
    /// the last one.
    const PAUSES: &'static [i64];

    /// The audit event that is written when a message is given up.
    const GIVEN_UP: EventKind;

    /// Sends a message. Returns whether the receiver accepted it, or does not need it any more. It
    /// must end within the lease of half a minute. A fault is a failure of ours and says nothing
    /// about the receiver.
    fn send(
        &self,
        queued: &Queued<Self::Message>,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Adds to an event the client and the user that a message is about.
    fn about(&self, event: Event, message: &Self::Message) -> Event;
}

/// How long to wait after this number of attempts; `None` after the last attempt.
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
