//! The throttle of failed sign-ins. Before the password is hashed, the attempt is counted in the
//! database as a failure. If it was none, that is taken back. So parallel attempts cannot get
//! around the limit.
//!
//! Failures fill buckets, which empty as time passes (the generic cell rate algorithm). A full
//! bucket allows an attempt again as soon as one failure is forgotten. Attempts that arrive at the
//! same time are counted by one statement, and a pure function decides about them in their order.
//!
//! An attempt in progress counts like a failure. So only half of what a bucket holds may be in
//! progress in one process, and the other attempts wait for their turn. This way many honest people
//! behind one address, or many honest requests for one account, do not look like an attack.
//!
//! The throttle cannot be used to lock a person out. Strangers do not fill the bucket of a browser
//! in which the account was proven, nor that of a place from which its person signed in before. An
//! attempt from there is counted in that bucket only.

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
use crate::store::{Repeats, Store, Tx};

/// The throttle of this process, and the turns of the attempts in progress.
#[derive(Debug)]
pub struct Throttle {
    /// The limits.
    pub limits: AttemptLimits,
    turns: Mutex<Turns>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    queue: mpsc::Sender<Item>,
}

/// How many strangers may try to sign in at once in one process. Further ones are refused.
const STRANGERS: usize = 768;
/// How many may try at once from known browsers and places.
const KNOWN: usize = 256;
/// The name of the worker in metrics and in the log.
const WORKER: &str = "failed sign-ins";
/// The most changes that one statement writes.
const MANY: usize = 64;
/// How many changes may wait to be written: more than all attempts in progress can cause.
const WAITING: usize = 4 * (STRANGERS + KNOWN);

enum Item {
    Count(Vec<Bucket>, oneshot::Sender<Result<Counted, Error<Throttled>>>),
    GiveBack(Vec<Bucket>),
}

/// An attempt that is counted as a failure. Unless it is [kept](Counted::keep), dropping it gives
/// back what was counted. So only a wrong password counts, whatever happens to the request.
#[derive(Debug)]
#[must_use = "dropping it gives back what was counted"]
pub struct Counted {
    buckets: Vec<Bucket>,
    queue: mpsc::Sender<Item>,
}

/// The turns of an attempt, which it holds while it is in progress.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] Vec<OwnedSemaphorePermit>);

impl Counted {
    /// Keeps the count, because the attempt was a failure.
    pub fn keep(mut self) {
        self.buckets.clear();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.buckets.is_empty() {
            // If the process stops now or the queue is full, nothing is given back, and one failure
            // too many counts for a while. The queue holds more than there can be attempts in
            // progress.
            let _ = self.queue.try_send(Item::GiveBack(std::mem::take(&mut self.buckets)));
        }
    }
}

impl Throttle {
    /// Starts the worker that counts.
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

    /// Waits for the turn of an attempt. Returns `None` if too many are in progress already. All
    /// attempts take their turns in the same order of buckets, so two of them never wait for each
    /// other (a deadlock).
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
        // If the answer comes too late, nobody takes it. It is dropped, which gives back what was
        // counted.
        request::in_time(answer).await.ok_or_else(late)?.map_err(|_| gone())?
    }
}

/// A semaphore for each bucket in which an attempt has a turn.
#[derive(Debug, Default)]
struct Turns {
    of: HashMap<Key, Weak<Semaphore>>,
    /// At this size, unused semaphores are removed before another one is added.
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

/// Writes the changes that wait, as many at once as one statement takes.
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
            // Nobody waits for these changes, so they can share the commit of the next attempt.
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
                // What could not be given back is queued again.
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
            // If nobody waits for the answer any more, the value is dropped here, which gives back
            // what was counted.
            drop(asker.send(answer.map(|()| Counted { buckets, queue })));
        }
    }
}

/// How long changes that give something back wait for an attempt to share a commit with.
const LINGER: std::time::Duration = std::time::Duration::from_millis(10);
/// After the database failed, the worker waits this long before it tries again.
const AFTER_A_FAULT: std::time::Duration = std::time::Duration::from_millis(100);

/// Writes a batch in one transaction. Returns an answer for each attempt.
async fn settle(
    store: &Store,
    clock: &Clock,
    changes: &[Change],
) -> Result<Vec<Result<(), Throttled>>, Fault> {
    let mut repeats = Repeats::default();
    loop {
        let tx = store.begin(clock.now()).await?;
        let failed = match pour(&tx, changes).await {
            Ok(answers) => match tx.commit().await {
                Ok(()) => return Ok(answers),
                Err(fault) => fault,
            },
            Err(fault) => {
                tx.abandon().await;
                fault
            }
        };
        if !repeats.wants_after(&failed) {
            return Err(failed);
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
    // An attempt that was refused counts nowhere. Otherwise one address could fill the bucket of an
    // account.
    let wrong: Vec<_> = now_in.iter().filter_map(is).collect();
    if !wrong.is_empty() {
        throttles::set(tx, &wrong).await?;
    }
    Ok(answers)
}
