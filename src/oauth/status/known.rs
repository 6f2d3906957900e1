//! What this process knows of revocations. It learns twice a second, and at once after a hint, what
//! is new in the database.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::status_list::{Bits, StatusIndex};
use crate::domain::verdict::Fault;
use crate::store::revisions::{self, Epoch, Revisions};
use crate::store::revocations::{self, PlacedRevocation};
use crate::store::status_lists::{self, SetBit, StoredList};
use crate::store::{Store, audit_events};

/// How many rows are read at once.
const PAGE: u64 = 10_000;
/// The most revocations in memory. With more, the oldest ones are left out, and whoever asks for
/// them is told so.
const MOST: usize = 100_000;
/// The database counts as away when nothing was learned for so long.
const AWAY: Duration = Duration::from_secs(5);

/// A list in memory.
#[derive(Clone, Debug)]
pub struct KnownList {
    /// How many tokens it has room for.
    pub entries: u32,
    /// Whether no more indices are taken from it because the database was restored.
    pub is_closed: bool,
    /// Its bits.
    pub bits: Arc<Bits>,
    /// It grows with each change of the bits.
    pub version: i64,
}

/// The revocations that are kept for followers.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// What was revoked, in the order of the commits.
    pub events: VecDeque<Arc<PlacedRevocation>>,
    /// Revocations up to this one are not kept.
    pub floor: i64,
    /// All later ones up to this one are kept.
    pub position: i64,
}

#[derive(Debug, Default)]
struct State {
    seen: Option<Revisions>,
    last_bit: SetBit,
    lists: BTreeMap<i64, KnownList>,
    highest: i64,
    window: Window,
    /// When something was last learned, by our clock and by that of the machine.
    confirmed: Option<(DateTime<Utc>, Instant)>,
    is_away: bool,
}

/// When a reading began.
#[derive(Clone, Copy, Debug)]
pub struct Began(DateTime<Utc>, Instant);

/// What this process knows.
#[derive(Debug)]
pub struct KnownRevocations {
    store: Arc<Store>,
    clock: Clock,
    state: RwLock<State>,
    learning: Mutex<()>,
    /// Tells of each time that something was learned; it counts them.
    rounds: watch::Sender<u64>,
}

impl KnownRevocations {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Clock) -> Self {
        let (state, learning, rounds) =
            (RwLock::default(), Mutex::default(), watch::Sender::new(0));
        Self { store, clock, state, learning, rounds }
    }

    /// Reads from the database what is new.
    pub async fn learn(&self) -> Result<(), Fault> {
        let began = self.begin();
        let now = revisions::read(&*self.store).await;
        self.learn_of(began, now).await.map(drop)
    }

    /// The instant at which reading begins.
    #[must_use]
    pub fn begin(&self) -> Began {
        Began(self.clock.now(), Instant::now())
    }

    /// Reads what is new, if these revisions, which were read since this instant, are new. Returns
    /// them, or later ones.
    pub async fn learn_of(
        &self,
        began: Began,
        now: Result<Revisions, Fault>,
    ) -> Result<Revisions, Fault> {
        let learned = match now {
            Ok(now) => self.learn_now(began, now).await,
            Err(fault) => Err(fault),
        };
        if learned.is_err() {
            self.write(|state| state.is_away = true);
        }
        self.rounds.send_modify(|round| *round += 1);
        learned
    }

    async fn learn_now(&self, began: Began, read: Revisions) -> Result<Revisions, Fault> {
        // One at a time: otherwise an older reading could overwrite a newer one.
        let _turn = self.learning.lock().await;
        let (mut now, mut seen) = (read, self.read(|state| state.seen));
        if let Some(before) = seen.filter(|before| now.epoch.is_behind(before.epoch)) {
            // Another reading may have been faster than this one.
            now = revisions::read(&*self.store).await?;
            if now.epoch.is_behind(before.epoch) {
                self.close_all(before.epoch).await?;
                now = revisions::read(&*self.store).await?;
                seen = None;
            }
        }
        if seen != Some(now) {
            self.read_changes(now, seen.is_some()).await?;
        }
        self.write(|state| {
            state.seen = Some(now);
            state.confirmed = Some((began.0, began.1));
            state.is_away = false;
        });
        Ok(now)
    }

    /// Closes every list, because the database is older than a state of it that tokens were issued
    /// from.
    pub async fn close_all(&self, above: Epoch) -> Result<(), Fault> {
        let tx = self.store.begin(self.clock.now()).await?;
        let closed = status_lists::close_all(&tx, above).await?;
        let event = Event::new(EventKind::StatusListsClosed).detail(closed.to_string());
        audit_events::insert(&tx, &[event]).await?;
        tx.commit().await?;
        tracing::warn!(
            lists = closed,
            "the database is older than it was: every token that names a place in a status list is \
             refused by whoever asks the lists, until its next refresh"
        );
        Ok(())
    }

    async fn read_changes(&self, now: Revisions, goes_on: bool) -> Result<(), Fault> {
        let (mut last_bit, mut window) = self.read(|state| {
            if goes_on { (state.last_bit, state.window.clone()) } else { Default::default() }
        });
        // The bits are read before the lists, so the list of each of them is known.
        let mut bits: BTreeMap<i64, Vec<SetBit>> = BTreeMap::new();
        loop {
            let page = status_lists::set_after(&*self.store, last_bit, PAGE).await?;
            last_bit = page.last().copied().unwrap_or(last_bit);
            let is_last = (page.len() as u64) < PAGE;
            for bit in page {
                bits.entry(bit.list).or_default().push(bit);
            }
            if is_last {
                break;
            }
        }
        let stored = status_lists::list_all(&*self.store).await?;
        window.floor = window.floor.max(now.forgotten);
        window.position = window.position.max(window.floor);
        let mut last = (window.position, i64::MAX);
        loop {
            let page = revocations::after(&*self.store, last, PAGE).await?;
            let is_last = (page.len() as u64) < PAGE;
            if let Some(end) = page.last() {
                last = (end.position, end.part);
            }
            window.events.extend(page.into_iter().map(Arc::new));
            window.trim();
            if is_last {
                break;
            }
        }
        // A number that is visible belongs to a transaction before which all others of smaller
        // numbers have ended.
        window.position = window.position.max(now.epoch.revocations).max(last.0);
        self.write(|state| {
            let before = if goes_on { std::mem::take(&mut state.lists) } else { BTreeMap::new() };
            state.lists = merged(&before, &stored, &bits);
            state.highest = state.highest.max(now.epoch.lists);
            state.last_bit = last_bit;
            state.window = window;
        });
        Ok(())
    }

    /// The list of this number; `None` if there is none, or not any more.
    pub async fn list(&self, number: i64) -> Result<Option<KnownList>, Fault> {
        let rounds = self.rounds.subscribe();
        let (found, highest, is_ready) = self.read(|state| {
            (state.lists.get(&number).cloned(), state.highest, state.confirmed.is_some())
        });
        if !is_ready {
            return Err(Fault::unavailable("reading a status list", "nothing was learned yet"));
        }
        // Another replica may just have opened it.
        if found.is_some() || number <= highest || number > highest + NEXT {
            return Ok(found);
        }
        self.next_round(rounds).await;
        Ok(self.read(|state| state.lists.get(&number).cloned()))
    }

    /// Waits until something was learned that was asked for after this call.
    pub async fn next_round(&self, mut rounds: watch::Receiver<u64>) {
        let after = *rounds.borrow() + 2;
        let two = rounds.wait_for(|round| *round >= after);
        let _ = tokio::time::timeout(Duration::from_secs(2), two).await;
    }

    /// Tells of each time that something was learned.
    #[must_use]
    pub fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }

    /// The numbers of all lists.
    pub fn numbers(&self) -> Result<Vec<i64>, Fault> {
        self.as_of()?;
        Ok(self.read(|state| state.lists.keys().copied().collect()))
    }

    /// The instant up to which revocations are known: now, or when the database last answered.
    pub fn as_of(&self) -> Result<DateTime<Utc>, Fault> {
        let (confirmed, is_away) = self.read(|state| (state.confirmed, state.is_away));
        match confirmed {
            None => Err(Fault::unavailable("reading a status list", "nothing was learned yet")),
            Some((at, real)) if is_away || real.elapsed() > AWAY => Ok(at),
            Some(_) => Ok(self.clock.now()),
        }
    }

    /// Whether the token at this place is revoked, or its list is gone.
    #[must_use]
    pub fn is_revoked(&self, place: StatusIndex) -> bool {
        self.read(|state| match state.lists.get(&place.list) {
            Some(list) => list.is_closed || list.bits.is_set(place.index),
            // Not known yet is not gone.
            None => place.list <= state.highest && state.confirmed.is_some(),
        })
    }

    /// Whether no more places are taken from this list.
    #[must_use]
    pub fn is_closed(&self, number: i64) -> bool {
        self.read(|state| match state.lists.get(&number) {
            Some(list) => list.is_closed,
            None => number <= state.highest && state.confirmed.is_some(),
        })
    }

    /// How many bits are set in all lists.
    #[must_use]
    pub fn revoked_places(&self) -> u64 {
        let lists: Vec<_> =
            self.read(|state| state.lists.values().map(|list| Arc::clone(&list.bits)).collect());
        lists.iter().map(|bits| bits.count_set()).sum()
    }

    /// Looks at the revocations that are kept.
    pub fn window<T>(&self, look: impl FnOnce(&Window) -> T) -> Result<T, Fault> {
        self.read(|state| match state.confirmed {
            None => Err(Fault::unavailable("reading the revocations", "nothing was learned yet")),
            Some(_) => Ok(look(&state.window)),
        })
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// So many lists may be opened by other replicas before this one learns of it.
const NEXT: i64 = 8;

impl Window {
    /// Leaves out the oldest revocations if there are too many, always all of one transaction.
    fn trim(&mut self) {
        while self.events.len() > MOST
            && let Some(oldest) = self.events.pop_front()
        {
            self.floor = oldest.position;
        }
        let floor = self.floor;
        while self.events.front().is_some_and(|event| event.position <= floor) {
            self.events.pop_front();
        }
    }
}

/// The lists of the database, with the bits that are known and the new ones.
fn merged(
    before: &BTreeMap<i64, KnownList>,
    stored: &[StoredList],
    bits: &BTreeMap<i64, Vec<SetBit>>,
) -> BTreeMap<i64, KnownList> {
    let mut lists = BTreeMap::new();
    for one in stored {
        let mut list = before.get(&one.number).cloned().unwrap_or_else(|| KnownList {
            entries: one.entries,
            is_closed: false,
            bits: Arc::new(Bits::clear(one.entries)),
            version: 0,
        });
        if let Some(new) = bits.get(&one.number) {
            let bits = Arc::make_mut(&mut list.bits);
            for bit in new {
                bits.set(bit.index);
                list.version = list.version.max(bit.position);
            }
        }
        if one.is_closed && !list.is_closed {
            list.is_closed = true;
            list.bits = Arc::new(Bits::all(one.entries));
            list.version = i64::MAX;
        }
        lists.insert(one.number, list);
    }
    lists
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(number: i64, is_closed: bool) -> StoredList {
        StoredList { number, entries: 64, is_closed }
    }

    proptest! {
        /// Whatever is learned in however many rounds, the lists are the same, and no bit is lost.
        #[test]
        fn what_is_learned_in_parts_is_what_is_learned_at_once(
            bits in prop::collection::vec((1_i64..4, 0_u32..64), 0..80),
            cuts in prop::collection::vec(0_usize..80, 0..5),
        ) {
            let every = [stored(1, false), stored(2, false), stored(3, false)];
            let set: Vec<SetBit> = bits.iter().zip(1..)
                .map(|((list, index), position)| SetBit { position, list: *list, index: *index })
                .collect();
            let of = |some: &[SetBit]| {
                let mut of: BTreeMap<i64, Vec<SetBit>> = BTreeMap::new();
                for bit in some {
                    of.entry(bit.list).or_default().push(*bit);
                }
                of
            };
            let at_once = merged(&BTreeMap::new(), &every, &of(&set));
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(set.len())).collect();
            cuts.push(set.len());
            cuts.sort_unstable();
            let (mut lists, mut from) = (BTreeMap::new(), 0);
            for cut in cuts {
                lists = merged(&lists, &every, &of(&set[from..cut]));
                from = cut;
            }
            for number in 1..4 {
                let (one, other) = (&at_once[&number], &lists[&number]);
                prop_assert_eq!((&one.bits, one.version), (&other.bits, other.version));
            }
            for bit in &set {
                prop_assert!(lists[&bit.list].bits.is_set(bit.index));
            }
        }
    }

    #[test]
    fn a_closed_list_has_every_bit_and_a_list_that_is_gone_is_left_out() {
        let lists =
            merged(&BTreeMap::new(), &[stored(1, false), stored(2, true)], &BTreeMap::new());
        assert!((0..64).all(|index| lists[&2].bits.is_set(index) && !lists[&1].bits.is_set(index)));
        let lists = merged(&lists, &[stored(2, true)], &BTreeMap::new());
        assert_eq!(lists.keys().collect::<Vec<_>>(), [&2]);
    }
}
