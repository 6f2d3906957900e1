//! Who is told of audit events, as this process knows it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::webhook::Subscription;

/// The subscriptions; `None` until this process has read them.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<Option<Arc<[Subscription]>>>);

impl Subscriptions {
    pub(super) fn known(&self) -> Option<Arc<[Subscription]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what was read last, or forgets it, so that it is read when it is needed next.
    pub(super) fn set(&self, read: Option<Vec<Subscription>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = read.map(Arc::from);
    }

    /// Keeps what was read first. A later reading is newer and stays.
    pub(super) fn keep_first(&self, read: &Arc<[Subscription]>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| Arc::clone(read));
    }
}
