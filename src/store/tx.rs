//! A transaction: it has one instant, and it ends once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::audit_log;
use super::cause::while_doing;
use super::connection::Connection;
use super::known_subscriptions::Subscriptions;
use super::reader::Reader;
use super::revocation_log::{self, Noted};
use crate::domain::actor::Acting;
use crate::domain::audit::Event;
use crate::domain::verdict::{Error, Fault};

/// A transaction at one instant. A refusal is an answer, so it commits; a fault rolls back.
/// Dropping the transaction without [`Tx::settle`] also rolls back.
#[must_use = "a transaction ends in `settle`"]
#[derive(Debug)]
pub struct Tx {
    inner: Connection,
    now: DateTime<Utc>,
    events: Mutex<Vec<Event>>,
    revoked: Mutex<Vec<Noted>>,
    changed: AtomicBool,
    changes: watch::Sender<u64>,
    acting: Option<Acting>,
    subscriptions: Arc<Subscriptions>,
}

impl Tx {
    pub(super) fn new(
        inner: Connection,
        now: DateTime<Utc>,
        changes: watch::Sender<u64>,
        acting: Option<Acting>,
        subscriptions: Arc<Subscriptions>,
    ) -> Self {
        let (events, revoked, changed) = (Mutex::default(), Mutex::default(), false.into());
        Self { inner, now, events, revoked, changed, changes, acting, subscriptions }
    }

    /// Who acts in the administration; `None` outside of it.
    pub(crate) fn acting(&self) -> Option<&Acting> {
        self.acting.as_ref()
    }

    /// The instant of this transaction. Everything in it uses the same one.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Ends the transaction according to its verdict.
    pub async fn settle<T, R>(self, verdict: Result<T, Error<R>>) -> Result<T, Error<R>> {
        // Postgres cannot commit a transaction in which a statement failed (for example because a
        // name was taken).
        let keeps_nothing = verdict.is_err() && self.inner.has_failed();
        if keeps_nothing || matches!(verdict, Err(Error::Fault(_))) {
            self.abandon().await;
        } else {
            self.commit().await?;
        }
        verdict
    }

    /// Ends the transaction of a step that keeps nothing when it is refused: what was used up in it
    /// can be used again.
    pub async fn settle_or_undo<T, R>(self, verdict: Result<T, Error<R>>) -> Result<T, Error<R>> {
        if verdict.is_err() {
            self.abandon().await;
            return verdict;
        }
        self.settle(verdict).await
    }

    /// Commits. This is for writes that cannot be refused.
    pub async fn commit(self) -> Result<(), Fault> {
        let Self { inner, now, events, revoked, changed, changes, acting, .. } = self;
        let revoked = revoked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let revokes = !revoked.is_empty();
        if revokes {
            revocation_log::write(&inner, &revoked, now).await?;
        }
        inner.commit().await.map_err(while_doing("committing"))?;
        if changed.into_inner() || revokes {
            changes.send_modify(|number| *number += 1);
        }
        let events = events.into_inner().unwrap_or_else(PoisonError::into_inner);
        for event in &events {
            audit_log::log(event, acting.as_ref());
        }
        Ok(())
    }

    /// Keeps events, to be logged and counted after the commit.
    pub(super) fn log_after_commit(&self, events: &[Event]) {
        let mut noted = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend_from_slice(events);
    }

    /// Notes what this transaction revokes. It is written last, so that no transaction waits for
    /// another one with the lock by which revocations are numbered.
    pub(super) fn revokes(&self, what: impl IntoIterator<Item = Noted>) {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).extend(what);
    }

    /// Remembers that this transaction changes a table that servers watch. Whoever waits for
    /// changes is told after the commit.
    pub(super) fn changes_watched_table(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether this transaction has changed a table that servers watch.
    pub(super) fn has_changed_watched_table(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Who is told of audit events, as this process knows it.
    pub(super) fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Rolls back.
    pub async fn abandon(self) {
        if let Err(error) = self.inner.roll_back().await {
            let fault = while_doing("rolling back")(error);
            tracing::warn!(%fault, "a transaction did not roll back well");
        }
    }
}

impl Reader for Tx {
    type Connection = Connection;

    fn connection(&self) -> &Connection {
        &self.inner
    }
}
