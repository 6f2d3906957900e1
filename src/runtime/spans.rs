//! Spans: how long a request and its parts took, for traces. They are kept only in a server that
//! sends them somewhere; otherwise asking for one is a look at one variable.
//!
//! They wait in a bounded queue. What finds it full is dropped and counted: nobody waits for it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use metrics::Counter;
use tokio::sync::{Mutex, mpsc};

use crate::domain::trace::{TraceParent, TracePlace};
use crate::domain::{random, request};

/// A value that a span carries. None of them is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(i64),
    /// A text.
    Text(Cow<'static, str>),
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// What was done.
    pub name: Cow<'static, str>,
    /// Its place in the trace.
    pub place: TracePlace,
    /// The span that it is a part of. Without one it begins a trace.
    pub parent: Option<[u8; 8]>,
    /// Whether it is a request that was answered, and not a part of one.
    pub is_request: bool,
    /// When it began, by the clock of the machine.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What is known about it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether it failed.
    pub has_failed: bool,
}

/// The most spans that wait. One is some 300 bytes.
const WAITING: usize = 4096;

#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<Span>,
    receiver: Arc<Mutex<mpsc::Receiver<Span>>>,
}

static QUEUE: OnceLock<Queue> = OnceLock::new();

static LOST: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("mapae_spans_lost_total"));

/// Begins to keep spans. They are taken out of this queue.
pub fn keep() -> Arc<Mutex<mpsc::Receiver<Span>>> {
    let queue = QUEUE.get_or_init(|| {
        let (sender, receiver) = mpsc::channel(WAITING);
        Queue { sender, receiver: Arc::new(Mutex::new(receiver)) }
    });
    Arc::clone(&queue.receiver)
}

/// Counts spans that nobody will see.
pub fn lost(count: usize) {
    LOST.increment(u64::try_from(count).unwrap_or(u64::MAX));
}

/// A span that has not ended. It ends when it is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct OpenSpan {
    span: Option<Span>,
    since: Instant,
}

impl OpenSpan {
    fn begin(name: &'static str, trace: [u8; 16], parent: Option<[u8; 8]>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "spans of several machines are compared by the clocks of the machines"
        )]
        let began = SystemTime::now();
        let span = Span {
            name: name.into(),
            place: TracePlace { trace, span: random::bytes() },
            parent,
            is_request: false,
            began,
            took: Duration::ZERO,
            attributes: Vec::new(),
            has_failed: false,
        };
        Self { span: Some(span), since: Instant::now() }
    }

    /// The place of its parts.
    #[must_use]
    pub fn place(&self) -> Option<TracePlace> {
        self.span.as_ref().map(|span| span.place)
    }

    /// Adds what became known meanwhile.
    pub fn describe(&mut self, describe: impl FnOnce(&mut Span)) {
        if let Some(span) = &mut self.span {
            describe(span);
        }
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        let (Some(mut span), Some(queue)) = (self.span.take(), QUEUE.get()) else { return };
        span.took = self.since.elapsed();
        if queue.sender.try_send(span).is_err() {
            lost(1);
        }
    }
}

/// Begins the span of a request, if spans are kept: in the trace of the caller if it has one that
/// is kept, else in a new trace.
pub fn of_request(
    name: &'static str,
    caller: impl FnOnce() -> Option<TraceParent>,
) -> Option<OpenSpan> {
    QUEUE.get()?;
    let mut open = match caller() {
        Some(caller) if !caller.is_sampled => return None,
        Some(TraceParent { place, .. }) => OpenSpan::begin(name, place.trace, Some(place.span)),
        None => OpenSpan::begin(name, random::bytes(), None),
    };
    open.describe(|span| span.is_request = true);
    Some(open)
}

/// Begins the span of a part of the current request, if that is traced.
pub fn of_part(name: &'static str) -> Option<OpenSpan> {
    QUEUE.get()?;
    let TracePlace { trace, span } = request::current()?.trace?;
    Some(OpenSpan::begin(name, trace, Some(span)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_finds_the_queue_full_is_dropped_and_nobody_waits() {
        let sampled = |is_sampled| {
            let place = TracePlace { trace: [1; 16], span: [2; 8] };
            move || Some(TraceParent { place, is_sampled })
        };
        let queue = keep();
        assert!(of_request("GET", sampled(false)).is_none(), "the caller does not keep it");
        assert!(of_part("part").is_none(), "there is no request");
        for _ in 0..WAITING + 10 {
            drop(of_request("GET", sampled(true)));
        }
        let mut queue = queue.lock().await;
        assert_eq!(queue.len(), WAITING);
        let span = queue.recv().await.unwrap();
        assert_eq!((span.place.trace, span.parent), ([1; 16], Some([2; 8])));
        assert!(span.is_request && !span.has_failed);
    }
}
