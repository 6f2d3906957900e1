//! The throttle of failed sign-ins. An attempt is counted as a failure before the password is
//! hashed, in the database, and given back when it was none: parallel attempts cannot outrun it.
//!
//! What is counted fills buckets that empty by themselves (the generic cell rate algorithm): a full
//! one lets through again as soon as one failure is forgotten. Attempts that arrive together are
//! counted by one statement and decided in their order by a pure function.
//!
//! An attempt in flight counts like a failure, so no more than half of what a bucket holds may be in
//! flight in one process: the others wait for their turn. So many honest people behind one address,
//! or many honest requests for one account, are not taken for an attack.
//!
//! Lock-out is no weapon: strangers fill neither the bucket of a browser in which the account was
//! proven nor the one of a place from which its person signed in before, and whoever comes from
//! there fills and meets no other.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::domain::clock::Clock;
use crate::domain::verdict::{Error, Fault};
use crate::runtime::supervisor::{Need, Supervisor};
use crate::settings::kinds::{duration, whole};
use crate::settings::{group, settings};
use crate::store::throttles::{self, Key};
use crate::store::{Store, Tx};

/// How many failures are let through, and in how long they are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The failures that are let through at once.
    pub failures: u32,
    /// The time in which so many are forgotten, one after the other.
    pub window: Duration,
}

impl Limit {
    /// The milliseconds in which one failure is forgotten.
    fn share(self) -> i64 {
        (self.window.num_milliseconds() / i64::from(self.failures.max(1))).max(1)
    }
}

settings! {
    /// The limits of failed sign-ins.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Limits in "Failed sign-ins" {
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

/// From where somebody tries.
#[derive(Clone, Copy, Debug)]
pub enum AttemptSource<'a> {
    /// From a browser in which the account was proven before.
    Browser(&'a [u8]),
    /// From a place from which its person signed in before.
    Known(&'a str),
    /// From any other address.
    Address(&'a str),
    /// By an app of its own server, which does not say where the person is.
    App(&'a str),
}

/// One bucket that an attempt counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    key: Key,
    limit: Limit,
}

impl Limits {
    /// The buckets of an attempt: a name, and from where. In the order in which turns are waited for:
    /// whoever waits at one that is crowded holds no turn at one that more people share.
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
}

fn key(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Too many failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// The bucket that is full.
    pub key: Key,
    /// When it lets through again.
    pub until: DateTime<Utc>,
    /// How often that may be written down: once in so many milliseconds.
    pub window: i64,
}

/// The throttle of this process, and the turns of the attempts in flight.
#[derive(Debug)]
pub struct Throttle {
    /// The limits.
    pub limits: Limits,
    turns: Mutex<Turns>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    desk: mpsc::Sender<Item>,
}

/// So many strangers may try to sign in at once in one process; the next are turned away.
const STRANGERS: usize = 768;
/// And so many from browsers and places that are known.
const KNOWN: usize = 256;
/// What the worker is called in metrics and in the log.
const WORKER: &str = "failed sign-ins";
/// As many as one statement takes.
const MANY: usize = 64;
/// So much may wait to be counted or given back: more than all attempts in flight can bring.
const WAITING: usize = 4 * (STRANGERS + KNOWN);

enum Item {
    Count(Vec<Bucket>, oneshot::Sender<Result<Counted, Error<Throttled>>>),
    GiveBack(Vec<Bucket>),
}

/// An attempt that counts as a failure. Unless it is [kept](Counted::keep) as one, dropping it gives
/// back what was counted: whatever becomes of a request, only a wrong password counts.
#[derive(Debug)]
#[must_use = "dropping it gives back what was counted"]
pub struct Counted {
    buckets: Vec<Bucket>,
    desk: mpsc::Sender<Item>,
}

/// The turns of an attempt, which it holds as long as it is in flight.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] Vec<OwnedSemaphorePermit>);

impl Counted {
    /// It was a failure.
    pub fn keep(mut self) {
        self.buckets.clear();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.buckets.is_empty() {
            // A process that stops has nobody who writes it down: one failure too many, for a while.
            // The same where the queue is full, which takes more than there can be in flight.
            let _ = self.desk.try_send(Item::GiveBack(std::mem::take(&mut self.buckets)));
        }
    }
}

impl Throttle {
    /// Starts counting.
    #[must_use]
    pub fn start(supervisor: &Supervisor, store: Arc<Store>, clock: Clock, limits: Limits) -> Self {
        let (desk, items) = mpsc::channel(WAITING);
        let items = Arc::new(tokio::sync::Mutex::new(items));
        let back = desk.downgrade();
        supervisor.start(WORKER, Need::Serving, move || {
            work(Arc::clone(&store), clock.clone(), Arc::clone(&items), back.clone())
        });
        Self {
            limits,
            turns: Mutex::default(),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
            known: Arc::new(Semaphore::new(KNOWN)),
            desk,
        }
    }

    /// Waits for the turn of an attempt; `None` when too many wait already. Always in one order:
    /// nobody waits for each other.
    pub async fn turn(&self, buckets: &[Bucket], is_known: bool) -> Result<Option<Turn>, Fault> {
        let room = if is_known { &self.known } else { &self.strangers };
        let Ok(room) = Arc::clone(room).try_acquire_owned() else { return Ok(None) };
        let mut turns = vec![room];
        for bucket in buckets {
            let turn = self.semaphore(bucket).acquire_owned().await;
            turns.push(turn.map_err(|error| Fault::internal("waiting for a turn", error))?);
        }
        Ok(Some(Turn(turns)))
    }

    fn semaphore(&self, bucket: &Bucket) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.of(bucket)
    }

    /// Counts an attempt, or refuses it without counting.
    pub async fn count(&self, buckets: Vec<Bucket>) -> Result<Counted, Error<Throttled>> {
        const DOING: &str = "counting a sign-in";
        let gone = || Fault::internal(DOING, "its worker is gone");
        let (asker, answer) = oneshot::channel();
        self.desk.try_send(Item::Count(buckets, asker)).map_err(|error| match error {
            TrySendError::Full(_) => Fault::unavailable(DOING, "too much waits already"),
            TrySendError::Closed(_) => gone(),
        })?;
        answer.await.map_err(|_| gone())?
    }
}

/// A semaphore for each bucket that somebody has a turn in.
#[derive(Debug, Default)]
struct Turns {
    of: HashMap<Key, Weak<Semaphore>>,
    /// From so many on, those that nobody waits for are forgotten before another one is added.
    many: usize,
}

impl Turns {
    fn of(&mut self, bucket: &Bucket) -> Arc<Semaphore> {
        if let Some(semaphore) = self.of.get(&bucket.key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if self.of.len() >= self.many {
            self.of.retain(|_, semaphore| semaphore.strong_count() > 0);
            self.many = (self.of.len() * 2).max(1024);
        }
        let in_flight = usize::try_from(bucket.limit.failures / 2).unwrap_or_default().max(1);
        let semaphore = Arc::new(Semaphore::new(in_flight));
        self.of.insert(bucket.key, Arc::downgrade(&semaphore));
        semaphore
    }
}

/// Works off what waits, as much at once as one statement takes.
async fn work(
    store: Arc<Store>,
    clock: Clock,
    items: Arc<tokio::sync::Mutex<mpsc::Receiver<Item>>>,
    desk: mpsc::WeakSender<Item>,
) {
    let mut items = items.lock().await;
    let mut taken = Vec::new();
    while items.recv_many(&mut taken, MANY).await > 0 {
        if taken.iter().all(|item| matches!(item, Item::GiveBack(_))) {
            // Nobody waits for it, so it may share the commit of whoever comes next.
            let more = items.recv_many(&mut taken, MANY);
            let _ = tokio::time::timeout(LINGER, more).await;
        }
        let (mut asked, mut askers) = (Vec::new(), Vec::new());
        for item in taken.drain(..) {
            match item {
                Item::Count(_, asker) if asker.is_closed() => {}
                Item::Count(buckets, asker) => {
                    asked.push(Asked::Count(buckets));
                    askers.push(asker);
                }
                Item::GiveBack(buckets) => asked.push(Asked::GiveBack(buckets)),
            }
        }
        if asked.is_empty() {
            continue;
        }
        let settled = Supervisor::catch(WORKER, Box::pin(settle(&store, &clock, &asked))).await;
        let panicked = || Err(Fault::internal("counting sign-ins", "it panicked"));
        let answers = match settled.unwrap_or_else(panicked) {
            Ok(answers) => answers,
            Err(fault) => {
                // What is owed stays owed.
                let owed = asked.iter().filter_map(|asked| match asked {
                    Asked::GiveBack(buckets) => Some(Item::GiveBack(buckets.clone())),
                    Asked::Count(_) => None,
                });
                if let Some(desk) = desk.upgrade() {
                    owed.for_each(|item| drop(desk.try_send(item)));
                }
                for asker in askers {
                    let _ = asker.send(Err(Error::Fault(fault.clone())));
                }
                tokio::time::sleep(AFTER_A_FAULT).await;
                continue;
            }
        };
        let counts = asked.into_iter().filter_map(|asked| match asked {
            Asked::Count(buckets) => Some(buckets),
            Asked::GiveBack(_) => None,
        });
        for ((asker, buckets), answer) in askers.into_iter().zip(counts).zip(answers) {
            let Some(desk) = desk.upgrade() else { return };
            let answer = answer.map_err(Error::Refused);
            // Whose asker went away is dropped here, and given back.
            drop(asker.send(answer.map(|()| Counted { buckets, desk })));
        }
    }
}

/// What is given back waits so long for somebody who is counted.
const LINGER: std::time::Duration = std::time::Duration::from_millis(10);
/// A database that does not answer is not asked again at once.
const AFTER_A_FAULT: std::time::Duration = std::time::Duration::from_millis(100);

/// What a batch is asked for.
#[derive(Clone, Debug)]
enum Asked {
    Count(Vec<Bucket>),
    GiveBack(Vec<Bucket>),
}

/// Counts a batch in one transaction; an answer for each attempt.
async fn settle(
    store: &Store,
    clock: &Clock,
    asked: &[Asked],
) -> Result<Vec<Result<(), Throttled>>, Fault> {
    let tx = store.begin(clock.now()).await?;
    match pour(&tx, asked).await {
        Ok(answers) => {
            tx.commit().await?;
            Ok(answers)
        }
        Err(fault) => {
            tx.abandon().await;
            Err(fault)
        }
    }
}

async fn pour(tx: &Tx, asked: &[Asked]) -> Result<Vec<Result<(), Throttled>>, Fault> {
    let mut poured: BTreeMap<Key, i64> = BTreeMap::new();
    for asked in asked {
        let (buckets, sign) = match asked {
            Asked::Count(buckets) => (buckets, 1),
            Asked::GiveBack(buckets) => (buckets, -1),
        };
        for bucket in buckets {
            *poured.entry(bucket.key).or_default() += sign * bucket.limit.share();
        }
    }
    let amounts: Vec<_> = poured.iter().map(|(key, amount)| (*key, *amount)).collect();
    let now_in = throttles::pour(tx, &amounts).await?;
    let before = now_in.iter().map(|(key, level)| {
        let amount = poured.get(key).copied().unwrap_or_default();
        (*key, (level - amount).max(0))
    });
    let mut levels: BTreeMap<Key, i64> = before.collect();
    let answers = decide(&mut levels, asked, tx.now());
    let is = |(key, level): &(Key, i64)| {
        let meant = levels.get(key).copied().unwrap_or_default();
        (meant != (*level).max(0)).then_some((*key, meant))
    };
    // What was turned away counts nowhere, or one address could fill an account's bucket.
    let wrong: Vec<_> = now_in.iter().filter_map(is).collect();
    if !wrong.is_empty() {
        throttles::set(tx, &wrong).await?;
    }
    Ok(answers)
}

/// Decides a batch in its order, from what is in the buckets; leaves in them what counts.
fn decide(
    levels: &mut BTreeMap<Key, i64>,
    asked: &[Asked],
    now: DateTime<Utc>,
) -> Vec<Result<(), Throttled>> {
    let mut answers = Vec::new();
    for asked in asked {
        match asked {
            Asked::Count(buckets) => {
                let full = buckets.iter().filter_map(|bucket| {
                    let level = levels.get(&bucket.key).copied().unwrap_or_default();
                    over(bucket.limit, level).map(|wait| (wait, bucket))
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
            Asked::GiveBack(buckets) => {
                for bucket in buckets {
                    let level = levels.entry(bucket.key).or_default();
                    *level = (*level - bucket.limit.share()).max(0);
                }
            }
        }
    }
    answers
}

/// How many milliseconds one more failure is too early for a bucket in which there is so much.
fn over(limit: Limit, level: i64) -> Option<i64> {
    let wait = level + limit.share() - limit.share() * i64::from(limit.failures);
    (wait > 0).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        account_at_address: Limit { failures: 3, window: Duration::seconds(30) },
        address: Limit { failures: 5, window: Duration::seconds(10) },
        account: Limit { failures: 4, window: Duration::seconds(60) },
    };

    /// Buckets beside a database: what is in each at an instant, in milliseconds.
    #[derive(Default)]
    struct Buckets(BTreeMap<Key, i64>);

    impl Buckets {
        fn after(&mut self, seconds: i64) {
            for level in self.0.values_mut() {
                *level = (*level - seconds * 1000).max(0);
            }
        }

        fn count(&mut self, name: &str, from: AttemptSource<'_>) -> Option<i64> {
            let asked = [Asked::Count(LIMITS.buckets(name, from))];
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
        // One address fills no more than its own bucket, for all names.
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
        let one = Asked::Count(at("a"));
        let asked = vec![one.clone(), one.clone(), one.clone(), one.clone(), one];
        let answers = decide(&mut levels, &asked, DateTime::UNIX_EPOCH);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
        let over_all = at("a")[2];
        assert_eq!(levels[&over_all.key], 3 * over_all.limit.share());
        let asked = vec![
            Asked::GiveBack(at("a")),
            Asked::Count(at("b")),
            Asked::GiveBack(at("a")),
            Asked::GiveBack(at("a")),
            Asked::GiveBack(at("b")),
            Asked::GiveBack(at("b")),
        ];
        assert_eq!(decide(&mut levels, &asked, DateTime::UNIX_EPOCH), [Ok(())]);
        assert!(levels.values().all(|level| *level == 0), "{levels:?}");
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
