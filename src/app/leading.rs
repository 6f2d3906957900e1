//! A job that only one of several servers does at a time: this server's part in who leads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::pace::{Timer, UntilStopped};
use crate::domain::verdict::Fault;
use crate::store::leaders::{self, Job, LEASE};
use crate::store::{Store, Tx};

/// How often the lease is renewed, or asked for. If the leader dies, another server leads after the
/// lease and one such time.
pub(super) const RENEW: Duration = Duration::from_secs(5);

// A leader may miss a renewal and still leads.
const _: () = assert!(RENEW.as_secs() * 2 < LEASE.as_secs());

/// Whether this server leads a job.
#[derive(Debug)]
pub(super) struct Leadership {
    store: Arc<Store>,
    job: Job,
    /// Names this server in the table. No other server has the same name.
    holder: String,
    is_held: AtomicBool,
}

impl Leadership {
    pub(super) fn new(store: Arc<Store>, job: Job) -> Self {
        let holder = Uuid::new_v4().to_string();
        Self { store, job, holder, is_held: AtomicBool::new(false) }
    }

    /// Asks for the lease or renews it. A server that cannot ask does not lead.
    pub(super) async fn holds(&self) -> bool {
        let held = leaders::lead(&self.store, self.job, &self.holder).await;
        let held = held.unwrap_or_else(|fault| {
            tracing::warn!(job = self.job.name(), %fault, "does not know who leads the job");
            false
        });
        self.note(held);
        held
    }

    /// The same in a transaction, for work that nobody else may do meanwhile.
    pub(super) async fn holds_in(&self, tx: &Tx) -> Result<bool, Fault> {
        let held = leaders::lead_in(tx, self.job, &self.holder).await?;
        self.note(held);
        Ok(held)
    }

    /// Whether this server led when it asked last.
    pub(super) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::SeqCst)
    }

    /// Lets another server lead at once.
    pub(super) async fn resign(&self) {
        if !self.is_held() {
            return;
        }
        if let Err(fault) = leaders::resign(&self.store, self.job, &self.holder).await {
            let job = self.job.name();
            tracing::warn!(job, %fault, "the lease of the job could not be given back; it ends by itself");
        }
        self.note(false);
    }

    fn note(&self, held: bool) {
        let job = self.job.name();
        if self.is_held.swap(held, Ordering::SeqCst) != held {
            tracing::info!(job, "{}", if held { "leads the job" } else { "leads the job no more" });
        }
        metrics::gauge!("mapae_leader", "job" => job).set(f64::from(u8::from(held)));
    }
}

/// Waits as long as this server leads, and renews the lease meanwhile.
#[derive(Debug)]
pub(super) struct WhileLeading<'a> {
    pub(super) leadership: &'a Leadership,
    pub(super) until: UntilStopped,
}

impl Timer for WhileLeading<'_> {
    fn now(&self) -> Instant {
        self.until.now()
    }

    async fn wait(&mut self, this_long: Duration) -> bool {
        let mut left = this_long;
        loop {
            let some = left.min(RENEW);
            if !self.until.wait(some).await {
                return false;
            }
            left -= some;
            if left.is_zero() {
                return true;
            }
            if !self.leadership.holds().await {
                return false;
            }
        }
    }
}
