//! Decides when a provider that fails is not called for a while.
//!
//! Some failures cannot be caused by a requester: the provider cannot be reached at all, or fails
//! at calls that this server makes by itself. After several of these, nobody calls it for a while.
//! Other failures may be caused by the requester: a provider may fail because of a strange code.
//! These count only if several places meet them. Requesters from other places may then still try,
//! one at a time, and the first one that gets an answer closes the breaker.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

/// After this many failures in a row the provider is not called for a while.
const FAILURES: u32 = 5;
/// Failures that a requester may have caused must come from at least this many places.
const PLACES: usize = 3;
/// How many places are remembered. If there are more, requesters from new places have to wait as
/// well.
const REMEMBERED: usize = 64;
/// How long the provider is not called. After that, one call tries it.
const REST: Duration = Duration::seconds(30);
/// How long one trial blocks the next one, if its result does not come.
const TRIAL: Duration = Duration::seconds(10);

/// The circuit breaker of one provider. It depends only on what happened and on the time.
#[derive(Clone, Debug, Default)]
pub(super) struct CircuitBreaker {
    certain: Rest,
    provoked: Rest,
    /// The places that met failures which a requester may have caused.
    places: BTreeSet<Arc<str>>,
    /// Until when the trial of a requester from another place runs.
    trial_until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    failures: u32,
    until: Option<DateTime<Utc>>,
}

impl Rest {
    /// Whether a call may be made now. After a pause one call is allowed. No other one is, until
    /// its result is known or another pause has passed.
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
    /// Whether a call may be made now, for a requester at this place or by this server itself
    /// (`None`).
    pub(super) fn allows(&mut self, now: DateTime<Utc>, place: Option<&Arc<str>>) -> bool {
        if !self.certain.allows(now) {
            return false;
        }
        // Calls that this server makes by itself are not blocked by failures of requesters.
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

    /// Whether the provider failed so often that it is not called for a while.
    pub(super) fn is_open(&self) -> bool {
        self.certain.until.is_some() || self.provoked.until.is_some()
    }

    /// The provider answered, whatever the answer was.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// The provider answered, but so slowly that a sign-in may not finish in time. This ends a
    /// pause, but the earlier failures still count.
    pub(super) fn answered_slowly(&mut self) {
        self.certain.until = None;
        self.provoked.until = None;
        self.trial_until = None;
    }

    /// The provider cannot be reached, or failed at a call that this server made by itself.
    pub(super) fn failed(&mut self, now: DateTime<Utc>) {
        self.certain.failed();
        if self.certain.failures >= FAILURES {
            self.certain.until = Some(now + REST);
        }
    }

    /// The provider did not answer a call for a requester at this place, or answered with a server
    /// error.
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
        // A requester whose trial failed waits with the others, and the next one may try.
        breaker.failed_for(at(2), &place(10));
        assert!(!breaker.allows(at(2), Some(&place(10))));
        assert!(breaker.allows(at(2), Some(&place(11))));
        // The result of that trial never comes.
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
