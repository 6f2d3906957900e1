//! The limit of connections. When it is reached, a new connection replaces one that sends nothing,
//! so strangers who hold connections open cannot block other people.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use crate::domain::address::{TrustedProxies, neighbourhood};
use crate::net::timeouts::Activity;

/// When no connection can be closed for a new one, the time before the next try.
const RESPITE: Duration = Duration::from_millis(100);

/// The connections of one listener.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    most: u32,
    free: Arc<Semaphore>,
    open: Mutex<HashMap<u64, Open>>,
    admitted: AtomicU64,
    proxies: TrustedProxies,
}

#[derive(Debug)]
struct Open {
    neighbourhood: String,
    activity: Arc<Activity>,
    task: Option<AbortHandle>,
}

impl ConnectionLimit {
    pub(crate) fn new(most: u32, proxies: TrustedProxies) -> Arc<Self> {
        let permits = usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            most,
            free: Arc::new(Semaphore::new(permits)),
            open: Mutex::default(),
            admitted: AtomicU64::new(0),
            proxies,
        })
    }

    /// Waits for a place. If none is free, it closes connections that can be given up.
    pub(crate) async fn place(self: &Arc<Self>, peer: IpAddr, activity: &Arc<Activity>) -> Place {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            self.make_room();
            let waiting = Arc::clone(&self.free).acquire_owned();
            if let Ok(Ok(permit)) = tokio::time::timeout(RESPITE, waiting).await {
                break permit;
            }
        };
        let id = self.admitted.fetch_add(1, Ordering::Relaxed);
        let neighbourhood = self.neighbourhood(peer);
        let open = Open { neighbourhood, activity: Arc::clone(activity), task: None };
        self.open().insert(id, open);
        Place { limit: Arc::clone(self), id, _permit: permit }
    }

    /// Sets the task that serves the connection of a place, unless the place is already free again.
    pub(crate) fn held_by(&self, id: u64, task: AbortHandle) {
        if let Some(open) = self.open().get_mut(&id) {
            open.task = Some(task);
        }
    }

    /// Closes a hundredth of the allowed connections, chosen among those that can be given up:
    /// first those of the network with the most connections, then those with the smallest loss,
    /// then those that have waited longest. So one pass over all connections makes room for many.
    pub(crate) fn make_room(&self) {
        let mut open = self.open();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for one in open.values() {
            *numbers.entry(&one.neighbourhood).or_default() += 1;
        }
        // Behind a proxy there are many people, so its connections do not count as one network.
        numbers.insert(PROXY, 0);
        let mut expendable: Vec<_> = open
            .iter()
            .filter(|(_, one)| one.task.is_some())
            .filter_map(|(id, one)| {
                let number = numbers.get(one.neighbourhood.as_str()).copied().unwrap_or_default();
                Some((Reverse(number), one.activity.expendable()?, *id))
            })
            .collect();
        expendable.sort_unstable();
        let some = usize::try_from(self.most / 100).unwrap_or_default().max(1);
        for (_, _, id) in expendable.into_iter().take(some) {
            let task = open.get_mut(&id).and_then(|one| one.task.take());
            if let Some(task) = task {
                task.abort();
                metrics::counter!("mapae_connections_pushed_out_total").increment(1);
            }
        }
    }

    /// Waits until no connection is left.
    pub(crate) async fn gone(&self) {
        // The semaphore is never closed.
        let _ = self.free.acquire_many(self.most).await;
    }

    /// Closes all connections.
    pub(crate) fn end(&self) {
        for one in self.open().values_mut() {
            if let Some(task) = one.task.take() {
                task.abort();
            }
        }
    }

    fn neighbourhood(&self, peer: IpAddr) -> String {
        let peer = peer.to_canonical();
        let is_proxy = self.proxies.0.iter().any(|net| net.contains(&peer));
        if is_proxy { PROXY.to_owned() } else { neighbourhood(peer) }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        // A panic cannot leave an entry in an invalid state.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name under which connections of trusted proxies are counted.
const PROXY: &str = "proxy";

/// A place among the connections. It is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    limit: Arc<ConnectionLimit>,
    id: u64,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.open().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::net::timeouts::Timeouts;

    struct TestConnection {
        activity: Arc<Activity>,
        task: tokio::task::JoinHandle<()>,
    }

    async fn admit(limit: &Arc<ConnectionLimit>, peer: &str) -> TestConnection {
        let timeouts = Timeouts { headers: Duration::from_mins(1), idle: Duration::from_mins(1) };
        let activity = Activity::new(timeouts);
        let place = limit.place(peer.parse().unwrap(), &activity).await;
        let id = place.id();
        let task = tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(place);
        });
        limit.held_by(id, task.abort_handle());
        TestConnection { activity, task }
    }

    fn limit(most: u32) -> Arc<ConnectionLimit> {
        ConnectionLimit::new(most, TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]))
    }

    #[tokio::test]
    async fn a_newcomer_takes_the_place_of_who_waits_longest() {
        let limit = limit(3);
        let busy = admit(&limit, "192.0.2.1").await;
        let _work = busy.activity.work();
        let idle = admit(&limit, "192.0.2.1").await;
        let other = admit(&limit, "192.0.2.1").await;
        admit(&limit, "192.0.2.1").await;
        assert!(idle.task.await.unwrap_err().is_cancelled());
        assert!(!busy.task.is_finished() && !other.task.is_finished());
    }

    #[tokio::test]
    async fn many_of_one_neighbourhood_push_out_each_other_and_nobody_else() {
        let limit = limit(5);
        let proxied = [admit(&limit, "10.0.0.1").await, admit(&limit, "10.0.0.1").await];
        let honest = admit(&limit, "192.0.2.1").await;
        admit(&limit, "2001:db8::1").await;
        for host in 2..50 {
            // The other connections are older, and all addresses of a /64 count as one network.
            admit(&limit, &format!("2001:db8::{host:x}")).await;
        }
        assert!(!honest.task.is_finished());
        assert!(proxied.iter().all(|one| !one.task.is_finished()));
    }

    #[tokio::test]
    async fn while_everybody_is_answered_a_newcomer_waits() {
        let limit = limit(1);
        let busy = admit(&limit, "192.0.2.1").await;
        let work = busy.activity.work();
        let mut newcomer = std::pin::pin!(admit(&limit, "192.0.2.2"));
        assert!(newcomer.as_mut().now_or_never().is_none());
        assert!(!busy.task.is_finished());
        drop(work);
        newcomer.await;
        assert!(busy.task.is_finished());
    }

    #[tokio::test]
    async fn everybody_is_gone_at_the_end() {
        let limit = limit(2);
        let connection = admit(&limit, "192.0.2.1").await;
        let _work = connection.activity.work();
        assert!(limit.gone().now_or_never().is_none());
        limit.end();
        limit.gone().await;
    }
}
