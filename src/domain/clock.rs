//! Time as a value: code that needs the current instant gets a [`Clock`] as an argument.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};

/// How far apart the clocks of two servers may be. What a server remembers so that it counts once is
/// remembered that much longer than it counts, and what another server made may be of so much later.
pub const SKEW: Duration = Duration::minutes(5);

/// The source of the current instant. The binary always uses [`Clock::system`]; the manual clock is
/// for tests, which must not sleep.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Fixed(DateTime<Utc>),
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still: for questions about another instant.
    #[must_use]
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Source::Fixed(at))
    }

    /// A clock that starts at the current time and changes only when its handle moves it.
    #[must_use]
    pub fn manual() -> (Self, ManualClock) {
        let millis = Arc::new(AtomicI64::new(Self::system().now().timestamp_millis()));
        (Self(Source::Manual(Arc::clone(&millis))), ManualClock(millis))
    }

    /// The current instant in whole milliseconds, the precision of the database.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine")]
            Source::System => from_millis(Utc::now().timestamp_millis()),
            Source::Fixed(at) => *at,
            Source::Manual(millis) => from_millis(millis.load(Ordering::SeqCst)),
        }
    }
}

impl Clock {
    /// The current instant by another clock that showed `other` a moment ago, so that two machines
    /// with different clocks agree on it. A difference of less than a second is ignored: it comes
    /// from the time that the answer needed.
    #[must_use]
    pub fn now_by(&self, other: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = other - Self::system().now();
        if ahead.abs() < Duration::seconds(1) { self.now() } else { self.now() + ahead }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock::System",
            Source::Fixed(_) => "Clock::Fixed",
            Source::Manual(_) => "Clock::Manual",
        })
    }
}

/// Moves a manual [`Clock`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Moves the clock forward, or back with a negative duration.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

/// The instant that is stored as a number of milliseconds since 1970.
#[must_use]
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
