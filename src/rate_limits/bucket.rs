//! The generic cell rate algorithm: each request fills the bucket of its key a little, and the bucket
//! empties as time passes. A request for which there is no room is refused and fills nothing. All
//! functions here are pure. Redis has the same algorithm in a script.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rate::Rate;
use crate::store::rate_limits::Key;

/// The bucket of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Its key, hashed.
    pub(super) key: Key,
    /// How much it holds.
    pub(super) rate: Rate,
}

/// Whether a request is allowed. The error says after which time one more will be.
pub(super) type Counted = Result<(), Duration>;

/// Decides about requests one after the other. `levels` holds the levels of the buckets before
/// them, in microseconds until each bucket is empty, and afterwards the levels after them.
pub(super) fn decide(levels: &mut BTreeMap<Key, i64>, requests: &[Bucket]) -> Vec<Counted> {
    let decided = requests.iter().map(|bucket| {
        let (interval, capacity) = (bucket.rate.interval(), bucket.rate.capacity());
        let level = levels.entry(bucket.key).or_default();
        // More is in the bucket if the limit was made smaller, or if the clock went back.
        *level = (*level).clamp(0, capacity);
        let after = *level + interval;
        if after > capacity {
            return Err(micros(after - capacity));
        }
        *level = after;
        Ok(())
    });
    decided.collect()
}

/// A time from its microseconds.
pub(super) fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Key = [7; 32];

    fn bucket(rate: &str) -> Bucket {
        Bucket { key: KEY, rate: Rate::parse(rate).expect("a rate") }
    }

    /// Sends requests at these instants in microseconds. Returns the waits of those refused.
    fn send(rate: &str, instants: &[i64]) -> Vec<Option<i64>> {
        let (mut empty_at, mut waits) = (0, Vec::new());
        for now in instants {
            let mut levels = BTreeMap::from([(KEY, empty_at - now)]);
            let wait = decide(&mut levels, &[bucket(rate)])[0].err();
            waits.push(wait.map(|wait| i64::try_from(wait.as_micros()).expect("short")));
            empty_at = now + levels[&KEY];
        }
        waits
    }

    #[test]
    fn so_many_at_once_and_then_one_in_each_interval() {
        const S: i64 = 1_000_000;
        for (rate, instants, waits) in [
            // As many as the burst, and no one more.
            ("3/3s", vec![0, 0, 0, 0], vec![None, None, None, Some(S)]),
            // One that is refused changes nothing for the next one.
            (
                "3/3s",
                vec![0, 0, 0, 0, 0, S - 1, S, S],
                vec![None, None, None, Some(S), Some(S), Some(1), None, Some(S)],
            ),
            // After the whole time the whole burst is back, and never more than that.
            ("2/2s", vec![0, 0, 2 * S, 2 * S, 2 * S], vec![None, None, None, None, Some(S)]),
            ("2/2s", vec![0, 0, 100 * S, 100 * S, 100 * S], vec![None, None, None, None, Some(S)]),
            // One by one at the rate itself, nobody is refused.
            ("2/2s", vec![0, S, 2 * S, 3 * S, 4 * S], vec![None; 5]),
            ("1/1m", vec![0, 59 * S, 60 * S], vec![None, Some(S), None]),
            // If the clock goes back, nobody waits longer than the interval.
            ("2/2s", vec![90 * S, 90 * S, 0], vec![None, None, Some(S)]),
        ] {
            assert_eq!(send(rate, &instants), waits, "{rate} {instants:?}");
        }
    }

    #[test]
    fn a_smaller_limit_counts_at_once_and_holds_nobody_back_for_longer_than_its_interval() {
        let mut levels = BTreeMap::from([(KEY, bucket("100/1h").rate.capacity())]);
        let answers = decide(&mut levels, &[bucket("2/2s")]);
        assert_eq!(answers, [Err(Duration::from_secs(1))]);
        assert_eq!(levels[&KEY], 2_000_000);
    }

    #[test]
    fn keys_do_not_disturb_each_other() {
        let other = Bucket { key: [8; 32], ..bucket("1/1s") };
        let answers = decide(&mut BTreeMap::new(), &[bucket("1/1s"), other, bucket("1/1s"), other]);
        let refused: Vec<_> = answers.iter().map(Result::is_err).collect();
        assert_eq!(refused, [false, false, true, true]);
    }

    proptest! {
        #[test]
        fn in_no_stretch_of_time_are_more_allowed_than_burst_and_rate(
            requests in 1_u32..20,
            seconds in 1_i64..20,
            pauses in prop::collection::vec(0_i64..3_000_000, 1..200),
        ) {
            let text = format!("{requests}/{seconds}s");
            let rate = Rate::parse(&text).expect("a rate");
            let mut now = 0;
            let instants: Vec<i64> = pauses.iter().map(|pause| { now += pause; now }).collect();
            let waits = send(&text, &instants);
            let allowed: Vec<i64> = instants
                .iter()
                .zip(&waits)
                .filter_map(|(at, wait)| wait.is_none().then_some(*at))
                .collect();
            for (first, from) in allowed.iter().enumerate() {
                for (last, to) in allowed.iter().enumerate().skip(first) {
                    let many = i64::try_from(last - first + 1).expect("few");
                    let most = i64::from(requests) + (to - from) / rate.interval();
                    prop_assert!(many <= most, "{many} in {} of {text}", to - from);
                }
            }
            // Whoever waits as told is allowed, and never waits longer than one interval.
            for (at, wait) in instants.iter().zip(&waits) {
                if let Some(wait) = wait {
                    prop_assert!(*wait > 0 && *wait <= rate.interval());
                    let mut until = instants.clone();
                    until.retain(|other| other <= at);
                    until.push(at + wait);
                    prop_assert_eq!(send(&text, &until).last().copied(), Some(None));
                }
            }
        }
    }
}
