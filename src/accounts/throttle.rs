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

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::attempt_limits::{AttemptLimits, Bucket, Change, Throttled, decide};
use crate::domain::clock::Clock;
use crate::domain::request;
use crate::domain::verdict::{Error, Fault};
use crate::runtime::supervisor::{Need, Supervisor};
use crate::store::throttles::{self, Key};
use crate::store::{Store, Tx};

/// The throttle of this process, and the turns of the attempts in flight.
#[derive(Debug)]
pub struct Throttle {
    /// The limits.
    pub limits: AttemptLimits,
    turns: Mutex<Turns>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    queue: mpsc::Sender<Item>,
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
    queue: mpsc::Sender<Item>,
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
            let _ = self.queue.try_send(Item::GiveBack(std::mem::take(&mut self.buckets)));
        }
    }
}

impl Throttle {
    /// Starts counting.
    #[must_use]
    pub fn start(
        supervisor: &Supervisor,
        store: Arc<Store>,
        clock: Clock,
        limits: AttemptLimits,
    ) -> Self {
        let (queue, items) = mpsc::channel(WAITING);
        let items = Arc::new(tokio::sync::Mutex::new(items));
        let back = queue.downgrade();
        supervisor.start(WORKER, Need::Serving, move || {
            work(Arc::clone(&store), clock.clone(), Arc::clone(&items), back.clone())
        });
        Self {
            limits,
            turns: Mutex::default(),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
            known: Arc::new(Semaphore::new(KNOWN)),
            queue,
        }
    }

    /// Waits for the turn of an attempt; `None` when too many wait already. Turns are taken in one
    /// order, so two attempts never wait for each other.
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
        self.queue.try_send(Item::Count(buckets, asker)).map_err(|error| match error {
            TrySendError::Full(_) => Fault::unavailable(DOING, "too much waits already"),
            TrySendError::Closed(_) => gone(),
        })?;
        let late = || Fault::unavailable(DOING, "it took too long");
        // Of an answer that comes later nobody holds what was counted, so it is given back.
        request::in_time(answer).await.ok_or_else(late)?.map_err(|_| gone())?
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
    queue: mpsc::WeakSender<Item>,
) {
    let mut items = items.lock().await;
    let mut taken = Vec::new();
    while items.recv_many(&mut taken, MANY).await > 0 {
        if taken.iter().all(|item| matches!(item, Item::GiveBack(_))) {
            // Nobody waits for it, so it may share the commit of whoever comes next.
            let more = items.recv_many(&mut taken, MANY);
            let _ = tokio::time::timeout(LINGER, more).await;
        }
        let (mut changes, mut askers) = (Vec::new(), Vec::new());
        for item in taken.drain(..) {
            match item {
                Item::Count(_, asker) if asker.is_closed() => {}
                Item::Count(buckets, asker) => {
                    changes.push(Change::Count(buckets));
                    askers.push(asker);
                }
                Item::GiveBack(buckets) => changes.push(Change::GiveBack(buckets)),
            }
        }
        if changes.is_empty() {
            continue;
        }
        let settled = Supervisor::catch(WORKER, Box::pin(settle(&store, &clock, &changes))).await;
        let panicked = || Err(Fault::internal("counting sign-ins", "it panicked"));
        let answers = match settled.unwrap_or_else(panicked) {
            Ok(answers) => answers,
            Err(fault) => {
                // What could not be given back is tried again.
                let owed = changes.iter().filter_map(|change| match change {
                    Change::GiveBack(buckets) => Some(Item::GiveBack(buckets.clone())),
                    Change::Count(_) => None,
                });
                if let Some(queue) = queue.upgrade() {
                    owed.for_each(|item| drop(queue.try_send(item)));
                }
                for asker in askers {
                    let _ = asker.send(Err(Error::Fault(fault.clone())));
                }
                tokio::time::sleep(AFTER_A_FAULT).await;
                continue;
            }
        };
        let counts = changes.into_iter().filter_map(|change| match change {
            Change::Count(buckets) => Some(buckets),
            Change::GiveBack(_) => None,
        });
        for ((asker, buckets), answer) in askers.into_iter().zip(counts).zip(answers) {
            let Some(queue) = queue.upgrade() else { return };
            let answer = answer.map_err(Error::Refused);
            // Where nobody waits for the answer any more, the value is dropped here, which gives back
            // what was counted.
            drop(asker.send(answer.map(|()| Counted { buckets, queue })));
        }
    }
}

/// What is given back waits so long for somebody who is counted.
const LINGER: std::time::Duration = std::time::Duration::from_millis(10);
/// A database that does not answer is not asked again at once.
const AFTER_A_FAULT: std::time::Duration = std::time::Duration::from_millis(100);

/// Counts a batch in one transaction; an answer for each attempt.
async fn settle(
    store: &Store,
    clock: &Clock,
    changes: &[Change],
) -> Result<Vec<Result<(), Throttled>>, Fault> {
    let tx = store.begin(clock.now()).await?;
    match pour(&tx, changes).await {
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

async fn pour(tx: &Tx, changes: &[Change]) -> Result<Vec<Result<(), Throttled>>, Fault> {
    let mut poured: BTreeMap<Key, i64> = BTreeMap::new();
    for change in changes {
        let (buckets, sign) = match change {
            Change::Count(buckets) => (buckets, 1),
            Change::GiveBack(buckets) => (buckets, -1),
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
    let answers = decide(&mut levels, changes, tx.now());
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
