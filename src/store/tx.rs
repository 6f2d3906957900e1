//! A transaction: one instant, one ending.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;

use super::Reader;
use crate::domain::verdict::{Error, Fault};

/// A transaction at one instant. A refusal is an answer and commits; a fault rolls back; dropping
/// it without [`Tx::settle`] rolls back.
#[must_use = "a transaction ends in `settle`"]
#[derive(Debug)]
pub struct Tx {
    inner: DatabaseTransaction,
    now: DateTime<Utc>,
}

impl Tx {
    pub(super) fn new(inner: DatabaseTransaction, now: DateTime<Utc>) -> Self {
        Self { inner, now }
    }

    /// The one instant of everything in this transaction.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Ends the transaction by its verdict.
    pub async fn settle<T, R>(self, verdict: Result<T, Error<R>>) -> Result<T, Error<R>> {
        if matches!(verdict, Err(Error::Fault(_))) {
            self.abandon().await;
        } else {
            self.commit().await?;
        }
        verdict
    }

    /// Commits: for writes that nobody can refuse.
    pub async fn commit(self) -> Result<(), Fault> {
        self.inner.commit().await.map_err(super::while_doing("committing"))
    }

    /// Undoes everything.
    pub async fn abandon(self) {
        if let Err(error) = self.inner.rollback().await {
            tracing::warn!(%error, "a transaction did not roll back well");
        }
    }
}

impl Reader for Tx {
    type Connection = DatabaseTransaction;

    fn connection(&self) -> &DatabaseTransaction {
        &self.inner
    }
}
