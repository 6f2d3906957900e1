//! The lifetime of keys as a pure function of time.
//!
//! A key is *pending* from its creation (published, not signing), *signing* from `signs_from`,
//! *retiring* once a successor signs (published until the longest token that it signed has
//! expired), *remembered* (no longer published, but still used by us for hints and proofs that may
//! be expired), and then *forgotten*.

use chrono::{DateTime, Duration, Utc};

use crate::domain::client::TokenAlg;

/// When a key signs, and its place among the other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The algorithm by which it signs. A key is replaced by a key of the same algorithm.
    pub alg: TokenAlg,
    /// The instant from which it signs.
    pub signs_from: DateTime<Utc>,
    /// Decides between two keys that sign from the same instant: the later one signs.
    pub generation: i64,
}

/// The phase of a key's lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the module says what each is")]
pub enum Phase {
    Pending,
    Signing,
    Retiring,
    Remembered,
    Forgotten,
}

impl Phase {
    /// The phases of keys that are kept.
    pub const KEPT: [Self; 4] = [Self::Pending, Self::Signing, Self::Retiring, Self::Remembered];

    /// Whether the JWKS shows a key of this phase.
    #[must_use]
    pub fn is_published(self) -> bool {
        self <= Self::Retiring
    }

    /// The name of the phase, for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Signing => "signing",
            Self::Retiring => "retiring",
            Self::Remembered => "remembered",
            Self::Forgotten => "forgotten",
        }
    }
}

/// How long a key is still needed after it has stopped to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The lifetime of the longest token, with the clock skew that verifiers may have.
    pub published: Duration,
    /// How much longer an expired token of ours may still be presented to us.
    pub remembered: Duration,
}

/// The phase of each key at one instant, and the next instant at which one of them may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingView {
    /// One phase for each timing, in the same order.
    pub phases: Vec<Phase>,
    /// The instant until which this view is valid.
    pub until: DateTime<Utc>,
}

/// The phases of all keys. Invariant: as long as an algorithm has a key, exactly one of them signs.
#[must_use]
pub fn at(now: DateTime<Utc>, keys: &[Timing], memory: Memory) -> RingView {
    let mut until = DateTime::<Utc>::MAX_UTC;
    let phases = keys
        .iter()
        .map(|key| {
            let (phase, ends) = phase(now, *key, keys, memory);
            until = until.min(ends);
            phase
        })
        .collect();
    RingView { phases, until }
}

/// The largest expected difference between the clocks of the machines that create keys.
const APART: Duration = Duration::hours(1);

/// Whether a key is to sign at an instant that is too far away for a key made now: it was made by a
/// clock that was far ahead.
#[must_use]
pub fn is_stray(now: DateTime<Utc>, signs_from: DateTime<Utc>, lead: Duration) -> bool {
    signs_from > now + lead + APART
}

/// The indices of the published keys in the order in which the JWKS lists them: RS256, the
/// algorithm of most tokens, comes first. Some verifiers try one key after another and give up at
/// the first key of another type, so with a token by RS256 they must find all RSA keys before any
/// other key.
#[must_use]
pub fn published(keys: &[Timing], phases: &[Phase]) -> Vec<usize> {
    let shown = keys.iter().zip(phases).enumerate().filter(|(_, (_, phase))| phase.is_published());
    let (first, others): (Vec<_>, Vec<_>) =
        shown.partition(|(_, (key, _))| key.alg == TokenAlg::Rs256);
    first.into_iter().chain(others).map(|(place, _)| place).collect()
}

/// Until when the JWKS shows a key; `None` if no other key is to follow it.
#[must_use]
pub fn published_until(key: Timing, keys: &[Timing], memory: Memory) -> Option<DateTime<Utc>> {
    let order = |other: &Timing| (other.signs_from, other.generation);
    let successors = keys.iter().filter(|other| other.alg == key.alg && order(other) > order(&key));
    let stops = successors.min_by_key(|other| order(other))?.signs_from;
    Some(stops.checked_add_signed(memory.published).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

fn phase(
    now: DateTime<Utc>,
    key: Timing,
    keys: &[Timing],
    memory: Memory,
) -> (Phase, DateTime<Utc>) {
    let order = |other: &Timing| (other.signs_from, other.generation);
    let same = || keys.iter().filter(|other| other.alg == key.alg);
    // If no key is due (the clock was set back), the first one signs nevertheless.
    let due = same().filter(|other| other.signs_from <= now).max_by_key(|other| order(other));
    let signing = due.or_else(|| same().min_by_key(|other| order(other)));
    let successor =
        same().filter(|other| order(other) > order(&key)).min_by_key(|other| order(other));
    let stops = successor.map_or(DateTime::<Utc>::MAX_UTC, |successor| successor.signs_from);
    let unpublished =
        stops.checked_add_signed(memory.published).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let forgotten =
        unpublished.checked_add_signed(memory.remembered).unwrap_or(DateTime::<Utc>::MAX_UTC);
    if signing.is_some_and(|signing| order(signing) == order(&key)) {
        (Phase::Signing, stops)
    } else if signing.is_some_and(|signing| order(signing) < order(&key)) {
        (Phase::Pending, key.signs_from)
    } else if now < unpublished {
        (Phase::Retiring, unpublished)
    } else if now < forgotten {
        (Phase::Remembered, forgotten)
    } else {
        (Phase::Forgotten, DateTime::<Utc>::MAX_UTC)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::clock::from_millis;

    fn t(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    fn key(generation: i64, signs_from: i64) -> Timing {
        Timing { alg: TokenAlg::Rs256, signs_from: t(signs_from), generation }
    }

    fn memory() -> Memory {
        Memory { published: Duration::seconds(100), remembered: Duration::seconds(1000) }
    }

    #[test]
    fn the_life_of_a_key_and_its_successor() {
        let keys = [key(0, 0), key(1, 500)];
        for (now, old, new) in [
            (0, Phase::Signing, Phase::Pending),
            (499, Phase::Signing, Phase::Pending),
            (500, Phase::Retiring, Phase::Signing),
            (599, Phase::Retiring, Phase::Signing),
            (600, Phase::Remembered, Phase::Signing),
            (1599, Phase::Remembered, Phase::Signing),
            (1600, Phase::Forgotten, Phase::Signing),
        ] {
            assert_eq!(at(t(now), &keys, memory()).phases, [old, new], "at {now}");
        }
    }

    #[test]
    fn a_key_is_stray_that_signs_later_than_one_made_now_by_the_slowest_clock() {
        let lead = Duration::hours(2);
        let latest = t(0) + lead + Duration::hours(1);
        for (signs_from, stray) in
            [(t(0), false), (latest, false), (latest + Duration::milliseconds(1), true)]
        {
            assert_eq!(is_stray(t(0), signs_from, lead), stray, "{signs_from}");
        }
    }

    #[test]
    fn a_key_is_published_until_nobody_can_hold_a_token_by_it() {
        let keys = [key(0, 0), key(1, 500), key(2, 500), key(3, 900)];
        let es = Timing { alg: TokenAlg::Es256, ..key(0, 100) };
        let all = [keys.as_slice(), &[es]].concat();
        for (key, until) in [
            (keys[0], Some(t(600))),
            // Its successor signs from the same instant.
            (keys[1], Some(t(600))),
            (keys[2], Some(t(1000))),
            (keys[3], None),
            (es, None),
        ] {
            assert_eq!(published_until(key, &all, memory()), until, "{key:?}");
        }
    }

    #[test]
    fn a_phase_is_told_by_its_own_word() {
        let phases =
            [Phase::Pending, Phase::Signing, Phase::Retiring, Phase::Remembered, Phase::Forgotten];
        let words: Vec<_> = phases.iter().map(|phase| phase.as_str()).collect();
        assert_eq!(words, ["pending", "signing", "retiring", "remembered", "forgotten"]);
    }

    #[test]
    fn of_two_keys_from_the_same_instant_the_later_one_signs() {
        let view = at(t(10), &[key(0, 5), key(1, 5)], memory());
        assert_eq!(view.phases, [Phase::Retiring, Phase::Signing]);
    }

    #[test]
    fn the_keys_of_rs256_are_shown_before_all_others() {
        let es = |key: Timing| Timing { alg: TokenAlg::Es256, ..key };
        let keys = [es(key(0, 0)), key(0, 0), es(key(1, 500)), key(1, 500)];
        for (now, shown) in [(0, vec![1, 3, 0, 2]), (550, vec![1, 3, 0, 2]), (700, vec![3, 2])] {
            let phases = at(t(now), &keys, memory()).phases;
            assert_eq!(published(&keys, &phases), shown, "at {now}");
        }
    }

    #[test]
    fn a_clock_set_back_leaves_the_first_key_signing() {
        assert_eq!(
            at(t(-9), &[key(0, 0), key(1, 5)], memory()).phases,
            [Phase::Signing, Phase::Pending]
        );
    }

    proptest! {
        #[test]
        fn exactly_one_key_signs_and_a_view_holds_until_it_says(
            starts in prop::collection::vec(0_i64..2000, 1..6),
            now in 0_i64..5000,
            later in 0_i64..5000,
        ) {
            let keys: Vec<Timing> = (0..).zip(&starts).map(|(generation, start)| key(generation, *start)).collect();
            let view = at(t(now), &keys, memory());
            prop_assert_eq!(view.phases.iter().filter(|phase| **phase == Phase::Signing).count(), 1);
            if later >= now && t(later) < view.until {
                prop_assert_eq!(at(t(later), &keys, memory()).phases, view.phases);
            }
        }
    }
}
