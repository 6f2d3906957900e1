//! Work that is cheaper together: what waits is taken at once.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::domain::verdict::Fault;

/// A queue whose items are worked off in batches, one batch at a time, in the order they came.
#[derive(Debug)]
pub struct Batch<Q, A> {
    waiting: mpsc::UnboundedSender<(Q, oneshot::Sender<A>)>,
}

impl<Q: Send + 'static, A: Send + 'static> Batch<Q, A> {
    /// Starts working. `work` gives one answer for each question, in their order.
    pub fn start<F>(work: impl Fn(Vec<Q>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<A>> + Send,
    {
        let (waiting, mut queue) = mpsc::unbounded_channel::<(Q, oneshot::Sender<A>)>();
        tokio::spawn(async move {
            let mut taken = Vec::new();
            while queue.recv_many(&mut taken, size(queue.len())).await > 0 {
                let (questions, askers): (Vec<_>, Vec<_>) = taken.drain(..).unzip();
                for (asker, answer) in askers.into_iter().zip(work(questions).await) {
                    // An asker who went away misses nothing: the work is done.
                    let _ = asker.send(answer);
                }
            }
        });
        Self { waiting }
    }

    /// Adds a question to the next batch.
    pub async fn ask(&self, question: Q) -> Result<A, Fault> {
        let gone = || Fault::internal("waiting for a batch", "its worker is gone");
        let (asker, answer) = oneshot::channel();
        self.waiting.send((question, asker)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

/// How many to take of those that wait. Not all of them: while half are answered and signed, the
/// other half is worked off, and neither the processors nor the disk wait for the other.
fn size(waiting: usize) -> usize {
    (waiting / 2).clamp(FEW, MANY)
}

/// Enough to share a commit.
const FEW: usize = 16;
/// As many as one statement takes.
const MANY: usize = 64;
