//! The deadline of a request: how long its answer is waited for.

use std::time::{Duration, Instant};

/// The instant after which the answer of a request is not waited for any more. It is made once for
/// each request, when the request arrives, and is passed along with it
/// ([`request`](super::request)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// Longer than anything runs. It is used when the machine cannot represent the later instant.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

impl Deadline {
    /// The deadline after this much time from now.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or_else(|| now + FOR_EVER))
    }

    /// The time that is left, or zero once the deadline has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The deadline as an instant.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_becomes_less_and_never_less_than_nothing() {
        let deadline = Deadline::within(Duration::from_mins(1));
        let left = deadline.remaining();
        assert!(left <= Duration::from_mins(1) && deadline.remaining() <= left);
        assert!(!deadline.has_passed());
        let passed = Deadline::within(Duration::ZERO);
        assert!(passed.has_passed() && passed < deadline);
        assert_eq!(passed.remaining(), Duration::ZERO);
        // A time beyond what the clock can represent still gives a deadline far in the future.
        assert!(!Deadline::within(Duration::MAX).has_passed());
    }
}
