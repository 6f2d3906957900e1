//! When to leave a provider alone that does not answer.
//!
//! Some failures nobody can provoke: that it cannot be reached at all, or does not answer to what we
//! ask of our own accord. After some of these it rests, for everybody. Others may be the doing of
//! whoever asked: a provider may answer with a failure to a code that it finds odd. These count when
//! they are met at several places, and then those who meet no failure of their own still get through,
//! one at a time; the first of them who is answered ends the rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

/// So many failures in a row, and it rests.
const FAILURES: u32 = 5;
/// Met at so many places, where somebody may have provoked them.
const PLACES: usize = 3;
/// So many places are remembered; whoever comes from another one then waits as well.
const REMEMBERED: usize = 64;
/// For so long; then one call tries.
const REST: Duration = Duration::seconds(30);
/// So long one trial keeps off the next, if nothing is heard of it.
const TRIAL: Duration = Duration::seconds(10);

/// The circuit breaker of one provider: a function of what happened and of the instant.
#[derive(Clone, Debug, Default)]
pub(super) struct CircuitBreaker {
    certain: Rest,
    provoked: Rest,
    /// Where failures were met that may have been provoked.
    places: BTreeSet<Arc<str>>,
    /// Until when somebody from another place tries.
    trial_until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    failures: u32,
    until: Option<DateTime<Utc>>,
}

impl Rest {
    /// Whether a call may be made now. The one that ends a rest is the only one until it is heard
    /// of, or for another rest.
    fn allows(&mut self, now: DateTime<Utc>) -> bool {
        match self.until {
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(now + REST);
                true
            }
            None => true,
        }
    }

    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }
}

impl CircuitBreaker {
    /// Whether a call may be made now, for somebody at this place or of our own accord.
    pub(super) fn allows(&mut self, now: DateTime<Utc>, place: Option<&Arc<str>>) -> bool {
        if !self.certain.allows(now) {
            return false;
        }
        // What we ask of our own accord nobody spoils.
        let Some(place) = place else { return true };
        if self.provoked.allows(now) {
            return true;
        }
        let is_another = !self.places.contains(place) && self.places.len() < REMEMBERED;
        if !is_another || self.trial_until.is_some_and(|until| now < until) {
            return false;
        }
        self.trial_until = Some(now + TRIAL);
        true
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It answered, but so slowly that a sign-in may not come to its end: a rest is over, and what
    /// failed is not forgotten.
    pub(super) fn answered_slowly(&mut self) {
        self.certain.until = None;
        self.provoked.until = None;
        self.trial_until = None;
    }

    /// It cannot be reached, or does not answer to what we ask of our own accord.
    pub(super) fn failed(&mut self, now: DateTime<Utc>) {
        self.certain.failed();
        if self.certain.failures >= FAILURES {
            self.certain.until = Some(now + REST);
        }
    }

    /// It did not answer to somebody at this place, or with a failure of its own.
    pub(super) fn failed_for(&mut self, now: DateTime<Utc>, place: &Arc<str>) {
        self.trial_until = None;
        self.provoked.failed();
        if self.places.len() < REMEMBERED {
            self.places.insert(Arc::clone(place));
        }
        if self.provoked.failures >= FAILURES && self.places.len() >= PLACES {
            self.provoked.until = Some(now + REST);
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

    fn place(number: usize) -> Arc<str> {
        format!("192.0.2.{number}").into()
    }

    #[test]
    fn a_provider_that_cannot_be_reached_rests_and_is_tried_by_one_call() {
        let mut breaker = CircuitBreaker::default();
        for second in 0..5 {
            assert!(breaker.allows(at(second), None), "{second}");
            breaker.failed(at(second));
        }
        let somebody = place(1);
        assert!(!breaker.allows(at(5), None) && !breaker.allows(at(33), Some(&somebody)));
        assert!(breaker.allows(at(34), None));
        assert!(!breaker.allows(at(35), None), "one call tries");
        breaker.failed(at(36));
        assert!(!breaker.allows(at(65), None));
        assert!(breaker.allows(at(66), Some(&somebody)));
        breaker.answered();
        assert!(breaker.allows(at(67), None) && breaker.allows(at(67), Some(&somebody)));
    }

    #[test]
    fn an_answer_between_failures_keeps_it_going() {
        let mut breaker = CircuitBreaker::default();
        for second in 0..20 {
            assert!(breaker.allows(at(second), None));
            if second % 4 == 3 { breaker.answered() } else { breaker.failed(at(second)) }
        }
    }

    #[test]
    fn slow_answers_between_failures_do_not_keep_it_going() {
        let mut breaker = CircuitBreaker::default();
        for second in 0..5 {
            assert!(breaker.allows(at(second), None));
            breaker.answered_slowly();
            breaker.failed(at(second));
        }
        assert!(!breaker.allows(at(5), None));
        assert!(breaker.allows(at(34), None));
        breaker.answered_slowly();
        assert!(breaker.allows(at(35), None) && breaker.allows(at(35), None));
        breaker.failed(at(36));
        assert!(!breaker.allows(at(36), None));
    }

    #[test]
    fn a_trial_that_is_never_heard_of_gives_way_to_another() {
        let mut breaker = CircuitBreaker::default();
        (0..5).for_each(|second| breaker.failed(at(second)));
        assert!(breaker.allows(at(40), None));
        assert!(!breaker.allows(at(69), None));
        assert!(breaker.allows(at(70), None));
    }

    #[test]
    fn failures_that_two_places_meet_make_it_rest_for_nobody() {
        let mut breaker = CircuitBreaker::default();
        for number in 0..100 {
            breaker.failed_for(at(0), &place(number % 2));
        }
        assert!(breaker.allows(at(1), Some(&place(0))) && breaker.allows(at(1), Some(&place(7))));
    }

    #[test]
    fn failures_that_several_places_meet_keep_off_those_and_let_others_try_one_at_a_time() {
        let mut breaker = CircuitBreaker::default();
        (0..5).for_each(|number| breaker.failed_for(at(0), &place(number % 3)));
        assert!((0..3).all(|number| !breaker.allows(at(1), Some(&place(number)))));
        assert!(breaker.allows(at(1), None), "our own calls are not theirs to spoil");
        assert!(breaker.allows(at(1), Some(&place(10))));
        assert!(!breaker.allows(at(1), Some(&place(11))), "one at a time");
        // Whose trial fails waits with the others; the next one tries.
        breaker.failed_for(at(2), &place(10));
        assert!(!breaker.allows(at(2), Some(&place(10))));
        assert!(breaker.allows(at(2), Some(&place(11))));
        // Of that one nothing is heard.
        assert!(!breaker.allows(at(11), Some(&place(12))));
        assert!(breaker.allows(at(12), Some(&place(12))));
        breaker.answered();
        assert!((0..20).all(|number| breaker.allows(at(13), Some(&place(number)))));
    }

    #[test]
    fn after_its_rest_anybody_tries_and_no_more_places_are_remembered_than_it_needs() {
        let mut breaker = CircuitBreaker::default();
        (0..500).for_each(|number| breaker.failed_for(at(0), &place(number)));
        assert_eq!(breaker.places.len(), REMEMBERED);
        assert!(!breaker.allows(at(29), Some(&place(1000))));
        assert!(breaker.allows(at(30), Some(&place(0))));
        assert!(!breaker.allows(at(31), Some(&place(1))));
    }
}
