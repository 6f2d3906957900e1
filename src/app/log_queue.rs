//! How a log line gets to standard error: through a bounded queue and a thread that writes. Code
//! that logs never waits for the reader of standard error: lines that do not fit into the queue are
//! dropped and counted.
//!
//! This is not `tracing-appender`, whose guard writes to the very stream that may be blocked, and
//! which does not say how many lines are missing. The thread is not under the supervisor, because
//! the supervisor logs through this queue: it restarts itself after a panic.

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The largest size of the queue, in bytes.
const MOST: usize = 4 * 1024 * 1024;
/// The pause before another try, when a non-blocking stream accepts nothing at the moment.
const RESPITE: Duration = Duration::from_millis(50);
/// How long lines gather before they are written together.
const GATHERING: Duration = Duration::from_millis(10);
/// The name of the thread that writes.
const THREAD: &str = "mapae-log";

/// The queue of lines that wait to be written.
#[derive(Debug)]
pub(super) struct LogQueue {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
    lost: u64,
}

impl LogQueue {
    /// Starts the thread that writes to this stream.
    pub(super) fn start(to: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        Self::bounded(to, MOST)
    }

    fn bounded(to: impl Write + Send + 'static, most: usize) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), most });
        let writing = Arc::clone(&queue);
        let (mut to, mut lines) = (to, Vec::new());
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            while catch_unwind(AssertUnwindSafe(|| writing.write_all(&mut to, &mut lines))).is_err()
            {
                metrics::counter!("mapae_worker_restarts_total", "worker" => "writing the log")
                    .increment(1);
                writing.lose(&mut lines);
                std::thread::park_timeout(RESPITE);
            }
        })?;
        Ok(queue)
    }

    /// Adds a line to the queue, or counts it as lost. Never waits.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        // The writing thread logs only the line that reports lost lines, so that line is always
        // accepted.
        let is_own = || std::thread::current().name() == Some(THREAD);
        if state.waiting.len() + line.len() > self.most && !is_own() {
            state.lost += 1;
            drop(state);
            count(1);
            return;
        }
        let is_first = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        drop(state);
        // Only the first line wakes the writing thread, which then takes all lines.
        if is_first {
            self.changed.notify_all();
        }
    }

    /// Waits until everything is written, but at most this long.
    pub(super) fn flush(&self, at_most: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        // Lines that are not written by then are lost when the process ends.
        let _ = self.changed.wait_timeout_while(self.state(), at_most, is_busy);
    }

    fn write_all(&self, to: &mut impl Write, lines: &mut Vec<u8>) {
        loop {
            self.take(lines);
            let missing = write(to, lines);
            lines.clear();
            let mut state = self.state();
            state.lost += missing;
            // Lost lines are reported as soon as the stream accepts lines again.
            let lost = if missing == 0 { std::mem::take(&mut state.lost) } else { 0 };
            drop(state);
            count(missing);
            if lost > 0 {
                tracing::warn!(
                    lost,
                    "log lines are missing here: standard error was not read fast enough"
                );
            }
            self.state().is_writing = false;
            self.changed.notify_all();
        }
    }

    /// Counts the taken lines as lost, after the writing thread panicked.
    fn lose(&self, lines: &mut Vec<u8>) {
        let missing = number(lines);
        lines.clear();
        let mut state = self.state();
        state.lost += missing;
        state.is_writing = false;
        drop(state);
        count(missing);
        self.changed.notify_all();
    }

    /// Waits for a line, then briefly for more, and takes all of them. Waking up for every line
    /// would slow down the requests that log.
    fn take(&self, lines: &mut Vec<u8>) {
        let nothing = |state: &mut State| state.waiting.is_empty();
        drop(self.changed.wait_while(self.state(), nothing));
        std::thread::park_timeout(GATHERING);
        let mut state = self.state();
        std::mem::swap(&mut state.waiting, lines);
        state.is_writing = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave this state half changed, so a poisoned lock is used further.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(lost: u64) {
    if lost > 0 {
        metrics::counter!("mapae_log_lines_lost_total").increment(lost);
    }
}

/// Writes lines, and returns how many could not be written.
fn write(to: &mut impl Write, mut lines: &[u8]) -> u64 {
    while !lines.is_empty() {
        match to.write(lines) {
            Ok(written) if written > 0 => lines = lines.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::park_timeout(RESPITE);
            }
            // The reader has closed the stream.
            Ok(_) | Err(_) => {
                return number(lines);
            }
        }
    }
    0
}

fn number(lines: &[u8]) -> u64 {
    let number = lines.split_inclusive(|byte| *byte == b'\n').count();
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The end of the queue that the subscriber writes to: each write is one line.
#[derive(Clone, Debug)]
pub(super) struct Lines(pub(super) Arc<LogQueue>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    /// A stream whose reader decides when it takes each piece.
    struct Gate {
        came: Sender<Vec<u8>>,
        taken: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            let gone = |_| io::Error::from(ErrorKind::BrokenPipe);
            self.came.send(piece.to_vec()).map_err(gone)?;
            self.taken.recv().map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_does_not_read_and_what_was_lost_is_counted() {
        let (came, pieces) = channel();
        let (take, taken) = channel();
        let queue = LogQueue::bounded(Gate { came, taken }, 1000).unwrap();
        queue.push(b"first\n");
        assert_eq!(pieces.recv().unwrap(), b"first\n");
        // The reader takes nothing: ten lines wait, the others are lost.
        let line = [&[b'x'; 99][..], b"\n"].concat();
        for _ in 0..5000 {
            queue.push(&line);
        }
        queue.flush(Duration::from_millis(1));
        assert_eq!(queue.state().lost, 4990);
        take.send(()).unwrap();
        assert_eq!(pieces.recv().unwrap(), line.repeat(10));
        assert_eq!(queue.state().lost, 0, "said once something was written");
        queue.push(b"last\n");
        take.send(()).unwrap();
        assert_eq!(pieces.recv().unwrap(), b"last\n");
        take.send(()).unwrap();
        queue.flush(LONG);
        assert!(!queue.state().is_writing && queue.state().waiting.is_empty());
    }

    /// A stream that panics at its first piece.
    struct Broken {
        came: Sender<Vec<u8>>,
        is_whole: bool,
    }

    impl Write for Broken {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            assert!(std::mem::replace(&mut self.is_whole, true), "a fault");
            self.came.send(piece.to_vec()).unwrap();
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn after_a_panic_lines_are_written_again_and_what_is_missing_is_counted() {
        let (came, pieces) = channel();
        let queue = LogQueue::bounded(Broken { came, is_whole: false }, 1000).unwrap();
        queue.push(b"one\ntwo\n");
        queue.flush(LONG);
        assert_eq!(queue.state().lost, 2);
        queue.push(b"three\n");
        assert_eq!(pieces.recv().unwrap(), b"three\n");
        queue.flush(LONG);
        assert_eq!(queue.state().lost, 0, "said");
    }

    #[test]
    fn a_reader_that_is_gone_ends_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let queue = LogQueue::bounded(writer, 1000).unwrap();
        for _ in 0..3 {
            queue.push(b"one\ntwo\n");
            queue.flush(LONG);
        }
        assert_eq!(queue.state().lost, 6);
    }
}
