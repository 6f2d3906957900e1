//! Limits how many calls to one provider are made at the same time. Requesters from one network get
//! only some of the calls, so the rest is left to others. A request that finds no free call waits
//! in a queue until its deadline.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::address::neighbourhood;

/// How many calls to one provider are made at once, so that a slow provider does not slow down
/// others.
const EVERY: usize = 64;
/// How many of them may be made for apps, so that some are always left for people in browsers.
const APPS: usize = 32;
/// How many may be made for one place (see [`Requester`]).
const PLACE: usize = 8;
/// How many may be made for one authenticated client, because all its people come from one address.
const CLIENT: usize = 16;
/// How many requests may wait in one queue, and how many in all queues together.
const WAIT_IN_QUEUE: usize = 64;
const WAIT: usize = 1024;

/// The person or app for whom a provider is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The place of the requester: an IPv4 address or an IPv6 /64.
    place: Arc<str>,
    /// The name of the queue in which the request waits.
    queue: Arc<str>,
    at_once: usize,
    is_app: bool,
}

impl Requester {
    /// A person in a browser at this address.
    #[must_use]
    pub fn person(address: IpAddr) -> Self {
        let place: Arc<str> = neighbourhood(address).into();
        Self { queue: Arc::clone(&place), place, at_once: PLACE, is_app: false }
    }

    /// An app at this address. An authenticated client has a queue of its own.
    #[must_use]
    pub fn app(address: IpAddr, proven: Option<&str>) -> Self {
        let place: Arc<str> = neighbourhood(address).into();
        let (queue, at_once) = match proven {
            Some(client) => (format!("client {client}"), CLIENT),
            None => (format!("app {place}"), PLACE),
        };
        Self { place, queue: queue.into(), at_once, is_app: true }
    }

    /// The place of the requester.
    pub(super) fn place(&self) -> &Arc<str> {
        &self.place
    }
}

/// The limit of one provider.
#[derive(Debug)]
pub(super) struct CallLimit {
    every: Semaphore,
    apps: Semaphore,
    queues: Mutex<Queues>,
}

/// The queues that are in use. A queue is removed when the last request leaves it.
#[derive(Debug, Default)]
struct Queues {
    by_name: HashMap<Arc<str>, Queue>,
    /// How many requests are in all queues together.
    people: usize,
}

#[derive(Debug)]
struct Queue {
    permits: Arc<Semaphore>,
    people: usize,
}

/// The refusal: too many requests wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

/// The permission to make one call, until it is dropped.
#[derive(Debug)]
pub(super) struct CallPermit<'t> {
    _permits: [Option<SemaphorePermit<'t>>; 2],
    // It is dropped after the permits, so a request leaves its queue only after it has given them
    // back.
    _waiting: Waiting<'t>,
}

/// A request in a queue. It stays there while its call is made.
#[derive(Debug)]
struct Waiting<'t> {
    limit: &'t CallLimit,
    name: Arc<str>,
    own: Arc<Semaphore>,
    holds: bool,
}

impl Default for CallLimit {
    fn default() -> Self {
        Self { every: Semaphore::new(EVERY), apps: Semaphore::new(APPS), queues: Mutex::default() }
    }
}

impl CallLimit {
    /// Waits until the call may be made.
    pub(super) async fn take(&self, requester: &Requester) -> Result<CallPermit<'_>, QueueFull> {
        let mut waiting = self.join(requester)?;
        // The semaphores are never closed, so these errors do not occur.
        waiting.own.acquire().await.map_err(|_| QueueFull)?.forget();
        waiting.holds = true;
        let app = if requester.is_app { Some(self.apps.acquire().await) } else { None };
        let app = app.transpose().map_err(|_| QueueFull)?;
        let common = self.every.acquire().await.map_err(|_| QueueFull)?;
        Ok(CallPermit { _permits: [app, Some(common)], _waiting: waiting })
    }

    /// Adds a request to the queue of its requester.
    fn join(&self, requester: &Requester) -> Result<Waiting<'_>, QueueFull> {
        let mut queues = self.queues();
        let in_queue = queues.by_name.get(&requester.queue).map_or(0, |queue| queue.people);
        if in_queue >= requester.at_once + WAIT_IN_QUEUE || queues.people >= EVERY + WAIT {
            return Err(QueueFull);
        }
        queues.people += 1;
        let queue = queues.by_name.entry(Arc::clone(&requester.queue)).or_insert_with(|| Queue {
            permits: Arc::new(Semaphore::new(requester.at_once)),
            people: 0,
        });
        queue.people += 1;
        let own = Arc::clone(&queue.permits);
        Ok(Waiting { limit: self, name: Arc::clone(&requester.queue), own, holds: false })
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.holds {
            self.own.add_permits(1);
        }
        let mut queues = self.limit.queues();
        queues.people -= 1;
        if let Some(queue) = queues.by_name.get_mut(&self.name) {
            queue.people -= 1;
            if queue.people == 0 {
                queues.by_name.remove(&self.name);
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

    /// Takes a permit that is free.
    fn taken<'t>(limit: &'t CallLimit, requester: &Requester) -> CallPermit<'t> {
        limit.take(requester).now_or_never().expect("free").expect("a permit")
    }

    fn is_crowded(limit: &CallLimit, requester: &Requester) -> bool {
        matches!(limit.take(requester).now_or_never(), Some(Err(QueueFull)))
    }

    fn must_wait(limit: &CallLimit, requester: &Requester) -> bool {
        limit.take(requester).now_or_never().is_none()
    }

    #[test]
    fn whoever_comes_from_one_place_leaves_calls_to_others() {
        let limit = CallLimit::default();
        let mut held: Vec<_> = (0..PLACE).map(|_| taken(&limit, &person(1))).collect();
        assert!(must_wait(&limit, &person(1)));
        drop(taken(&limit, &person(2)));
        // An app at the same place has another queue.
        drop(taken(&limit, &app(1)));
        held.pop();
        drop(taken(&limit, &person(1)));
        drop(held);
        assert!(limit.queues().by_name.is_empty(), "nothing is kept of them");
        assert_eq!(limit.queues().people, 0);
    }

    #[test]
    fn apps_leave_calls_to_people_and_a_client_that_authenticated_has_a_queue_of_its_own() {
        let limit = CallLimit::default();
        let backend = Requester::app(IpAddr::from([192, 0, 2, 9]), Some("backend"));
        let own: Vec<_> = (0..CLIENT).map(|_| taken(&limit, &backend)).collect();
        assert!(must_wait(&limit, &backend));
        let others: Vec<_> = (0..APPS - CLIENT)
            .map(|at| taken(&limit, &app(u8::try_from(at / PLACE).unwrap())))
            .collect();
        assert!(must_wait(&limit, &app(100)), "the calls of apps are taken");
        let people: Vec<_> = (0..EVERY - APPS)
            .map(|at| taken(&limit, &person(u8::try_from(at / PLACE).unwrap())))
            .collect();
        assert!(must_wait(&limit, &person(100)), "all are taken");
        drop((own, others, people));
        drop(taken(&limit, &app(100)));
    }

    #[test]
    fn so_many_wait_and_no_more_and_who_hangs_up_waits_no_longer() {
        let limit = CallLimit::default();
        let requester = person(1);
        let _held: Vec<_> = (0..PLACE).map(|_| taken(&limit, &requester)).collect();
        let mut waiting: Vec<_> =
            (0..WAIT_IN_QUEUE).map(|_| Box::pin(limit.take(&requester))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        assert!(is_crowded(&limit, &requester));
        drop(taken(&limit, &person(2)));
        waiting.pop();
        assert!(must_wait(&limit, &requester));
        assert_eq!(limit.queues().people, PLACE + WAIT_IN_QUEUE - 1);
        drop(waiting);
        assert_eq!(limit.queues().people, PLACE);
    }

    #[test]
    fn the_queues_have_a_bound_however_many_places_there_are() {
        let limit = CallLimit::default();
        let place =
            |at: usize| Requester::person(IpAddr::from(u32::try_from(at).unwrap().to_be_bytes()));
        let limit = &limit;
        let wait = |at| {
            let requester = place(at);
            let mut one = Box::pin(async move { limit.take(&requester).await });
            // The request has started now: it has a permit or is in its queue.
            match (&mut one).now_or_never() {
                Some(permit) => (Some(permit), None),
                None => (None, Some(one)),
            }
        };
        let _all: Vec<_> = (0..EVERY + WAIT).map(wait).collect();
        assert_eq!(limit.queues().by_name.len(), EVERY + WAIT);
        assert!(is_crowded(limit, &place(EVERY + WAIT)));
    }
}
