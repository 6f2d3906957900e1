//! How many refresh tokens are used, for the console. A use only counts in memory; a job adds what was
//! counted to the database, where the counts of all replicas come together.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use crate::domain::verdict::Fault;
use crate::store::{Store, refresh_days};

/// What was counted and is not written yet.
#[derive(Debug, Default)]
pub struct RefreshCount(AtomicI64);

impl RefreshCount {
    /// Counts one.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes what was counted since the last time. What cannot be written is kept for the next time.
    pub async fn write(&self, store: &Store, now: DateTime<Utc>) -> Result<(), Fault> {
        let counted = self.0.swap(0, Ordering::Relaxed);
        if counted == 0 {
            return Ok(());
        }
        let written = record(store, now, counted).await;
        if written.is_err() {
            self.0.fetch_add(counted, Ordering::Relaxed);
        }
        written
    }
}

async fn record(store: &Store, now: DateTime<Utc>, counted: i64) -> Result<(), Fault> {
    let tx = store.begin(now).await?;
    refresh_days::add(&tx, counted).await?;
    tx.commit().await
}
