//! Decides which buckets a sign-in attempt is counted in, and whether one of them is full. All
//! functions here are pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use crate::domain::user::UserId;
use crate::settings::kinds::{duration, whole};
use crate::settings::{group, settings};
use crate::store::throttles::Key;

/// How many failures a bucket allows, and how fast they are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many failures are allowed at once.
    pub failures: u32,
    /// The time in which that many failures are forgotten, one after the other.
    pub window: Duration,
}

impl Limit {
    /// The milliseconds after which one failure is forgotten.
    pub(super) fn share(self) -> i64 {
        (self.window.num_milliseconds() / i64::from(self.failures.max(1))).max(1)
    }

    /// The milliseconds after which a full bucket is empty.
    fn capacity(self) -> i64 {
        self.share() * i64::from(self.failures)
    }

    /// The level to count with. A bucket is over its capacity if the clock went back, or if the
    /// limit was made smaller. It lets one attempt through then, so that nobody with the right
    /// password has to wait for the time by which the clock was wrong.
    fn believed(self, level: i64) -> i64 {
        if level > self.capacity() { (self.capacity() - self.share()).max(0) } else { level }
    }
}

settings! {
    /// The limits of failed sign-ins.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AttemptLimits in "Failed sign-ins" {
        /// For one name from one address, one app or one browser.
        pub account_at_address: Limit = group(|from| Limit {
            failures: from.take(whole("throttle.account_at_address.failures", 0..=u32::MAX, 10).words(
                "So many failed sign-ins of one name from one address (IPv6: /64), one known browser or one app are let through at once.",
            )),
            window: from.take(duration("throttle.account_at_address.window", Duration::minutes(5)).words(
                "The time in which so many are forgotten, one after the other.",
            )),
        }),
        /// For one address over all names.
        pub address: Limit = group(|from| Limit {
            failures: from.take(whole("throttle.address.failures", 0..=u32::MAX, 100).words(
                "So many failed sign-ins from one address, over all names that it does not know, are let through at once.",
            )),
            window: from.take(duration("throttle.address.window", Duration::minutes(5)).words(
                "The time in which so many are forgotten, one after the other.",
            )),
        }),
        /// For one name over all places that its account does not know.
        pub account: Limit = group(|from| Limit {
            failures: from.take(whole("throttle.account.failures", 0..=u32::MAX, 50).words(
                "So many failed sign-ins of one name, over all places that do not know it, are let through at once. An account has two names at most: its user name and its verified address.",
            )),
            window: from.take(duration("throttle.account.window", Duration::hours(1)).words(
                "The time in which so many are forgotten, one after the other.",
            )),
        }),
    }
}

/// Where a sign-in attempt comes from.
#[derive(Clone, Copy, Debug)]
pub enum AttemptSource<'a> {
    /// A browser in which the account was proven before.
    Browser(&'a [u8]),
    /// A place from which the person signed in before.
    Known(&'a str),
    /// Any other address.
    Address(&'a str),
    /// An app that sends the attempt from its own server and does not say where the person is.
    App(&'a str),
}

/// One bucket that an attempt is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The key of the bucket in the database.
    pub key: Key,
    /// The limit of the bucket.
    pub limit: Limit,
}

impl AttemptLimits {
    /// The bucket of the answers to one place that a user name is taken. They count like failed
    /// sign-ins from one address.
    #[must_use]
    pub fn names_from(&self, place: &str) -> Bucket {
        Bucket { key: key(&[b"names", place.as_bytes()]), limit: self.address }
    }

    /// The bucket of what is tried in vain from one place to make an account where no mail proves
    /// anything.
    #[must_use]
    pub fn sign_ups_from(&self, place: &str) -> Bucket {
        Bucket { key: key(&[b"sign-ups", place.as_bytes()]), limit: self.address }
    }

    /// The buckets of the codes of devices that a person types at one place: RFC 8628 §5.1. Codes are
    /// short, so there are limits for one place, for one account, wherever it types, and for all.
    #[must_use]
    pub fn device_codes(place: &str, user: &UserId) -> Vec<Bucket> {
        let window = Duration::minutes(5);
        let few = Limit { failures: 10, window };
        vec![
            Bucket { key: key(&[b"device codes from", place.as_bytes()]), limit: few },
            Bucket { key: key(&[b"device codes by", user.as_str().as_bytes()]), limit: few },
            Bucket { key: key(&[b"device codes"]), limit: Limit { failures: 1000, window } },
        ]
    }

    /// The buckets of an attempt with this name from this source. They are in the order in which an
    /// attempt waits for its turns: the bucket that most people share comes last, so an attempt
    /// that waits at an earlier one does not block the others.
    #[must_use]
    pub fn buckets(&self, name: &str, from: AttemptSource<'_>) -> Vec<Bucket> {
        let at = |place: &str| {
            let key = key(&[b"account at address", name.as_bytes(), place.as_bytes()]);
            Bucket { key, limit: self.account_at_address }
        };
        let over_all = Bucket { key: key(&[b"account", name.as_bytes()]), limit: self.account };
        match from {
            AttemptSource::Browser(id) => {
                let key = key(&[b"browser", name.as_bytes(), id]);
                vec![Bucket { key, limit: self.account_at_address }]
            }
            AttemptSource::Known(place) => vec![at(place)],
            AttemptSource::App(place) => vec![at(place), over_all],
            AttemptSource::Address(place) => {
                let key = key(&[b"address", place.as_bytes()]);
                vec![at(place), Bucket { key, limit: self.address }, over_all]
            }
        }
    }

    /// The bucket of an attempt with a passkey. Whose passkey it is cannot be guessed, so strangers
    /// of one address share a bucket, and no account has one.
    #[must_use]
    pub fn passkey_bucket(&self, from: AttemptSource<'_>) -> Bucket {
        match from {
            AttemptSource::Browser(id) => {
                Bucket { key: key(&[b"passkeys in browser", id]), limit: self.account_at_address }
            }
            AttemptSource::Known(place)
            | AttemptSource::Address(place)
            | AttemptSource::App(place) => {
                Bucket { key: key(&[b"passkeys at", place.as_bytes()]), limit: self.address }
            }
        }
    }
}

fn key(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The refusal of an attempt, because a bucket is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// The bucket that is full.
    pub key: Key,
    /// When the bucket allows an attempt again.
    pub until: DateTime<Utc>,
    /// A refusal is written to the audit log at most once in this many milliseconds.
    pub window: i64,
}

/// A change to the buckets.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Count an attempt, unless one of its buckets is full.
    Count(Vec<Bucket>),
    /// Take back what was counted, because the attempt was no failure.
    GiveBack(Vec<Bucket>),
}

/// Decides the changes of a batch one after the other. `levels` holds the levels of the buckets
/// before the batch, and afterwards the levels with all changes that count.
pub(super) fn decide(
    levels: &mut BTreeMap<Key, i64>,
    changes: &[Change],
    now: DateTime<Utc>,
) -> Vec<Result<(), Throttled>> {
    let mut answers = Vec::new();
    for change in changes {
        match change {
            Change::Count(buckets) => {
                let full = buckets.iter().filter_map(|bucket| {
                    let level = levels.entry(bucket.key).or_default();
                    *level = bucket.limit.believed(*level);
                    over(bucket.limit, *level).map(|wait| (wait, bucket))
                });
                let full = full.max_by_key(|(wait, _)| *wait).map(|(wait, bucket)| Throttled {
                    key: bucket.key,
                    until: now + Duration::milliseconds(wait),
                    window: bucket.limit.window.num_milliseconds().max(1),
                });
                if full.is_none() {
                    for bucket in buckets {
                        *levels.entry(bucket.key).or_default() += bucket.limit.share();
                    }
                }
                answers.push(full.map_or(Ok(()), Err));
            }
            Change::GiveBack(buckets) => {
                for bucket in buckets {
                    let level = levels.entry(bucket.key).or_default();
                    *level = (bucket.limit.believed(*level) - bucket.limit.share()).max(0);
                }
            }
        }
    }
    answers
}

/// By how many milliseconds a bucket with this level is too full for one more failure.
fn over(limit: Limit, level: i64) -> Option<i64> {
    let wait = level + limit.share() - limit.capacity();
    (wait > 0).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AttemptLimits = AttemptLimits {
        account_at_address: Limit { failures: 3, window: Duration::seconds(30) },
        address: Limit { failures: 5, window: Duration::seconds(10) },
        account: Limit { failures: 4, window: Duration::seconds(60) },
    };

    /// The buckets without a database: the level of each one, in milliseconds.
    #[derive(Default)]
    struct Buckets(BTreeMap<Key, i64>);

    impl Buckets {
        fn after(&mut self, seconds: i64) {
            for level in self.0.values_mut() {
                *level = (*level - seconds * 1000).max(0);
            }
        }

        fn count(&mut self, name: &str, from: AttemptSource<'_>) -> Option<i64> {
            let asked = [Change::Count(LIMITS.buckets(name, from))];
            let answers = decide(&mut self.0, &asked, DateTime::UNIX_EPOCH);
            answers[0].err().map(|throttled| throttled.until.timestamp_millis())
        }
    }

    #[test]
    fn a_full_bucket_lets_through_as_soon_as_one_failure_is_forgotten() {
        let mut buckets = Buckets::default();
        for _ in 0..3 {
            assert_eq!(buckets.count("alice", AttemptSource::Known("home")), None);
        }
        for _ in 0..9 {
            assert_eq!(buckets.count("alice", AttemptSource::Known("home")), Some(10_000));
        }
        buckets.after(9);
        assert_eq!(buckets.count("alice", AttemptSource::Known("home")), Some(1000));
        buckets.after(1);
        assert_eq!(buckets.count("alice", AttemptSource::Known("home")), None);
        assert_eq!(buckets.count("alice", AttemptSource::Known("home")), Some(10_000));
        buckets.after(30);
        for _ in 0..3 {
            assert_eq!(buckets.count("alice", AttemptSource::Known("home")), None);
        }
    }

    #[test]
    fn strangers_fill_no_bucket_of_a_known_browser_or_place() {
        let mut buckets = Buckets::default();
        for n in 0..4 {
            let place = format!("192.0.2.{n}");
            assert_eq!(buckets.count("alice", AttemptSource::Address(&place)), None);
        }
        assert!(buckets.count("alice", AttemptSource::Address("192.0.2.9")).is_some());
        assert!(buckets.count("alice", AttemptSource::App("app")).is_some());
        assert_eq!(buckets.count("alice", AttemptSource::Known("192.0.2.9")), None);
        assert_eq!(buckets.count("alice", AttemptSource::Browser(b"1")), None);
        // One address fills only its own bucket, whatever names it tries.
        for n in 0..5 {
            assert_eq!(buckets.count(&format!("n{n}"), AttemptSource::Address("192.0.2.77")), None);
        }
        assert!(buckets.count("bob", AttemptSource::Address("192.0.2.77")).is_some());
        assert_eq!(buckets.count("bob", AttemptSource::Known("192.0.2.77")), None);
        assert_eq!(buckets.count("bob", AttemptSource::App("app")), None);
    }

    #[test]
    fn what_is_turned_away_counts_nowhere_and_what_is_given_back_is_gone() {
        let at = |place| LIMITS.buckets("alice", AttemptSource::Address(place));
        let mut levels = BTreeMap::new();
        let one = Change::Count(at("a"));
        let asked = vec![one.clone(), one.clone(), one.clone(), one.clone(), one];
        let answers = decide(&mut levels, &asked, DateTime::UNIX_EPOCH);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
        let over_all = at("a")[2];
        assert_eq!(levels[&over_all.key], 3 * over_all.limit.share());
        let asked = vec![
            Change::GiveBack(at("a")),
            Change::Count(at("b")),
            Change::GiveBack(at("a")),
            Change::GiveBack(at("a")),
            Change::GiveBack(at("b")),
            Change::GiveBack(at("b")),
        ];
        assert_eq!(decide(&mut levels, &asked, DateTime::UNIX_EPOCH), [Ok(())]);
        assert!(levels.values().all(|level| *level == 0), "{levels:?}");
    }

    #[test]
    fn after_the_clock_went_back_one_attempt_is_let_through_and_a_wrong_one_counts() {
        for level in [30_001, 3_600_000, i64::from(u32::MAX)] {
            let bucket = LIMITS.buckets("alice", AttemptSource::Known("home"));
            let mut buckets = Buckets(BTreeMap::from([(bucket[0].key, level)]));
            assert_eq!(buckets.count("alice", AttemptSource::Known("home")), None);
            assert_eq!(buckets.count("alice", AttemptSource::Known("home")), Some(10_000));
            buckets.after(10);
            assert_eq!(buckets.count("alice", AttemptSource::Known("home")), None);
            // What is given back in the wrong time leaves no more than was there.
            let mut levels = BTreeMap::from([(bucket[0].key, level)]);
            decide(&mut levels, &[Change::GiveBack(bucket.clone())], DateTime::UNIX_EPOCH);
            assert_eq!(levels[&bucket[0].key], 10_000);
        }
    }

    #[test]
    fn a_limit_of_any_size_has_a_share() {
        for (failures, seconds) in [(1, 1), (0, 1), (u32::MAX, 1), (7, 3600), (100, 300)] {
            let limit = Limit { failures, window: Duration::seconds(seconds) };
            assert!(limit.share() >= 1);
            assert_eq!(over(limit, 0).is_none(), failures > 0, "{failures}");
        }
    }
}
