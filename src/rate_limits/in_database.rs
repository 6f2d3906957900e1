//! Counts requests in the database. Requests that arrive at the same time share one transaction,
//! which has one statement if none of them is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::bucket::{Bucket, Counted, decide};
use crate::domain::clock::Clock;
use crate::domain::verdict::Fault;
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::store::rate_limits::{self, Key};
use crate::store::{Store, Tx};

/// Counts requests in the database.
pub(super) type InDatabase = Batch<Bucket, Result<Counted, Fault>>;

/// Starts the worker that counts.
pub(super) fn start(supervisor: &Supervisor, store: Arc<Store>, clock: Clock) -> InDatabase {
    let bounds = Bounds {
        name: "counting requests",
        lanes: store.batches_at_once(),
        queue: 4096,
        deadline: Duration::from_secs(3),
    };
    Batch::start(supervisor, bounds, move |requests| {
        let (store, clock) = (Arc::clone(&store), clock.clone());
        async move {
            match count(&store, &clock, &requests).await {
                Ok(answers) => answers.into_iter().map(Ok).collect(),
                Err(fault) => requests.iter().map(|_| Err(fault.clone())).collect(),
            }
        }
    })
}

async fn count(store: &Store, clock: &Clock, requests: &[Bucket]) -> Result<Vec<Counted>, Fault> {
    let tx = store.begin(clock.now()).await?;
    match pour(&tx, requests).await {
        Ok(answers) => {
            tx.commit().await?;
            Ok(answers)
        }
        Err(fault) => {
            tx.abandon().await;
            Err(fault)
        }
    }
}

async fn pour(tx: &Tx, requests: &[Bucket]) -> Result<Vec<Counted>, Fault> {
    let mut poured: BTreeMap<Key, i64> = BTreeMap::new();
    for bucket in requests {
        *poured.entry(bucket.key).or_default() += bucket.rate.interval();
    }
    let amounts: Vec<_> = poured.iter().map(|(key, amount)| (*key, *amount)).collect();
    let now_in = rate_limits::pour(tx, &amounts).await?;
    let before = now_in.iter().map(|(key, level)| {
        let amount = poured.get(key).copied().unwrap_or_default();
        (*key, level - amount)
    });
    let mut levels: BTreeMap<Key, i64> = before.collect();
    let answers = decide(&mut levels, requests);
    // What was poured in for requests that are refused is taken out again.
    let wrong: Vec<_> = now_in
        .iter()
        .filter_map(|(key, level)| {
            let meant = levels.get(key).copied().unwrap_or_default();
            (meant != *level).then_some((*key, meant))
        })
        .collect();
    if !wrong.is_empty() {
        rate_limits::set(tx, &wrong).await?;
    }
    Ok(answers)
}
