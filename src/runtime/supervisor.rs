//! One supervisor for all work that is not part of a request. A worker that panics is restarted
//! after a pause, counted and named in the log. If the server cannot serve without that worker, it
//! reports that it is not ready until then.
//!
//! The queue from which a worker reads is kept outside of the future that is restarted, so the
//! restarted worker processes the items that wait there.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use metrics::Counter;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::handles::Handles;

/// Whether the server can serve without a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It cannot: requests wait for the worker, or would be answered from outdated data.
    Serving,
    /// It can: the work of this worker may be done later.
    Beside,
}

/// How long a worker pauses after a panic. Each pause is twice as long as the one before.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// The pause after the first panic.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

/// After running for this long, a worker that panics begins with the first pause again.
const WELL: Duration = Duration::from_mins(1);

impl Pauses {
    /// The pause after a panic, from the pause before it and the time that the worker has run
    /// since.
    fn next(self, before: Option<Duration>, ran: Duration) -> Duration {
        match before {
            Some(before) if ran < WELL => before.saturating_mul(2).min(self.longest),
            _ => self.first,
        }
    }
}

static RESTARTS: Handles<&str, Counter> =
    Handles::new(|worker| metrics::counter!("mapae_worker_restarts_total", "worker" => worker));

/// Restarts workers after a panic. Clones are the same supervisor.
#[derive(Clone, Debug)]
pub struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pauses: Pauses,
    workers: Mutex<BTreeMap<&'static str, Crew>>,
    stopped: watch::Sender<bool>,
}

/// The workers with the same name.
#[derive(Debug)]
struct Crew {
    need: Need,
    all: usize,
    pausing: usize,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new(Pauses { first: Duration::from_millis(100), longest: Duration::from_secs(10) })
    }
}

impl Supervisor {
    /// A supervisor with these pauses.
    #[must_use]
    pub fn new(pauses: Pauses) -> Self {
        let workers = Mutex::default();
        Self(Arc::new(Inner { pauses, workers, stopped: watch::Sender::new(false) }))
    }

    /// Starts a task, and restarts it after a panic, until it ends by itself.
    pub fn start<F>(
        &self,
        name: &'static str,
        need: Need,
        mut work: impl FnMut() -> F + Send + 'static,
    ) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut stopped = self.0.stopped.subscribe();
        let mut member = self.enter(name, need);
        tokio::spawn(async move {
            loop {
                member.begins();
                let work = AssertUnwindSafe(async { work().await });
                if work.catch_unwind().await.is_ok() {
                    return;
                }
                let pause = member.panicked();
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                }
            }
        })
    }

    /// Does the work on the current thread, and restarts it after a panic, until it ends by itself.
    pub fn keep_on_this_thread(&self, name: &'static str, need: Need, mut work: impl FnMut()) {
        let mut member = self.enter(name, need);
        loop {
            member.begins();
            if catch_unwind(AssertUnwindSafe(&mut work)).is_ok() {
                return;
            }
            let pause = member.panicked();
            let until = Instant::now() + pause;
            // `park_timeout` may return early.
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                std::thread::park_timeout(left);
            }
            if *self.0.stopped.borrow() {
                return;
            }
        }
    }

    /// Does one piece of a worker's work. A panic ends this piece, but not the worker.
    pub async fn catch<T>(name: &'static str, piece: impl Future<Output = T>) -> Option<T> {
        let done = AssertUnwindSafe(piece).catch_unwind().await.ok();
        if done.is_none() {
            RESTARTS.of(name).increment(1);
            tracing::error!(worker = name, "a worker panicked and goes on with the next piece");
        }
        done
    }

    /// The names of needed workers that are down: no worker of that name is running.
    #[must_use]
    pub fn down(&self) -> Vec<&'static str> {
        let workers = self.workers();
        let down = workers
            .iter()
            .filter(|(_, crew)| crew.need == Need::Serving && crew.pausing == crew.all);
        down.map(|(name, _)| *name).collect()
    }

    /// Stops restarting: from now on, a worker that panics stays down.
    pub fn stop(&self) {
        self.0.stopped.send_replace(true);
    }

    fn workers(&self) -> MutexGuard<'_, BTreeMap<&'static str, Crew>> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, name: &'static str, need: Need) -> Member {
        RESTARTS.of(name).increment(0);
        self.workers().entry(name).or_insert(Crew { need, all: 0, pausing: 0 }).all += 1;
        let supervisor = self.clone();
        Member { supervisor, name, began: Instant::now(), pause: None, is_pausing: false }
    }
}

/// One worker, for as long as the supervisor restarts it.
struct Member {
    supervisor: Supervisor,
    name: &'static str,
    began: Instant,
    pause: Option<Duration>,
    is_pausing: bool,
}

impl Member {
    fn begins(&mut self) {
        self.began = Instant::now();
        self.set_pausing(false);
    }

    /// Counts and logs a panic. Returns how long to pause.
    fn panicked(&mut self) -> Duration {
        let pause = self.supervisor.0.pauses.next(self.pause, self.began.elapsed());
        self.pause = Some(pause);
        self.set_pausing(true);
        RESTARTS.of(self.name).increment(1);
        tracing::error!(worker = self.name, ?pause, "a worker panicked and begins again");
        pause
    }

    fn set_pausing(&mut self, is_pausing: bool) {
        let was_pausing = std::mem::replace(&mut self.is_pausing, is_pausing);
        if let Some(crew) = self.supervisor.workers().get_mut(self.name) {
            crew.pausing = crew.pausing + usize::from(is_pausing) - usize::from(was_pausing);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.set_pausing(false);
        let mut workers = self.supervisor.workers();
        if let Some(crew) = workers.get_mut(self.name) {
            crew.all -= 1;
            if crew.all == 0 {
                workers.remove(self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    const AT_ONCE: Pauses = Pauses { first: Duration::ZERO, longest: Duration::ZERO };
    const NEVER: Pauses =
        Pauses { first: Duration::from_hours(1), longest: Duration::from_hours(1) };

    async fn until(is_so: impl Fn() -> bool) {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_begins_again_with_the_queue_that_it_had() {
        let supervisor = Supervisor::new(AT_ONCE);
        let (asks, questions) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(8);
        let questions = Arc::new(tokio::sync::Mutex::new(questions));
        let worker = supervisor.start("test", Need::Serving, move || {
            let questions = Arc::clone(&questions);
            async move {
                while let Some((question, asker)) = questions.lock().await.recv().await {
                    assert!(question != 13);
                    asker.send(question).unwrap();
                }
            }
        });
        let answers = [13, 1, 13, 13, 2].map(|question| {
            let (asker, answer) = oneshot::channel();
            asks.try_send((question, asker)).unwrap();
            answer
        });
        let answers = futures_util::future::join_all(answers).await;
        let answers: Vec<_> = answers.into_iter().map(Result::ok).collect();
        assert_eq!(answers, [None, Some(1), None, None, Some(2)]);
        assert!(supervisor.down().is_empty());
        drop(asks);
        worker.await.unwrap();
    }

    #[tokio::test]
    async fn a_needed_worker_that_pauses_is_down_until_it_is_told_to_stop() {
        let supervisor = Supervisor::new(NEVER);
        let needed = supervisor.start("needed", Need::Serving, || async { panic!("a fault") });
        let other = supervisor.start("other", Need::Beside, || async { panic!("a fault") });
        until(|| supervisor.workers().values().all(|crew| crew.pausing == 1)).await;
        assert_eq!(supervisor.down(), ["needed"]);
        supervisor.stop();
        needed.await.unwrap();
        other.await.unwrap();
        assert!(supervisor.down().is_empty());
    }

    #[tokio::test]
    async fn of_several_workers_one_is_enough() {
        let supervisor = Supervisor::new(NEVER);
        let (_running, gate) = watch::channel(false);
        let runs = supervisor.start("same", Need::Serving, move || {
            let mut gate = gate.clone();
            async move {
                gate.changed().await.unwrap();
            }
        });
        let panics = supervisor.start("same", Need::Serving, || async { panic!("a fault") });
        until(|| supervisor.workers().values().all(|crew| crew.pausing == 1)).await;
        assert!(supervisor.down().is_empty());
        runs.abort();
        assert!(runs.await.unwrap_err().is_cancelled());
        assert_eq!(supervisor.down(), ["same"]);
        panics.abort();
        assert!(panics.await.unwrap_err().is_cancelled());
        assert!(supervisor.down().is_empty());
    }

    #[test]
    fn a_thread_that_panics_begins_again() {
        let mut rounds = 0;
        Supervisor::new(AT_ONCE).keep_on_this_thread("test", Need::Serving, || {
            rounds += 1;
            assert!(rounds >= 3);
        });
        assert_eq!(rounds, 3);
    }

    #[tokio::test]
    async fn a_piece_that_panics_ends_alone() {
        assert_eq!(Supervisor::catch("test", async { 1 }).await, Some(1));
        assert_eq!(Supervisor::catch("test", async { panic!("a fault") }).await, None::<u32>);
    }

    #[test]
    fn pauses_grow_and_begin_anew_after_a_good_time() {
        let pauses = Pauses { first: Duration::from_secs(1), longest: Duration::from_secs(5) };
        let (mut before, mut seconds) = (None, Vec::new());
        for ran in [0, 0, 0, 59, 0, 60, 0] {
            let pause = pauses.next(before, Duration::from_secs(ran));
            before = Some(pause);
            seconds.push(pause.as_secs());
        }
        assert_eq!(seconds, [1, 2, 4, 5, 5, 1, 2]);
    }
}
