//! Reads many people at once, for the answers and tokens that describe them.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::store::{Store, users};

/// The queue of people to read.
pub type People = Batch<UserId, Result<Option<User>, Fault>>;

/// Starts the worker that answers the queue.
#[must_use]
pub fn start(supervisor: &Supervisor, store: Arc<Store>) -> People {
    let bounds = Bounds { name: "people", lanes: 2, queue: 4096, deadline: Duration::from_secs(3) };
    Batch::start(supervisor, bounds, move |wanted: Vec<UserId>| {
        let store = Arc::clone(&store);
        async move {
            match users::find_each(&*store, &wanted).await {
                Ok(found) => {
                    let of = |id: &UserId| found.iter().find(|(known, _)| known == id);
                    let answer = |id| of(id).map(|(_, user)| user.clone()).transpose();
                    wanted.iter().map(answer).collect()
                }
                Err(fault) => wanted.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
    })
}
