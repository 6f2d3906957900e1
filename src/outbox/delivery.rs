//! What each kind of messages defines: how a message is sent, the pauses between attempts, and the
//! audit event when it is given up.

use chrono::Duration;

use crate::domain::audit::{Event, EventKind};
use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;
use crate::store::Tx;

/// How an attempt to send a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver accepted the message, or does not need it any more.
    Accepted,
    /// The receiver did not accept it this time.
    Postponed,
    /// The receiver will never accept it, for this reason.
    Refused(String),
}

/// How messages of one kind are sent.
pub trait Delivery: Sync {
    /// The type of the messages.
    type Message: Message;

    /// What came of an attempt: [`Attempt`] itself, unless something of it is noted.
    type Answer: Into<Attempt> + Send + Sync;

    /// The seconds to wait after each failed attempt. The attempt after the last of these pauses is
    /// the last one.
    const PAUSES: &'static [i64];

    /// The audit event that is written when a message is given up.
    const GIVEN_UP: EventKind;

    /// The number of messages that are sent at the same time to one receiver.
    const AT_ONCE: usize = 8;

    /// The time for which a message is taken. It is longer than an attempt, so that no other process
    /// makes the same attempt.
    const LEASE: Duration = Duration::seconds(30);

    /// Makes one attempt to send a message. It must end within the lease. A fault is a failure of
    /// ours and says nothing about the receiver.
    fn send(
        &self,
        queued: &Queued<Self::Message>,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;

    /// Notes what came of an attempt, in the transaction in which the message is deleted or
    /// postponed, and before that.
    fn note(
        &self,
        _tx: &Tx,
        _message: &Self::Message,
        _answer: &Self::Answer,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// Called when nothing more is to be sent to a receiver for now, for example to close a
    /// connection.
    fn rest(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

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
