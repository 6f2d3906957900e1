//! When to leave a provider alone that does not answer.

use chrono::{DateTime, Duration, Utc};

/// So many failures in a row, and it rests.
const FAILURES: u32 = 5;
/// For so long; then one call tries.
const REST: Duration = Duration::seconds(30);

/// The circuit breaker of one provider: a function of what happened and of the instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    rests_until: Option<DateTime<Utc>>,
}

impl Breaker {
    /// Whether a call may be made now. The one that ends a rest is the only one until it is heard
    /// of, or for another rest.
    pub(super) fn allows(&mut self, now: DateTime<Utc>) -> bool {
        match self.rests_until {
            Some(until) if now < until => false,
            Some(_) => {
                self.rests_until = Some(now + REST);
                true
            }
            None => true,
        }
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It answered, but so slowly that a visit may not come to its end: a rest is over, and what
    /// failed is not forgotten.
    pub(super) fn answered_slowly(&mut self) {
        self.rests_until = None;
    }

    /// It did not answer, or with a failure of its own.
    pub(super) fn failed(&mut self, now: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.rests_until = Some(now + REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn at(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    #[test]
    fn a_provider_that_fails_rests_and_is_tried_by_one_call() {
        let mut breaker = Breaker::default();
        for second in 0..5 {
            assert!(breaker.allows(at(second)), "{second}");
            breaker.failed(at(second));
        }
        assert!(!breaker.allows(at(5)) && !breaker.allows(at(33)));
        assert!(breaker.allows(at(34)));
        assert!(!breaker.allows(at(35)), "one call tries");
        breaker.failed(at(36));
        assert!(!breaker.allows(at(65)));
        assert!(breaker.allows(at(66)));
        breaker.answered();
        assert!(breaker.allows(at(67)) && breaker.allows(at(67)));
    }

    #[test]
    fn an_answer_between_failures_keeps_it_going() {
        let mut breaker = Breaker::default();
        for second in 0..20 {
            assert!(breaker.allows(at(second)));
            if second % 4 == 3 { breaker.answered() } else { breaker.failed(at(second)) }
        }
    }

    #[test]
    fn slow_answers_between_failures_do_not_keep_it_going() {
        let mut breaker = Breaker::default();
        for second in 0..5 {
            assert!(breaker.allows(at(second)));
            breaker.answered_slowly();
            breaker.failed(at(second));
        }
        assert!(!breaker.allows(at(5)));
        assert!(breaker.allows(at(34)));
        breaker.answered_slowly();
        assert!(breaker.allows(at(35)) && breaker.allows(at(35)));
        breaker.failed(at(36));
        assert!(!breaker.allows(at(36)));
    }

    #[test]
    fn a_trial_that_is_never_heard_of_gives_way_to_another() {
        let mut breaker = Breaker::default();
        (0..5).for_each(|second| breaker.failed(at(second)));
        assert!(breaker.allows(at(40)));
        assert!(!breaker.allows(at(69)));
        assert!(breaker.allows(at(70)));
    }
}
