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
    pub fn start<F>(at_most: usize, work: impl Fn(Vec<Q>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<A>> + Send,
    {
        let (waiting, mut queue) = mpsc::unbounded_channel::<(Q, oneshot::Sender<A>)>();
        tokio::spawn(async move {
            let mut taken = Vec::with_capacity(at_most);
            while queue.recv_many(&mut taken, at_most).await > 0 {
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
