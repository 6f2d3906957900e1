//! Keeps documents that a provider publishes (its metadata and its keys) for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Mutex;

use super::error::UpstreamError;
use super::provider::ProviderAnswer;
use crate::domain::request;

/// How long a document is used without asking again.
const FRESH: Duration = Duration::hours(1);
/// How long a document is used while the provider does not answer.
const STALE: Duration = Duration::days(1);
/// How much time must pass between two early fetches, and after a failed fetch.
const COOL_DOWN: Duration = Duration::seconds(10);

/// Who says that the document is outdated. A stranger can claim that at any time, so strangers do
/// not use up the attempts of a token that came from the provider itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToldBy {
    /// A token that came from the provider itself.
    Provider,
    /// A token that may come from anybody.
    Stranger,
}

/// One document in memory, however often it is fetched.
#[derive(Debug)]
pub(super) struct Cached<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
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

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Arc::new(Shared {
            known: RwLock::default(),
            attempts: Mutex::default(),
            failures: AtomicU64::default(),
        }))
    }
}

impl<T: Send + Sync + 'static> Cached<T> {
    /// The document. If it is not fresh, one request fetches it, and the others use the old one.
    pub(super) async fn get(
        &self,
        now: DateTime<Utc>,
        fetch: ProviderAnswer<'static, T>,
    ) -> Result<Arc<T>, UpstreamError> {
        if let Some(fresh) = self.0.known_within(FRESH, now) {
            return Ok(fresh);
        }
        let shared = Arc::clone(&self.0);
        to_its_end(async move { shared.get(now, fetch).await }).await
    }

    /// Fetches the document early because the old one does not fit, unless that was done a moment
    /// ago.
    pub(super) async fn instead_of(
        &self,
        old: &Arc<T>,
        now: DateTime<Utc>,
        told_by: ToldBy,
        fetch: ProviderAnswer<'static, T>,
    ) -> Result<Option<Arc<T>>, UpstreamError> {
        let (shared, old) = (Arc::clone(&self.0), Arc::clone(old));
        to_its_end(async move { shared.instead_of(&old, now, told_by, fetch).await }).await
    }
}

/// Runs the work in a task of its own, so that it finishes even if the client closes the
/// connection. Otherwise anybody could use up the attempts that all others wait for.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, UpstreamError>> + Send + 'static,
) -> Result<T, UpstreamError> {
    let ended = tokio::spawn(request::carried(work)).await;
    ended
        .map_or_else(|error| Err(UpstreamError::Unavailable(error.to_string())), |(ended, _)| ended)
}

impl<T> Shared<T> {
    async fn get(
        &self,
        now: DateTime<Utc>,
        fetch: ProviderAnswer<'static, T>,
    ) -> Result<Arc<T>, UpstreamError> {
        let Some(old) = self.known_within(STALE, now) else {
            return self.get_first(now, fetch).await;
        };
        if let Ok(mut attempts) = self.attempts.try_lock()
            && attempts.failed_at.is_none_or(|failed_at| now - failed_at >= COOL_DOWN)
        {
            match fetch.await {
                Ok(fetched) => return Ok(self.keep(fetched, now)),
                Err(_) => attempts.failed_at = Some(now),
            }
        }
        Ok(old)
    }

    /// Fetches the first document. Requests that wait for an attempt share its result.
    async fn get_first(
        &self,
        now: DateTime<Utc>,
        fetch: ProviderAnswer<'static, T>,
    ) -> Result<Arc<T>, UpstreamError> {
        let before = self.failures.load(Ordering::SeqCst);
        let _turn = self.attempts.lock().await;
        if let Some(fresh) = self.known_within(FRESH, now) {
            return Ok(fresh);
        }
        if self.failures.load(Ordering::SeqCst) != before {
            return Err(UpstreamError::Unavailable("it did not answer just now".to_owned()));
        }
        match fetch.await {
            Ok(fetched) => Ok(self.keep(fetched, now)),
            Err(error) => {
                self.failures.fetch_add(1, Ordering::SeqCst);
                Err(error)
            }
        }
    }

    async fn instead_of(
        &self,
        old: &Arc<T>,
        now: DateTime<Utc>,
        told_by: ToldBy,
        fetch: ProviderAnswer<'static, T>,
    ) -> Result<Option<Arc<T>>, UpstreamError> {
        let mut attempts = self.attempts.lock().await;
        if let Some(other) = self.peek().filter(|known| !Arc::ptr_eq(known, old)) {
            return Ok(Some(other));
        }
        let forced_at = attempts.forced_at(told_by);
        if forced_at.is_some_and(|forced_at| now - forced_at < COOL_DOWN) {
            return Ok(None);
        }
        *forced_at = Some(now);
        Ok(Some(self.keep(fetch.await?, now)))
    }

    fn peek(&self) -> Option<Arc<T>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|known| Arc::clone(&known.document))
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

    fn down() -> ProviderAnswer<'static, u8> {
        Box::pin(std::future::ready(Err(UpstreamError::Unavailable("down".to_owned()))))
    }

    fn up(document: u8) -> ProviderAnswer<'static, u8> {
        Box::pin(std::future::ready(Ok(document)))
    }

    #[tokio::test]
    async fn what_is_fresh_is_not_fetched_and_what_is_old_serves_while_nobody_answers() {
        let cached = Cached::default();
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
        let cached = Cached::default();
        cached.get(at(0), up(1)).await.unwrap();
        let other = Cached(Arc::clone(&cached.0));
        let slow = cached.get(
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
        let cached = Cached::default();
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
        let cached = Cached::default();
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
        let cached = Cached::default();
        let first = cached.get(at(0), up(1)).await.unwrap();
        let second = cached.instead_of(&first, at(0), ToldBy::Stranger, up(2)).await.unwrap();
        let second = second.unwrap();
        let again = cached.instead_of(&second, at(1), ToldBy::Stranger, up(3)).await.unwrap();
        assert_eq!(again, None);
        let third = cached.instead_of(&second, at(1), ToldBy::Provider, up(3)).await.unwrap();
        assert_eq!(third.as_deref(), Some(&3));
    }

    #[tokio::test]
    async fn whoever_hangs_up_spends_no_attempt_of_the_others() {
        let cached = Cached::default();
        let first = cached.get(at(0), up(1)).await.unwrap();
        let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
        let (began, beginning) = tokio::sync::oneshot::channel::<()>();
        let slow = Box::pin(async move {
            began.send(()).unwrap();
            wait.await.unwrap();
            Ok(2)
        });
        let mut impatient = Box::pin(cached.instead_of(&first, at(0), ToldBy::Provider, slow));
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
