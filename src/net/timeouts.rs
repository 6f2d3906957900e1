//! The activity of a connection: how long it may wait for the peer. While a request is being
//! answered, the peer waits for us; the handlers limit that time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a connection may wait for its peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For the first request of a connection, including the handshake, and for the rest of a head
    /// that has begun.
    pub(crate) headers: Duration,
    /// For the next request to begin. Until then the peer must also have received the last
    /// response.
    pub(crate) idle: Duration,
}

/// The activity of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    timeouts: Timeouts,
    state: Mutex<State>,
}

impl Activity {
    pub(crate) fn new(timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self { timeouts, state: Mutex::new(State::new(Instant::now())) })
    }

    /// How much is lost if the connection is closed for a new one, and since when it has waited.
    /// `None` while a request is being answered at a good pace.
    pub(crate) fn expendable(&self) -> Option<(Loss, Instant)> {
        self.state().expendable(Instant::now())
    }

    /// Records that a request has arrived. It counts as being answered until the guard is dropped.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        self.state().work(Instant::now());
        Work(Arc::clone(self))
    }

    /// Ready when the connection has waited too long. The caller owns the timer, and polls after
    /// everything that may have changed the state.
    pub(crate) fn poll_over(
        &self,
        mut timer: Pin<&mut Sleep>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let deadline = self.state().deadline(self.timeouts);
        if let Some(deadline) = deadline {
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            return timer.poll(context);
        }
        // The work may end in another task, so the state is checked again after a while.
        while timer.as_mut().poll(context).is_ready() {
            timer.as_mut().reset(Instant::now() + self.timeouts.idle);
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is lost when a connection is closed. The smaller loss is closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// Nothing: the connection was waiting for the peer.
    Silence,
    /// A request, most likely one whose body arrives very slowly.
    Trickle,
}

/// Longer than it takes to answer a request that has arrived completely.
const ANSWER: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct State {
    working: usize,
    waiting: For,
    since: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum For {
    Headers,
    Request,
}

impl State {
    fn new(now: Instant) -> Self {
        Self { working: 0, waiting: For::Headers, since: now }
    }

    fn work(&mut self, now: Instant) {
        // A further request beside others does not reset the time. Otherwise a peer could keep its
        // place by opening a stream now and then.
        if self.working == 0 {
            self.since = now;
        }
        self.working += 1;
    }

    fn rest(&mut self, now: Instant) {
        self.working -= 1;
        if self.working == 0 {
            (self.waiting, self.since) = (For::Request, now);
        }
    }

    /// Records that bytes have arrived. They begin the next request, unless one is already being
    /// read.
    fn hear(&mut self, now: Instant) {
        if self.working == 0 && self.waiting == For::Request {
            (self.waiting, self.since) = (For::Headers, now);
        }
    }

    fn expendable(&self, now: Instant) -> Option<(Loss, Instant)> {
        let loss = if self.working == 0 { Loss::Silence } else { Loss::Trickle };
        (loss == Loss::Silence || now - self.since > ANSWER).then_some((loss, self.since))
    }

    fn deadline(&self, timeouts: Timeouts) -> Option<Instant> {
        let timeouts = match self.waiting {
            For::Headers => timeouts.headers,
            For::Request => timeouts.idle,
        };
        (self.working == 0).then_some(self.since + timeouts)
    }
}

/// A guard that exists while a request is being answered.
#[derive(Debug)]
pub(crate) struct Work(Arc<Activity>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.state().rest(Instant::now());
    }
}

/// A stream that records in the activity of its connection when bytes arrive.
#[derive(Debug)]
pub(crate) struct WatchedStream<T> {
    stream: T,
    activity: Arc<Activity>,
}

impl<T> WatchedStream<T> {
    pub(crate) fn new(stream: T, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WatchedStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.state().hear(Instant::now());
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for WatchedStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts =
        Timeouts { headers: Duration::from_secs(10), idle: Duration::from_mins(1) };

    #[test]
    fn a_connection_waits_for_headers_then_for_the_next_request() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::new(start);
        // A single byte now and then does not extend the time.
        state.hear(at(4));
        assert_eq!(state.deadline(TIMEOUTS), Some(at(10)));
        state.work(at(5));
        state.work(at(6));
        state.hear(at(6));
        state.rest(at(7));
        assert_eq!(state.deadline(TIMEOUTS), None);
        state.rest(at(100));
        assert_eq!(state.deadline(TIMEOUTS), Some(at(160)));
        state.hear(at(130));
        assert_eq!(state.deadline(TIMEOUTS), Some(at(140)));
        state.hear(at(139));
        assert_eq!(state.deadline(TIMEOUTS), Some(at(140)));
    }

    #[test]
    fn what_is_being_answered_is_not_given_up_unless_it_trickles() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::new(start);
        assert_eq!(state.expendable(start), Some((Loss::Silence, start)));
        state.work(at(1));
        assert_eq!(state.expendable(at(4)), None);
        assert_eq!(state.expendable(at(5)), Some((Loss::Trickle, at(1))));
        // One more request beside the others does not extend the time either.
        state.work(at(5));
        assert_eq!(state.expendable(at(6)), Some((Loss::Trickle, at(1))));
        state.rest(at(7));
        state.rest(at(7));
        assert_eq!(state.expendable(at(7)), Some((Loss::Silence, at(7))));
        state.work(at(8));
        assert_eq!(state.expendable(at(9)), None);
    }
}
