//! Batches: requests that wait at the same time are processed together, because that is cheaper.
//!
//! Everything is bounded: a full queue refuses at once, a question waits at most until the deadline
//! of the batch or of its own request, and a question for which the asker no longer waits is not
//! begun.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::{Duration, Instant, timeout_at};

use crate::domain::request;
use crate::domain::verdict::Fault;
use crate::runtime::spans;
use crate::runtime::supervisor::{Need, Supervisor};

/// The limits of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The name of the queue in metrics and in the log.
    pub name: &'static str,
    /// The number of batches that are processed at the same time.
    pub lanes: usize,
    /// The number of questions that may wait.
    pub queue: usize,
    /// How long after it was asked a question is still worth an answer.
    pub deadline: Duration,
}

/// A queue whose items are processed in batches.
#[derive(Debug)]
pub struct Batch<Q, A> {
    waiting: mpsc::Sender<Waiting<Q, A>>,
    deadline: Duration,
    name: &'static str,
}

#[derive(Debug)]
struct Waiting<Q, A> {
    question: Q,
    asker: oneshot::Sender<A>,
    until: Instant,
}

impl<Q: Send + 'static, A: Send + 'static> Batch<Q, A> {
    /// Starts the worker. `work` gives one answer for each question, in the same order. It is
    /// abandoned once the deadlines of all its questions have passed.
    pub fn start<F>(
        supervisor: &Supervisor,
        bounds: Bounds,
        work: impl Fn(Vec<Q>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let (waiting, queue) = mpsc::channel(bounds.queue);
        let parts = Arc::new(Parts {
            queue: Mutex::new(queue),
            lanes: Arc::new(Semaphore::new(bounds.lanes)),
            work,
        });
        supervisor
            .start(bounds.name, Need::Serving, move || work_off(Arc::clone(&parts), bounds.name));
        Self { waiting, deadline: bounds.deadline, name: bounds.name }
    }

    /// Adds a question to the next batch and waits for its answer.
    pub async fn ask(&self, question: Q) -> Result<A, Fault> {
        let _span = spans::of_part(self.name);
        let (asker, answer) = oneshot::channel();
        let until = Instant::now() + request::at_most(self.deadline);
        self.waiting
            .try_send(Waiting { question, asker, until })
            .map_err(|_| Fault::unavailable("adding to a batch", "too much waits already"))?;
        match timeout_at(until, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            // The batch was abandoned, or it panicked.
            Ok(Err(_)) => Err(Fault::unavailable("waiting for a batch", "it did not end well")),
            Err(_) => Err(Fault::unavailable("waiting for a batch", "it took too long")),
        }
    }
}

/// The parts that stay when the worker is restarted after a panic.
struct Parts<Q, A, W> {
    queue: Mutex<mpsc::Receiver<Waiting<Q, A>>>,
    lanes: Arc<Semaphore>,
    work: W,
}

async fn work_off<Q, A, F, W>(parts: Arc<Parts<Q, A, W>>, name: &'static str)
where
    Q: Send + 'static,
    A: Send + 'static,
    W: Fn(Vec<Q>) -> F + Send + Sync + 'static,
    F: Future<Output = Vec<A>> + Send + 'static,
{
    let mut queue = parts.queue.lock().await;
    let sizes = metrics::histogram!("mapae_batch_size", "batch" => name);
    let mut taken = Vec::new();
    loop {
        let Ok(lane) = Arc::clone(&parts.lanes).acquire_owned().await else { return };
        let many = size(queue.len());
        if queue.recv_many(&mut taken, many).await == 0 {
            return;
        }
        let now = Instant::now();
        // Questions whose asker has gone, or whose deadline has passed, are left out.
        taken.retain(|waiting| !waiting.asker.is_closed() && now < waiting.until);
        let Some(until) = taken.iter().map(|waiting| waiting.until).max() else { continue };
        let (questions, askers): (Vec<_>, Vec<_>) =
            taken.drain(..).map(|waiting| (waiting.question, waiting.asker)).unzip();
        sizes.record(u32::try_from(questions.len()).unwrap_or(u32::MAX));
        let parts = Arc::clone(&parts);
        // The batch runs in a task of its own, so that a panic ends only this batch.
        tokio::spawn(async move {
            let work = timeout_at(until, async { (parts.work)(questions).await });
            let answers = Supervisor::catch(name, work).await;
            drop(lane);
            let answers = answers.and_then(Result::ok).unwrap_or_default();
            for (asker, answer) in askers.into_iter().zip(answers) {
                // If the asker has gone, its answer is dropped: the work is done nevertheless.
                let _ = asker.send(answer);
            }
        });
    }
}

/// How many of the waiting questions to take. Only half of them: while one half is answered and
/// signed, the other half is processed, so processors and disk work at the same time.
fn size(waiting: usize) -> usize {
    (waiting / 2).clamp(FEW, MANY)
}

/// The smallest batch size: enough questions to share a commit.
const FEW: usize = 16;
/// The largest batch size: as many questions as one statement takes.
const MANY: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::watch;

    use super::*;

    const BOUNDS: Bounds =
        Bounds { name: "test", lanes: 1, queue: 4, deadline: Duration::from_mins(1) };
    /// The limits for work that does not end in time.
    const SHORT: Bounds = Bounds { deadline: Duration::from_millis(100), ..BOUNDS };

    struct Held {
        batch: Batch<u32, u32>,
        gate: watch::Sender<bool>,
        begun: Arc<Mutex<Vec<Vec<u32>>>>,
    }

    /// Work that records its questions and ends once the gate is open.
    fn held(bounds: Bounds) -> Held {
        let (gate, open) = watch::channel(false);
        let begun: Arc<Mutex<Vec<Vec<u32>>>> = Arc::default();
        let noted = Arc::clone(&begun);
        let batch = Batch::start(&Supervisor::default(), bounds, move |questions: Vec<u32>| {
            noted.lock().unwrap().push(questions.clone());
            let mut open = open.clone();
            async move {
                open.wait_for(|open| *open).await.unwrap();
                questions
            }
        });
        Held { batch, gate, begun }
    }

    impl Held {
        async fn waiting(&self, count: usize) {
            let waiting = &self.batch.waiting;
            while waiting.max_capacity() - waiting.capacity() != count {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn what_waits_is_taken_together_and_answered_in_order() {
        let held = held(BOUNDS);
        let rest = async {
            held.waiting(0).await;
            let rest = futures_util::future::join_all((1..4).map(|one| held.batch.ask(one)));
            let release = async {
                held.waiting(3).await;
                held.gate.send(true).unwrap();
            };
            tokio::join!(rest, release).0
        };
        let (first, rest) = tokio::join!(held.batch.ask(0), rest);
        assert_eq!(first.unwrap(), 0);
        assert_eq!(rest.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(*held.begun.lock().unwrap(), [vec![0], vec![1, 2, 3]]);
    }

    #[tokio::test]
    async fn a_stuck_batch_keeps_nobody_and_a_full_queue_refuses() {
        let held = held(SHORT);
        let asked = futures_util::future::join_all((0..9).map(|one| held.batch.ask(one)));
        assert!(asked.await.iter().all(Result::is_err));
        held.gate.send(true).unwrap();
        assert_eq!(held.batch.ask(100).await.unwrap(), 100);
        // Questions that were refused, and questions without an asker, were never begun.
        let begun = held.begun.lock().unwrap().concat();
        assert!(begun.len() <= 1 + SHORT.queue, "{begun:?}");
        assert_eq!(begun.last(), Some(&100));
    }

    #[tokio::test]
    async fn whoever_has_gone_is_asked_for_nothing() {
        let held = held(BOUNDS);
        let gone = async {
            held.waiting(0).await;
            // Two more ask while the first question is processed; one of them goes away.
            let mut leaves = Box::pin(held.batch.ask(1));
            tokio::select! {
                biased;
                _ = &mut leaves => panic!("answered"),
                () = std::future::ready(()) => {}
            }
            let stays = held.batch.ask(2);
            let release = async {
                held.waiting(2).await;
                drop(leaves);
                held.gate.send(true).unwrap();
            };
            tokio::join!(stays, release).0
        };
        let (first, stays) = tokio::join!(held.batch.ask(0), gone);
        assert_eq!((first.unwrap(), stays.unwrap()), (0, 2));
        assert_eq!(*held.begun.lock().unwrap(), [vec![0], vec![2]]);
    }

    #[tokio::test]
    async fn a_panic_ends_its_batch_alone() {
        let batch =
            Batch::start(&Supervisor::default(), BOUNDS, |questions: Vec<u32>| async move {
                assert!(!questions.contains(&13));
                questions
            });
        assert!(batch.ask(13).await.is_err());
        assert_eq!(batch.ask(14).await.unwrap(), 14);
    }
}
