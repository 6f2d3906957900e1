//! A document that is fetched by one at a time, kept for as long as it says, and read without a
//! lock.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::fetch::FetchError;

/// The longest time that a document may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after an attempt that failed, unless the cool-down is shorter.
const PAUSE: Duration = Duration::from_secs(1);

/// A document, and for how long it is good. Times are those of a clock that nobody sets.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    /// Until then nobody looks for a newer one.
    pub(crate) fresh_until: Instant,
    /// Until then it is used if there is no newer one.
    pub(crate) usable_until: Instant,
}

#[derive(Debug)]
pub(crate) struct Cached<T> {
    current: ArcSwapOption<Entry<T>>,
    /// Held by the one who fetches.
    flight: Mutex<Flight>,
    cool_down: Duration,
}

#[derive(Debug, Default)]
struct Flight {
    /// When the last attempt began, and whether it brought nothing.
    last: Option<(Instant, bool)>,
}

impl Flight {
    fn rests(&self, cool_down: Duration) -> Option<bool> {
        let (began, failed) = self.last?;
        let pause = if failed { cool_down.min(PAUSE) } else { cool_down };
        (began.elapsed() < pause).then_some(failed)
    }
}

impl<T> Cached<T> {
    pub(crate) fn new(cool_down: Duration) -> Self {
        Self { current: ArcSwapOption::empty(), flight: Mutex::default(), cool_down }
    }

    /// What is there now; no lock is taken.
    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<Entry<T>>>> {
        self.current.load()
    }

    /// What is there now and may be used.
    pub(crate) fn usable(&self) -> Option<Arc<Entry<T>>> {
        self.current.load_full().filter(|entry| entry.usable_until > Instant::now())
    }

    /// Whether nobody is fetching, and the cool-down is over.
    pub(crate) fn may_be_fetched(&self) -> bool {
        self.flight.try_lock().is_ok_and(|flight| flight.rests(self.cool_down).is_none())
    }

    /// Fetches unless somebody has brought another one than `seen` meanwhile, or the cool-down runs.
    /// The error means that the last attempt brought nothing.
    pub(crate) async fn renew(
        &self,
        seen: Option<&Arc<Entry<T>>>,
        fetch: impl AsyncFnOnce(Option<Arc<Entry<T>>>) -> Result<Entry<T>, FetchError>,
    ) -> Result<(), FetchError> {
        let nothing = || FetchError("the last attempt failed".to_owned());
        let mut flight = self.flight.lock().await;
        let current = self.current.load_full();
        if current.as_ref().map(Arc::as_ptr) != seen.map(Arc::as_ptr) {
            return Ok(());
        }
        if let Some(failed) = flight.rests(self.cool_down) {
            return if failed { Err(nothing()) } else { Ok(()) };
        }
        // Whoever is dropped at the next line has brought nothing.
        flight.last = Some((Instant::now(), true));
        let fetched = timeout(TIMEOUT, fetch(current)).await;
        let entry = fetched.unwrap_or_else(|_| Err(FetchError("no answer in time".to_owned())))?;
        self.current.store(Some(Arc::new(entry)));
        flight.last = Some((Instant::now(), false));
        Ok(())
    }
}

impl<T: Clone> Cached<T> {
    /// Lets the next reader look for a newer one.
    pub(crate) async fn expire(&self) {
        let mut flight = self.flight.lock().await;
        flight.last = None;
        if let Some(entry) = self.current.load_full() {
            let Entry { value, usable_until, .. } = &*entry;
            let (value, usable_until) = (value.clone(), *usable_until);
            let expired = Entry { value, fresh_until: Instant::now(), usable_until };
            self.current.store(Some(Arc::new(expired)));
        }
    }
}

/// For how long an answer is fresh (RFC 9111 §4.2), if it says so.
pub(crate) fn freshness(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let control = text(CACHE_CONTROL)?.to_ascii_lowercase();
    let mut directives = control.split(',').map(str::trim);
    if directives.clone().any(|one| ["no-store", "no-cache"].contains(&one)) {
        return Some(Duration::ZERO);
    }
    let age = text(AGE).and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    let max = directives.find_map(|one| one.strip_prefix("max-age=")?.parse::<u64>().ok())?;
    Some(Duration::from_secs(max.saturating_sub(age)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn rfc9111_4_2_how_long_an_answer_is_fresh() {
        for (control, age, expected) in [
            (None, None, None),
            (Some("public"), None, None),
            (Some("public, max-age=60"), None, Some(60)),
            (Some("Max-Age=60"), Some("20"), Some(40)),
            (Some("max-age=60"), Some("90"), Some(0)),
            (Some("max-age=60, no-store"), None, Some(0)),
            (Some("max-age=x"), None, None),
        ] {
            let mut headers = HeaderMap::new();
            let mut set = |name, value: Option<&'static str>| {
                value.map(|value| headers.insert(name, HeaderValue::from_static(value)))
            };
            set(CACHE_CONTROL, control);
            set(AGE, age);
            assert_eq!(freshness(&headers), expected.map(Duration::from_secs), "{control:?}");
        }
    }

    fn entry(value: u8) -> Entry<u8> {
        let soon = Instant::now() + Duration::from_mins(1);
        Entry { value, fresh_until: soon, usable_until: soon }
    }

    #[tokio::test(start_paused = true)]
    async fn within_the_cool_down_it_is_fetched_once() {
        let cached = Cached::new(Duration::from_secs(5));
        cached.renew(None, async |_| Ok(entry(1))).await.unwrap();
        let seen = cached.usable();
        cached.renew(seen.as_ref(), async |_| panic!("fetched")).await.unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
        cached.renew(seen.as_ref(), async |_| Ok(entry(2))).await.unwrap();
        assert_eq!(cached.usable().unwrap().value, 2);
        // Somebody else has brought a newer one than this reader has seen.
        tokio::time::advance(Duration::from_secs(5)).await;
        cached.renew(seen.as_ref(), async |_| panic!("fetched")).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_there_stays_when_nothing_comes() {
        let cached = Cached::new(Duration::from_secs(5));
        cached.renew(None, async |_| Ok(entry(1))).await.unwrap();
        tokio::time::advance(Duration::from_secs(10)).await;
        let seen = cached.usable();
        let gone = async |_: Option<Arc<Entry<u8>>>| Err(FetchError("gone".to_owned()));
        cached.renew(seen.as_ref(), gone).await.unwrap_err();
        assert_eq!(cached.usable().unwrap().value, 1);
        cached.renew(seen.as_ref(), async |_| panic!("fetched")).await.unwrap_err();
        // One that hangs is given up.
        tokio::time::advance(PAUSE).await;
        let hangs = async |_: Option<Arc<Entry<u8>>>| std::future::pending().await;
        cached.renew(seen.as_ref(), hangs).await.unwrap_err();
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(cached.usable().is_none());
    }
}
