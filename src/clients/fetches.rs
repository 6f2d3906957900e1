//! Fetches what clients publish: their keys and their metadata documents. Whoever registers clients, or
//! names a document, chooses where this server calls, so few calls run at once, and fewer to one host.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use crate::outbound::document_cache::{FetchError, Unfetched};
use crate::outbound::{HttpResponse, Outbound};

/// How many calls to one host run at once.
const AT_ONCE_OF_HOST: usize = 4;

/// How many of these may be calls of URLs with a query: anybody can write as many of those as they like
/// for one document.
const AT_ONCE_WITH_QUERY: usize = 3;

/// For how long a call waits for others to end.
const WAIT: Duration = Duration::from_secs(2);

/// Why something was not fetched, for the operator. It names no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotFetched {
    why: String,
    was_asked: bool,
}

impl NotFetched {
    /// Whoever publishes it was asked in vain.
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), was_asked: true }
    }

    fn busy() -> Self {
        Self { why: "too many calls are under way".to_owned(), was_asked: false }
    }
}

impl From<Unfetched> for NotFetched {
    fn from(Unfetched(why): Unfetched) -> Self {
        Self::because(why)
    }
}

impl FetchError for NotFetched {
    fn was_asked(&self) -> bool {
        self.was_asked
    }
}

/// The calls that are under way. What an operator registered, what people allowed and what anybody may
/// name each has calls of its own, so that strangers stop nobody else's.
#[derive(Debug)]
pub struct Fetches {
    outbound: Outbound,
    turns: Turns,
}

/// The calls that run, and those that wait.
#[derive(Debug)]
struct Turns {
    at_once: usize,
    running: Mutex<Running>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Running {
    all: usize,
    of_host: HashMap<String, usize>,
}

impl Running {
    fn begin(&mut self, host: &str, has_query: bool, at_once: usize) -> bool {
        let of_host = self.of_host.get(host).copied().unwrap_or_default();
        let most = if has_query { AT_ONCE_WITH_QUERY } else { AT_ONCE_OF_HOST };
        if self.all >= at_once || of_host >= most {
            return false;
        }
        self.all += 1;
        self.of_host.insert(host.to_owned(), of_host + 1);
        true
    }

    fn end(&mut self, host: &str) {
        self.all = self.all.saturating_sub(1);
        if let Some(of_host) = self.of_host.get_mut(host) {
            *of_host = of_host.saturating_sub(1);
            if *of_host == 0 {
                self.of_host.remove(host);
            }
        }
    }
}

/// A call that runs. It counts until it is dropped.
struct Turn<'f> {
    turns: &'f Turns,
    host: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.running.lock().unwrap_or_else(PoisonError::into_inner).end(&self.host);
        self.turns.ended.notify_waiters();
    }
}

impl Turns {
    fn of(at_once: usize) -> Self {
        Self { at_once, running: Mutex::default(), ended: Notify::new() }
    }

    /// Waits for a turn.
    async fn wait(&self, host: &str, has_query: bool) -> Turn<'_> {
        loop {
            // What ends from here on is heard of.
            let ended = self.ended.notified();
            if let Some(turn) = self.take(host, has_query) {
                return turn;
            }
            ended.await;
        }
    }

    fn take(&self, host: &str, has_query: bool) -> Option<Turn<'_>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = running.begin(host, has_query, self.at_once);
        drop(running);
        begun.then(|| Turn { turns: self, host: host.to_owned() })
    }
}

impl Fetches {
    /// No calls yet, and never more than this many at once.
    #[must_use]
    pub fn new(outbound: Outbound, at_once: usize) -> Self {
        Self { outbound, turns: Turns::of(at_once) }
    }

    /// Fetches a URL, of which at most this many bytes are accepted.
    pub async fn get(&self, url: &str, most: usize) -> Result<HttpResponse, NotFetched> {
        let parsed = Url::parse(url).ok();
        let host = parsed.as_ref().and_then(Url::host_str).unwrap_or_default();
        let has_query = parsed.as_ref().is_some_and(|url| url.query().is_some());
        let turn = tokio::time::timeout(WAIT, self.turns.wait(host, has_query)).await;
        let Ok(_turn) = turn else {
            tracing::debug!(%url, "not fetched now: too many calls are under way");
            return Err(NotFetched::busy());
        };
        let fetched = self.outbound.get(url, most).await;
        fetched.map_err(|failure| NotFetched::because(failure.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: usize = 64;

    #[test]
    fn few_calls_run_at_once_and_fewer_to_one_host() {
        let mut running = Running::default();
        for _ in 0..AT_ONCE_OF_HOST {
            assert!(running.begin("a.example", false, AT_ONCE));
        }
        assert!(!running.begin("a.example", false, AT_ONCE), "one host");
        for number in AT_ONCE_OF_HOST..AT_ONCE {
            assert!(running.begin(&format!("b{number}.example"), false, AT_ONCE));
        }
        assert!(!running.begin("c.example", false, AT_ONCE), "all");
        running.end("a.example");
        assert!(
            running.begin("c.example", false, AT_ONCE)
                && !running.begin("a.example", false, AT_ONCE)
        );
        for _ in 0..AT_ONCE {
            running.end("a.example");
        }
        assert!(!running.of_host.contains_key("a.example"), "nothing is left of a host");
    }

    #[test]
    fn urls_with_a_query_leave_a_place_for_others_of_the_host() {
        let mut running = Running::default();
        for _ in 0..AT_ONCE_WITH_QUERY {
            assert!(running.begin("a.example", true, AT_ONCE));
        }
        assert!(!running.begin("a.example", true, AT_ONCE));
        assert!(running.begin("a.example", false, AT_ONCE));
    }

    #[tokio::test]
    async fn a_call_waits_until_another_one_ends() {
        let turns = Turns::of(1);
        let first = turns.take("a.example", false).unwrap();
        let mut second = Box::pin(turns.wait("b.example", false));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two calls run"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        second.await;
    }
}
