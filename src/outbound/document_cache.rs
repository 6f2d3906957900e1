//! Keeps a document that somebody else publishes (the metadata and keys of a provider, the keys of a
//! client) for a while.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Mutex;

use crate::domain::request;

/// How long a document is kept, and when it is asked for again.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long it is used without asking again.
    pub fresh: Duration,
    /// How long it is used while its publisher does not answer.
    pub stale: Duration,
    /// How much time must pass between two early fetches, and after a failed fetch.
    pub cool_down: Duration,
    /// How much time must pass after a failed fetch while there is no document at all.
    pub first_cool_down: Duration,
}

/// Nobody could finish fetching: the text is for the operator.
#[derive(Clone, Debug)]
pub struct Unfetched(pub String);

/// An error of a fetch.
pub trait FetchError: From<Unfetched> {
    /// Whether the publisher was asked at all. If not, the error says nothing about the publisher, and
    /// the next fetch waits for nothing.
    fn was_asked(&self) -> bool {
        true
    }
}

impl FetchError for Unfetched {}

/// The fetching of a document.
pub type Fetching<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'static>>;

/// Who says that the document is outdated. A stranger can claim that at any time, so strangers do
/// not use up the attempts of a token that came from the provider itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// A token that came from the provider itself.
    Provider,
    /// A token that may come from anybody.
    Stranger,
}

/// One document in memory, however often it is fetched.
#[derive(Debug)]
pub struct Cached<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    keeping: Keeping,
    /// How long a document is used without asking again, if that depends on what it says.
    life: Option<fn(&T) -> Duration>,
    known: RwLock<Option<Fetched<T>>>,
    attempts: Mutex<Attempts>,
    /// How many attempts failed.
    failures: AtomicU64,
}

#[derive(Debug)]
struct Fetched<T> {
    document: Arc<T>,
    fetched_at: DateTime<Utc>,
}

/// The attempts to fetch. Its lock allows one fetch at a time.
#[derive(Debug, Default)]
struct Attempts {
    failed_at: Option<DateTime<Utc>>,
    /// The last early fetch because of the provider, and the last one because of a stranger.
    forced_at: [Option<DateTime<Utc>>; 2],
}

impl Attempts {
    fn forced_at(&mut self, told_by: ToldBy) -> &mut Option<DateTime<Utc>> {
        let [provider, stranger] = &mut self.forced_at;
        match told_by {
            ToldBy::Provider => provider,
            ToldBy::Stranger => stranger,
        }
    }
}

impl<T: Send + Sync + 'static> Cached<T> {
    /// No document yet.
    #[must_use]
    pub fn new(keeping: Keeping) -> Self {
        Self::of(keeping, None)
    }

    /// No document yet. Each is used without asking again for as long as it says.
    #[must_use]
    pub fn with_life(keeping: Keeping, life: fn(&T) -> Duration) -> Self {
        Self::of(keeping, Some(life))
    }

    fn of(keeping: Keeping, life: Option<fn(&T) -> Duration>) -> Self {
        Self(Arc::new(Shared {
            keeping,
            life,
            known: RwLock::default(),
            attempts: Mutex::default(),
            failures: AtomicU64::default(),
        }))
    }

    /// The document. If it is not fresh, one request fetches it, and the others use the old one.
    pub async fn get<E: FetchError + Send + 'static>(
        &self,
        now: DateTime<Utc>,
        fetch: Fetching<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(fresh) = self.0.fresh(now) {
            return Ok(fresh);
        }
        let shared = Arc::clone(&self.0);
        to_its_end(async move { shared.get(now, fetch).await }).await
    }

    /// The document that is in memory, fresh or not. Nothing is fetched.
    #[must_use]
    pub fn in_memory(&self, now: DateTime<Utc>) -> Option<Arc<T>> {
        self.0.known_within(self.0.keeping.stale, now)
    }

    /// Fetches the document early because the old one does not fit, unless that was done a moment
    /// ago.
    pub async fn instead_of<E: FetchError + Send + 'static>(
        &self,
        old: &Arc<T>,
        now: DateTime<Utc>,
        told_by: ToldBy,
        fetch: Fetching<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let (shared, old) = (Arc::clone(&self.0), Arc::clone(old));
        to_its_end(async move { shared.instead_of(&old, now, told_by, fetch).await }).await
    }

    /// Fetches the document early because the old one does not fit. Only a fetch that brings nothing
    /// that fits keeps the next one waiting.
    pub async fn better_than<E: FetchError + Send + 'static>(
        &self,
        old: &Arc<T>,
        now: DateTime<Utc>,
        fits: impl Fn(&T) -> bool + Send + 'static,
        fetch: Fetching<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let (shared, old) = (Arc::clone(&self.0), Arc::clone(old));
        to_its_end(async move { shared.better_than(&old, now, fits, fetch).await }).await
    }
}

/// Runs the work in a task of its own, so that it finishes even if the client closes the
/// connection. Otherwise anybody could use up the attempts that all others wait for.
async fn to_its_end<T: Send + 'static, E: FetchError + Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    let ended = tokio::spawn(request::carried(work)).await;
    ended.map_or_else(|error| Err(Unfetched(error.to_string()).into()), |(ended, _)| ended)
}

impl<T> Shared<T> {
    async fn get<E: FetchError>(
        &self,
        now: DateTime<Utc>,
        fetch: Fetching<T, E>,
    ) -> Result<Arc<T>, E> {
        let Some(old) = self.known_within(self.keeping.stale, now) else {
            return self.get_first(now, fetch).await;
        };
        if let Ok(mut attempts) = self.attempts.try_lock()
            && attempts.failed_at.is_none_or(|failed_at| now - failed_at >= self.keeping.cool_down)
        {
            match fetch.await {
                Ok(fetched) => return Ok(self.keep(fetched, now)),
                Err(error) if error.was_asked() => attempts.failed_at = Some(now),
                Err(_) => {}
            }
        }
        Ok(old)
    }

    /// Fetches the first document. Requests that wait for an attempt share its result.
    async fn get_first<E: FetchError>(
        &self,
        now: DateTime<Utc>,
        fetch: Fetching<T, E>,
    ) -> Result<Arc<T>, E> {
        let before = self.failures.load(Ordering::SeqCst);
        let mut attempts = self.attempts.lock().await;
        if let Some(fresh) = self.fresh(now) {
            return Ok(fresh);
        }
        let pause = self.keeping.first_cool_down;
        if self.failures.load(Ordering::SeqCst) != before
            || attempts.failed_at.is_some_and(|failed_at| now - failed_at < pause)
        {
            return Err(Unfetched("it did not answer just now".to_owned()).into());
        }
        match fetch.await {
            Ok(fetched) => Ok(self.keep(fetched, now)),
            Err(error) => {
                if error.was_asked() {
                    attempts.failed_at = Some(now);
                    self.failures.fetch_add(1, Ordering::SeqCst);
                }
                Err(error)
            }
        }
    }

    async fn instead_of<E>(
        &self,
        old: &Arc<T>,
        now: DateTime<Utc>,
        told_by: ToldBy,
        fetch: Fetching<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let mut attempts = self.attempts.lock().await;
        if let Some(other) = self.peek().filter(|known| !Arc::ptr_eq(known, old)) {
            return Ok(Some(other));
        }
        let forced_at = attempts.forced_at(told_by);
        if forced_at.is_some_and(|forced_at| now - forced_at < self.keeping.cool_down) {
            return Ok(None);
        }
        *forced_at = Some(now);
        Ok(Some(self.keep(fetch.await?, now)))
    }

    async fn better_than<E: FetchError>(
        &self,
        old: &Arc<T>,
        now: DateTime<Utc>,
        fits: impl Fn(&T) -> bool,
        fetch: Fetching<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let mut attempts = self.attempts.lock().await;
        if let Some(other) = self.peek().filter(|known| !Arc::ptr_eq(known, old)) {
            return Ok(Some(other));
        }
        let in_vain_at = attempts.forced_at(ToldBy::Stranger);
        if in_vain_at.is_some_and(|at| now - at < self.keeping.cool_down) {
            return Ok(None);
        }
        match fetch.await {
            Ok(fetched) => {
                if !fits(&fetched) {
                    *in_vain_at = Some(now);
                }
                Ok(Some(self.keep(fetched, now)))
            }
            Err(error) => {
                if error.was_asked() {
                    *in_vain_at = Some(now);
                }
                Err(error)
            }
        }
    }

    fn peek(&self) -> Option<Arc<T>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|known| Arc::clone(&known.document))
    }

    fn fresh(&self, now: DateTime<Utc>) -> Option<Arc<T>> {
        let Some(life) = self.life else { return self.known_within(self.keeping.fresh, now) };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let young = known.as_ref().filter(|known| now - known.fetched_at < life(&known.document));
        young.map(|known| Arc::clone(&known.document))
    }

    fn known_within(&self, age: Duration, now: DateTime<Utc>) -> Option<Arc<T>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let young = known.as_ref().filter(|known| now - known.fetched_at < age);
        young.map(|known| Arc::clone(&known.document))
    }

    fn keep(&self, fetched: T, now: DateTime<Utc>) -> Arc<T> {
        let document = Arc::new(fetched);
        let known = Fetched { document: Arc::clone(&document), fetched_at: now };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn at(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    const KEEPING: Keeping = Keeping {
        fresh: Duration::hours(1),
        stale: Duration::days(1),
        cool_down: Duration::seconds(10),
        first_cool_down: Duration::zero(),
    };

    fn down() -> Fetching<u8, Unfetched> {
        Box::pin(std::future::ready(Err(Unfetched("down".to_owned()))))
    }

    fn up(document: u8) -> Fetching<u8, Unfetched> {
        Box::pin(std::future::ready(Ok(document)))
    }

    #[tokio::test]
    async fn what_is_fresh_is_not_fetched_and_what_is_old_serves_while_nobody_answers() {
        let cached = Cached::new(KEEPING);
        assert!(cached.get(at(0), down()).await.is_err());
        assert_eq!(*cached.get(at(0), up(1)).await.unwrap(), 1);
        assert_eq!(*cached.get(at(3599), up(2)).await.unwrap(), 1);
        assert_eq!(*cached.get(at(3600), down()).await.unwrap(), 1);
        // A failed fetch is not repeated right away.
        assert_eq!(*cached.get(at(3605), up(2)).await.unwrap(), 1);
        assert_eq!(*cached.get(at(3610), up(2)).await.unwrap(), 2);
        assert!(cached.get(at(3610 + 86_400), down()).await.is_err());
    }

    #[tokio::test]
    async fn one_fetches_and_the_others_go_on_with_what_is_there() {
        let cached = Cached::new(KEEPING);
        cached.get(at(0), up(1)).await.unwrap();
        let other = Cached(Arc::clone(&cached.0));
        let slow = cached.get::<Unfetched>(
            at(3600),
            Box::pin(async move {
                // Another request asks in the meantime.
                assert_eq!(*other.get(at(3600), down()).await.unwrap(), 1);
                Ok(2)
            }),
        );
        assert_eq!(*slow.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn who_waits_for_the_first_attempt_shares_its_end() {
        let cached = Cached::new(KEEPING);
        let (asked, heard) = tokio::sync::oneshot::channel::<()>();
        let first = cached.0.get(
            at(0),
            Box::pin(async move {
                heard.await.unwrap();
                down().await
            }),
        );
        let second = async {
            let waiting = cached.0.get(at(0), up(1));
            asked.send(()).unwrap();
            waiting.await
        };
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err() && second.is_err());
        assert_eq!(*cached.0.get(at(0), up(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn it_is_not_fetched_before_its_time_by_whoever_likes() {
        let cached = Cached::new(KEEPING);
        let first = cached.get(at(0), up(1)).await.unwrap();
        let second =
            cached.instead_of(&first, at(0), ToldBy::Provider, up(2)).await.unwrap().unwrap();
        assert_eq!(*second, 2);
        assert_eq!(cached.instead_of(&second, at(9), ToldBy::Provider, up(3)).await.unwrap(), None);
        // A request that still has the first document gets the newer one.
        let handed = cached.instead_of(&first, at(9), ToldBy::Provider, up(3)).await.unwrap();
        assert_eq!(handed.as_deref(), Some(&2));
        let third = cached.instead_of(&second, at(10), ToldBy::Provider, up(3)).await.unwrap();
        assert_eq!((third.as_deref(), cached.0.peek().as_deref()), (Some(&3), Some(&3)));
    }

    #[tokio::test]
    async fn a_stranger_spends_no_attempt_of_those_who_have_the_providers_word() {
        let cached = Cached::new(KEEPING);
        let first = cached.get(at(0), up(1)).await.unwrap();
        let second = cached.instead_of(&first, at(0), ToldBy::Stranger, up(2)).await.unwrap();
        let second = second.unwrap();
        let again = cached.instead_of(&second, at(1), ToldBy::Stranger, up(3)).await.unwrap();
        assert_eq!(again, None);
        let third = cached.instead_of(&second, at(1), ToldBy::Provider, up(3)).await.unwrap();
        assert_eq!(third.as_deref(), Some(&3));
    }

    #[tokio::test]
    async fn only_a_fetch_in_vain_keeps_the_next_one_waiting() {
        let cached = Cached::new(KEEPING);
        let mut known = cached.get(at(0), up(1)).await.unwrap();
        for next in 2..5 {
            let fits = move |found: &u8| *found == next;
            known = cached.better_than(&known, at(0), fits, up(next)).await.unwrap().unwrap();
            assert_eq!(*known, next);
        }
        let in_vain = cached.better_than(&known, at(1), |_| false, up(5)).await.unwrap().unwrap();
        assert_eq!(*in_vain, 5);
        assert_eq!(cached.better_than(&in_vain, at(10), |_| true, up(6)).await.unwrap(), None);
        assert!(cached.better_than(&in_vain, at(11), |_| true, down()).await.is_err());
        assert_eq!(cached.better_than(&in_vain, at(20), |_| true, up(6)).await.unwrap(), None);
        let later = cached.better_than(&in_vain, at(21), |_| true, up(6)).await.unwrap();
        assert_eq!(later.as_deref(), Some(&6));
    }

    #[tokio::test]
    async fn who_never_answered_is_not_asked_by_every_request() {
        let pause = Keeping { first_cool_down: Duration::seconds(10), ..KEEPING };
        let cached = Cached::new(pause);
        assert!(cached.get(at(0), down()).await.is_err());
        assert!(cached.get(at(9), up(1)).await.is_err());
        assert_eq!(*cached.get(at(10), up(1)).await.unwrap(), 1);
    }

    #[derive(Debug)]
    struct Busy;

    impl From<Unfetched> for Busy {
        fn from(_: Unfetched) -> Self {
            Self
        }
    }

    impl FetchError for Busy {
        fn was_asked(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn what_was_not_asked_has_not_failed() {
        fn busy() -> Fetching<u8, Busy> {
            Box::pin(std::future::ready(Err(Busy)))
        }
        let cached = Cached::new(Keeping { first_cool_down: Duration::seconds(10), ..KEEPING });
        assert!(cached.get(at(0), busy()).await.is_err());
        let first = cached.get(at(0), up(1)).await.unwrap();
        assert!(cached.better_than(&first, at(0), |_| true, busy()).await.is_err());
        let newer = cached.better_than(&first, at(0), |_| true, up(2)).await.unwrap();
        assert_eq!(newer.as_deref(), Some(&2));
        assert_eq!(*cached.get(at(3600), busy()).await.unwrap(), 2);
        assert_eq!(*cached.get(at(3600), up(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn whoever_hangs_up_spends_no_attempt_of_the_others() {
        let cached = Cached::new(KEEPING);
        let first = cached.get(at(0), up(1)).await.unwrap();
        let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
        let (began, beginning) = tokio::sync::oneshot::channel::<()>();
        let slow = Box::pin(async move {
            began.send(()).unwrap();
            wait.await.unwrap();
            Ok(2)
        });
        let mut impatient =
            Box::pin(cached.instead_of::<Unfetched>(&first, at(0), ToldBy::Provider, slow));
        tokio::select! {
            biased;
            _ = &mut impatient => panic!("it waits"),
            begun = beginning => begun.unwrap(),
        }
        drop(impatient);
        go_on.send(()).unwrap();
        let handed = cached.instead_of(&first, at(0), ToldBy::Provider, down()).await.unwrap();
        assert_eq!(handed.as_deref(), Some(&2));
    }
}
