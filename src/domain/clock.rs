//! Time as a value: whoever needs the instant is handed a [`Clock`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};

/// The source of the present instant. The binary always uses [`Clock::system`]; the manual clock
/// exists for proofs that must not sleep.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at the present until its handle moves it.
    #[must_use]
    pub fn manual() -> (Self, ManualClock) {
        let millis = Arc::new(AtomicI64::new(Self::system().now().timestamp_millis()));
        (Self(Source::Manual(Arc::clone(&millis))), ManualClock(millis))
    }

    /// The present instant, in whole milliseconds: what the database can hold.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine")]
            Source::System => from_millis(Utc::now().timestamp_millis()),
            Source::Manual(millis) => from_millis(millis.load(Ordering::SeqCst)),
        }
    }
}

impl Clock {
    /// The present instant by another clock that showed this just now: two machines whose clocks
    /// differ agree on it. Less than a second is no difference but the way of the answer.
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

/// The instant of a stored number of milliseconds since 1970.
#[must_use]
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
