//! Who may call a provider at the same time as others. Whoever comes from one place takes some turns
//! and leaves the rest; whoever finds none free waits, as long as a visit may take.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::address::neighbourhood;

/// So many calls to one provider at once: a slow one holds up nobody else.
const EVERY: usize = 64;
/// So many of them for apps: people in browsers never wait for all of these.
const APPS: usize = 32;
/// So many from one place.
const PLACE: usize = 8;
/// So many for a client that proved who it is: its people all come from where it is.
const CLIENT: usize = 16;
/// So many wait in one line, or in all of them.
const WAIT_IN_LINE: usize = 64;
const WAIT: usize = 1024;

/// For whom a provider is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// Where they are: an IPv4 address or an IPv6 /64.
    place: Arc<str>,
    /// In which line they wait.
    line: Arc<str>,
    at_once: usize,
    is_app: bool,
}

impl Requester {
    /// Somebody in a browser at this address.
    #[must_use]
    pub fn person(address: IpAddr) -> Self {
        let place: Arc<str> = neighbourhood(address).into();
        Self { line: Arc::clone(&place), place, at_once: PLACE, is_app: false }
    }

    /// An app at this address; a client that proved who it is waits in a line of its own.
    #[must_use]
    pub fn app(address: IpAddr, proven: Option<&str>) -> Self {
        let place: Arc<str> = neighbourhood(address).into();
        let (line, at_once) = match proven {
            Some(client) => (format!("client {client}"), CLIENT),
            None => (format!("app {place}"), PLACE),
        };
        Self { place, line: line.into(), at_once, is_app: true }
    }

    /// Where they are.
    pub(super) fn place(&self) -> &Arc<str> {
        &self.place
    }
}

/// The turns of one provider.
#[derive(Debug)]
pub(super) struct CallLimit {
    every: Semaphore,
    apps: Semaphore,
    lines: Mutex<Lines>,
}

/// Those that somebody is in: one is forgotten with the last of them.
#[derive(Debug, Default)]
struct Lines {
    known: HashMap<Arc<str>, Line>,
    /// How many are in any of them.
    people: usize,
}

#[derive(Debug)]
struct Line {
    turns: Arc<Semaphore>,
    people: usize,
}

/// There is no place left to wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct CallPermit<'t> {
    _permits: [Option<SemaphorePermit<'t>>; 2],
    // Behind the permits: whoever leaves a line has given back what they held.
    _waiting: InLine<'t>,
}

/// Somebody in a line.
#[derive(Debug)]
struct InLine<'t> {
    turns: &'t CallLimit,
    name: Arc<str>,
    own: Arc<Semaphore>,
    holds: bool,
}

impl Default for CallLimit {
    fn default() -> Self {
        Self { every: Semaphore::new(EVERY), apps: Semaphore::new(APPS), lines: Mutex::default() }
    }
}

impl CallLimit {
    /// Waits for a turn.
    pub(super) async fn take(&self, requester: &Requester) -> Result<CallPermit<'_>, QueueFull> {
        let mut waiting = self.join(requester)?;
        // Nobody closes a semaphore here.
        waiting.own.acquire().await.map_err(|_| QueueFull)?.forget();
        waiting.holds = true;
        let app = if requester.is_app { Some(self.apps.acquire().await) } else { None };
        let app = app.transpose().map_err(|_| QueueFull)?;
        let common = self.every.acquire().await.map_err(|_| QueueFull)?;
        Ok(CallPermit { _permits: [app, Some(common)], _waiting: waiting })
    }

    /// Steps into the line of a requester.
    fn join(&self, requester: &Requester) -> Result<InLine<'_>, QueueFull> {
        let mut lines = self.lines();
        let in_line = lines.known.get(&requester.line).map_or(0, |line| line.people);
        if in_line >= requester.at_once + WAIT_IN_LINE || lines.people >= EVERY + WAIT {
            return Err(QueueFull);
        }
        lines.people += 1;
        let line = lines.known.entry(Arc::clone(&requester.line)).or_insert_with(|| Line {
            turns: Arc::new(Semaphore::new(requester.at_once)),
            people: 0,
        });
        line.people += 1;
        let own = Arc::clone(&line.turns);
        Ok(InLine { turns: self, name: Arc::clone(&requester.line), own, holds: false })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if self.holds {
            self.own.add_permits(1);
        }
        let mut lines = self.turns.lines();
        lines.people -= 1;
        if let Some(line) = lines.known.get_mut(&self.name) {
            line.people -= 1;
            if line.people == 0 {
                lines.known.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn person(last: u8) -> Requester {
        Requester::person(IpAddr::from([192, 0, 2, last]))
    }

    fn app(last: u8) -> Requester {
        Requester::app(IpAddr::from([192, 0, 2, last]), None)
    }

    /// A turn that is free.
    fn taken<'t>(turns: &'t CallLimit, requester: &Requester) -> CallPermit<'t> {
        turns.take(requester).now_or_never().expect("free").expect("a turn")
    }

    fn is_crowded(turns: &CallLimit, requester: &Requester) -> bool {
        matches!(turns.take(requester).now_or_never(), Some(Err(QueueFull)))
    }

    fn must_wait(turns: &CallLimit, requester: &Requester) -> bool {
        turns.take(requester).now_or_never().is_none()
    }

    #[test]
    fn whoever_comes_from_one_place_leaves_turns_to_others() {
        let turns = CallLimit::default();
        let mut held: Vec<_> = (0..PLACE).map(|_| taken(&turns, &person(1))).collect();
        assert!(must_wait(&turns, &person(1)));
        drop(taken(&turns, &person(2)));
        // An app at the same place is in another line.
        drop(taken(&turns, &app(1)));
        held.pop();
        drop(taken(&turns, &person(1)));
        drop(held);
        assert!(turns.lines().known.is_empty(), "nothing is kept of them");
        assert_eq!(turns.lines().people, 0);
    }

    #[test]
    fn apps_leave_turns_to_people_and_a_client_that_is_proven_has_a_line_of_its_own() {
        let turns = CallLimit::default();
        let backend = Requester::app(IpAddr::from([192, 0, 2, 9]), Some("backend"));
        let own: Vec<_> = (0..CLIENT).map(|_| taken(&turns, &backend)).collect();
        assert!(must_wait(&turns, &backend));
        let others: Vec<_> = (0..APPS - CLIENT)
            .map(|at| taken(&turns, &app(u8::try_from(at / PLACE).unwrap())))
            .collect();
        assert!(must_wait(&turns, &app(100)), "the turns of apps are taken");
        let people: Vec<_> = (0..EVERY - APPS)
            .map(|at| taken(&turns, &person(u8::try_from(at / PLACE).unwrap())))
            .collect();
        assert!(must_wait(&turns, &person(100)), "all are taken");
        drop((own, others, people));
        drop(taken(&turns, &app(100)));
    }

    #[test]
    fn so_many_wait_and_no_more_and_who_hangs_up_waits_no_longer() {
        let turns = CallLimit::default();
        let requester = person(1);
        let _held: Vec<_> = (0..PLACE).map(|_| taken(&turns, &requester)).collect();
        let mut waiting: Vec<_> =
            (0..WAIT_IN_LINE).map(|_| Box::pin(turns.take(&requester))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        assert!(is_crowded(&turns, &requester));
        drop(taken(&turns, &person(2)));
        waiting.pop();
        assert!(must_wait(&turns, &requester));
        assert_eq!(turns.lines().people, PLACE + WAIT_IN_LINE - 1);
        drop(waiting);
        assert_eq!(turns.lines().people, PLACE);
    }

    #[test]
    fn the_lines_have_a_bound_however_many_places_there_are() {
        let turns = CallLimit::default();
        let place =
            |at: usize| Requester::person(IpAddr::from(u32::try_from(at).unwrap().to_be_bytes()));
        let turns = &turns;
        let wait = |at| {
            let requester = place(at);
            let mut one = Box::pin(async move { turns.take(&requester).await });
            // It is under way now, in a turn or in its line.
            match (&mut one).now_or_never() {
                Some(turn) => (Some(turn), None),
                None => (None, Some(one)),
            }
        };
        let _all: Vec<_> = (0..EVERY + WAIT).map(wait).collect();
        assert_eq!(turns.lines().known.len(), EVERY + WAIT);
        assert!(is_crowded(turns, &place(EVERY + WAIT)));
    }
}
