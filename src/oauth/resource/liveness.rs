//! Asks the database about many access tokens at once whether they are still valid.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::verdict::Fault;
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::store::Store;
use crate::store::live::{LivenessQuestion, TokenStanding, are_live};

const QUEUE: usize = 4096;
const DEADLINE: Duration = Duration::from_secs(3);

/// The queue of these questions.
pub type Liveness = Batch<LivenessQuestion, Result<Option<TokenStanding>, Fault>>;

/// Starts the worker that answers the queue.
#[must_use]
pub fn start(supervisor: &Supervisor, store: Arc<Store>) -> Liveness {
    let bounds = Bounds { name: "liveness", lanes: 2, queue: QUEUE, deadline: DEADLINE };
    Batch::start(supervisor, bounds, move |questions: Vec<LivenessQuestion>| {
        let store = Arc::clone(&store);
        async move {
            match are_live(&*store, &questions).await {
                Ok(answers) => answers,
                Err(fault) => questions.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
    })
}
