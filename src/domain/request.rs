//! The request that is being answered, and its deadline. Every log line that is written meanwhile
//! names the request, added in one place (`app::log_lines`), so the code that logs need not know
//! it. Code that waits for something asks here how long it may wait ([`at_most`], [`in_time`]), so
//! that nothing waits longer than its request.
//!
//! A span of `tracing` would be made and formatted for every request. This is only a few words that
//! are copied, and they are formatted only where a line is written.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::deadline::Deadline;
use super::reason::Reason;
use super::trace::TracePlace;

/// The number of a request within this process, after a number that is unique to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u64, pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.0, self.1)
    }
}

/// A request, as the log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The `X-Request-Id` of the response.
    pub id: RequestId,
    /// The HTTP method.
    pub method: &'static str,
    /// The template of the path, once the router has found it.
    pub route: Option<&'static str>,
    /// The client address.
    pub address: Option<IpAddr>,
    /// Whether a log line already says why it was refused or failed.
    pub is_explained: bool,
    /// Why it was refused, if that is known.
    pub reason: Option<Reason>,
    /// Its place in a trace, if it is traced.
    pub trace: Option<TracePlace>,
    /// How long the response is waited for.
    pub deadline: Deadline,
}

impl Request {
    /// A request that begins.
    #[must_use]
    pub fn new(id: RequestId, method: &'static str, deadline: Deadline) -> Self {
        let (route, address, reason, trace) = (None, None, None, None);
        Self { id, method, route, address, is_explained: false, reason, trace, deadline }
    }
}

tokio::task_local! {
    static CURRENT: Cell<Request>;
}

/// Answers a request: runs `work` with this request as the current one.
pub async fn within<F: Future>(request: Request, work: F) -> F::Output {
    CURRENT.scope(Cell::new(request), work).await
}

/// The request that the current task answers.
#[must_use]
pub fn current() -> Option<Request> {
    CURRENT.try_with(Cell::get).ok()
}

/// This time, but no longer than until the deadline of the current request.
#[must_use]
pub fn at_most(time: Duration) -> Duration {
    current().map_or(time, |request| time.min(request.deadline.remaining()))
}

/// Waits for something until the deadline of the current request; `None` when the deadline passed
/// first. Without a current request it waits without limit.
pub async fn in_time<F: Future>(awaited: F) -> Option<F::Output> {
    match current() {
        Some(request) => timeout(request.deadline.remaining(), awaited).await.ok(),
        None => Some(awaited.await),
    }
}

/// Records the route of the current request.
pub fn took(route: &'static str) {
    change(|request| request.route = Some(route));
}

/// Records that a log line says why the current request was refused or failed.
pub fn explained() {
    change(|request| request.is_explained = true);
}

/// Records why the current request was refused, which a log line says.
pub fn refused(reason: Reason) {
    change(|request| (request.is_explained, request.reason) = (true, Some(reason)));
}

fn change(change: impl FnOnce(&mut Request)) {
    // Outside of a request there is nothing to change.
    let _ = CURRENT.try_with(|cell| {
        let mut request = cell.get();
        change(&mut request);
        cell.set(request);
    });
}

/// The same work as a part of the current request, to be run in another task. It also returns the
/// request as it was changed in that task, for [`continue_as`].
pub fn carried<F: Future>(work: F) -> impl Future<Output = (F::Output, Option<Request>)> {
    let request = current();
    async move {
        let Some(request) = request else { return (work.await, None) };
        let work = async { (work.await, current()) };
        CURRENT.scope(Cell::new(request), work).await
    }
}

/// Takes over the changes that another task made to the request.
pub fn continue_as(became: Option<Request>) {
    change(|request| *request = became.unwrap_or(*request));
}

/// Runs a piece of work on another thread as a part of the request.
pub fn on_a_thread<T>(request: Option<Request>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => CURRENT.sync_scope(Cell::new(request), work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_goes_on_in_tasks_and_threads_and_tells_what_became_of_it() {
        assert_eq!(current(), None);
        let deadline = Deadline::within(Duration::from_mins(1));
        within(Request::new(RequestId(1, 2), "POST", deadline), async {
            took("/token");
            let (request, became) = tokio::spawn(carried(async {
                explained();
                current()
            }))
            .await
            .unwrap();
            assert_eq!(request.map(|request| request.route), Some(Some("/token")));
            assert!(!current().unwrap().is_explained);
            continue_as(became);
            assert!(current().unwrap().is_explained);
            let here = current();
            let there = std::thread::spawn(move || on_a_thread(here, current)).join().unwrap();
            assert_eq!(there, here);
        })
        .await;
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn nothing_is_waited_for_longer_than_its_request_in_tasks_too() {
        let (hour, minute) = (Duration::from_hours(1), Duration::from_mins(1));
        let second = Duration::from_secs(1);
        assert_eq!(at_most(hour), hour);
        assert_eq!(in_time(std::future::ready(1)).await, Some(1));
        within(Request::new(RequestId(1, 2), "GET", Deadline::within(minute)), async {
            let there = tokio::spawn(carried(async move { at_most(hour) })).await.unwrap().0;
            assert!(there <= minute && at_most(hour) <= there);
            assert_eq!(at_most(second), second);
            assert_eq!(in_time(std::future::ready(1)).await, Some(1));
        })
        .await;
        within(Request::new(RequestId(1, 3), "GET", Deadline::within(Duration::ZERO)), async {
            assert_eq!(at_most(hour), Duration::ZERO);
            assert_eq!(in_time(std::future::pending::<()>()).await, None);
        })
        .await;
    }
}
