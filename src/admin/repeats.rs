//! Creations that may be asked for several times and happen once: `Idempotency-Key`.

use chrono::Duration;
use sha2::{Digest, Sha256};

use super::authority::{May, Right};
use crate::domain::clock::Clock;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::keys::repeat_key::RepeatKey;
use crate::store::{Store, repeatable_creations};

pub use crate::store::repeatable_creations::Creation;

/// For so long the answer to a creation is kept.
const KEPT: Duration = Duration::hours(24);
/// A request has been answered or given up after so long.
const PATIENCE: Duration = Duration::minutes(1);

/// A creation with the key of its caller.
#[derive(Debug)]
pub struct KeyedCreation {
    hash: [u8; 32],
    request: [u8; 32],
}

impl KeyedCreation {
    /// A creation that this caller asks for with this key. `what` names the operation.
    #[must_use]
    pub fn new<R: Right>(
        may: &May<R>,
        tags: &RepeatKey,
        key: &[u8],
        (what, body): (&str, &[u8]),
    ) -> Self {
        let mut hash = Sha256::new();
        for part in [may.actor().to_text().as_bytes(), key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self { hash: hash.finalize().into(), request: tags.tag(what.as_bytes(), body) }
    }

    /// Begins it, unless it has begun.
    pub async fn begin(&self, store: &Store, clock: &Clock) -> Result<Creation, Fault> {
        let tx = store.begin(clock.now()).await?;
        let limits = (PATIENCE, KEPT);
        let creation = repeatable_creations::begin(&tx, &self.hash, &self.request, limits).await?;
        tx.commit().await?;
        Ok(creation)
    }

    /// Keeps its answer, which has no secret. One that tells of a person goes with their account.
    pub async fn answered(
        &self,
        store: &Store,
        clock: &Clock,
        text: String,
        about: Option<&UserId>,
    ) -> Result<(), Fault> {
        let tx = store.begin(clock.now()).await?;
        repeatable_creations::answer(&tx, &self.hash, text, about).await?;
        tx.commit().await
    }

    /// Forgets it, because it was refused.
    pub async fn refused(&self, store: &Store, clock: &Clock) -> Result<(), Fault> {
        let tx = store.begin(clock.now()).await?;
        repeatable_creations::take_back(&tx, &self.hash).await?;
        tx.commit().await
    }
}
