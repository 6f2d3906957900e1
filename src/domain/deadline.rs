//! Until when somebody waits.

use std::time::{Duration, Instant};

/// The instant at which nobody waits any more. It is made once for a request, at the edge, and goes
/// along with it ([`request`](super::request)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// Longer than anything runs: where a machine cannot name a later instant.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

impl Deadline {
    /// So much time from now on.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or_else(|| now + FOR_EVER))
    }

    /// What is left of it: nothing once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether nobody waits any more.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The instant.
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
        // A time that no clock reaches is a long one.
        assert!(!Deadline::within(Duration::MAX).has_passed());
    }
}
