//! Hands out places in the status lists: one for each family, and for clients that ask for it one for
//! each token that they get for themselves. Places are reserved in blocks, so most of them cost no
//! statement.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};

use super::known::KnownRevocations;
use crate::clients::registry::Registry;
use crate::domain::client::{Client, ClientId, TokenAlg};
use crate::domain::clock::Clock;
use crate::domain::status_list::{StatusIndex, StatusListMode, index_at};
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::runtime::attempts::Attempts;
use crate::store::status_lists::{Block, reserve, reserve_for_client};
use crate::store::{Store, Tx};

/// How many places are reserved at once.
const BLOCK: u32 = 256;
/// With fewer places left, more are reserved.
const LOW: usize = 128;
/// How many places are reserved at once for the tokens that a client gets for itself.
const OWN: u32 = 64;
/// Reserved places are given up after so long: a list is recycled only much later.
pub const RESERVED: Duration = Duration::hours(1);
/// The most clients for whose own tokens places are kept.
const CLIENTS: usize = 10_000;

/// Hands out places.
#[derive(Debug)]
pub struct Indices {
    parts: IndexParts,
    reserved: Mutex<VecDeque<Reserved>>,
    topping_up: Attempts,
    own: Mutex<HashMap<OwnTokens, Reserved>>,
    reserving_own: Attempts,
}

/// The own tokens of a client that are signed alike, since it was last enabled.
type OwnTokens = (ClientId, TokenAlg, Option<DateTime<Utc>>);

/// The parts that places are handed out with.
#[derive(Clone, Debug)]
pub struct IndexParts {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// How many entries a new list has.
    pub entries: u32,
    /// How long an access token lives.
    pub access_token: Duration,
    /// What is revoked.
    pub known: Arc<KnownRevocations>,
}

#[derive(Clone, Copy, Debug)]
struct Reserved {
    block: Block,
    until: DateTime<Utc>,
}

impl Reserved {
    fn left(&self) -> usize {
        usize::try_from(self.block.end - self.block.next).unwrap_or_default()
    }

    fn take(&mut self) -> Option<StatusIndex> {
        let Block { list, entries, seed, next, end } = self.block;
        if next >= end {
            return None;
        }
        self.block.next += 1;
        index_at(seed, entries, next).map(|index| StatusIndex { list, index })
    }
}

impl Indices {
    /// Hands out places with these parts.
    #[must_use]
    pub fn new(parts: IndexParts) -> Self {
        let (reserved, topping_up) = (Mutex::default(), Attempts::default());
        let (own, reserving_own) = (Mutex::default(), Attempts::default());
        Self { parts, reserved, topping_up, own, reserving_own }
    }

    /// Whether a token for these resources names its place: its client or its first resource asks
    /// for it. Whoever has a transaction names it.
    pub async fn asked(
        &self,
        tx: Option<&Tx>,
        client: &Client,
        resources: &[String],
    ) -> Result<bool, Fault> {
        if client.metadata.status_list.is_on() {
            return Ok(true);
        }
        let asking = self.parts.clients.with_status(tx).await?;
        let first = resources.first().or_else(|| client.metadata.audiences.first());
        Ok(asking.contains(first.map_or_else(|| self.parts.url.as_str(), String::as_str)))
    }

    /// Whether any token of this client may name a place. Then its families get one when they are
    /// opened.
    pub async fn may_be_asked(&self, tx: Option<&Tx>, client: &Client) -> Result<bool, Fault> {
        if client.metadata.status_list.is_on() {
            return Ok(true);
        }
        let asking = self.parts.clients.with_status(tx).await?;
        let mut audiences = client.metadata.audiences.iter().map(String::as_str);
        Ok(audiences.any(|audience| asking.contains(audience))
            || asking.contains(self.parts.url.as_str()))
    }

    /// Makes sure that some places are reserved.
    pub async fn top_up(&self) -> Result<(), Fault> {
        let there = || (self.left() >= LOW).then_some(());
        if there().is_some() {
            return Ok(());
        }
        Box::pin(self.topping_up.make(there, self.reserve_more())).await
    }

    async fn reserve_more(&self) -> Result<(), Fault> {
        let now = self.parts.clock.now();
        let tx = self.parts.store.begin(now).await?;
        let block = reserve(&tx, self.parts.entries, BLOCK).await?;
        tx.commit().await?;
        self.reserved().push_back(Reserved { block, until: now + RESERVED });
        Ok(())
    }

    /// A reserved place, if there is one.
    pub fn take(&self) -> Option<StatusIndex> {
        self.forget_old();
        let mut reserved = self.reserved();
        loop {
            let first = reserved.front_mut()?;
            if let Some(place) = first.take() {
                return Some(place);
            }
            reserved.pop_front();
        }
    }

    /// A reserved place, or one that is reserved in this transaction.
    pub async fn take_in(&self, tx: &Tx) -> Result<StatusIndex, Fault> {
        if let Some(place) = self.take() {
            return Ok(place);
        }
        let block = reserve(tx, self.parts.entries, 1).await?;
        let mut reserved = Reserved { block, until: tx.now() };
        reserved.take().ok_or_else(|| Fault::internal("taking a place", "the block is empty"))
    }

    /// A place for a token that a client gets for itself, if it asks for that.
    pub async fn own(&self, client: &Client) -> Result<Option<StatusIndex>, Fault> {
        if client.metadata.status_list != StatusListMode::Each {
            return Ok(None);
        }
        let now = self.parts.clock.now();
        let kind = (client.id.clone(), client.metadata.token_alg, client.tokens_from);
        let there = || self.take_own(&kind, now).map(Some);
        if let Some(place) = there() {
            return Ok(place);
        }
        Box::pin(self.reserving_own.make(there, self.reserve_own(&kind, now))).await
    }

    /// A place that is reserved for such tokens, if there is one.
    fn take_own(&self, kind: &OwnTokens, now: DateTime<Utc>) -> Option<StatusIndex> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = own.get_mut(kind).filter(|kept| now < kept.until)?;
        while let Some(place) = kept.take() {
            // A dropped key revokes what was reserved, too.
            if !self.parts.known.is_revoked(place) {
                return Some(place);
            }
        }
        None
    }

    async fn reserve_own(
        &self,
        kind: &OwnTokens,
        now: DateTime<Utc>,
    ) -> Result<Option<StatusIndex>, Fault> {
        let until = now + RESERVED;
        let tx = self.parts.store.begin(now).await?;
        // Replicas whose clock is behind sign a little later.
        let expires_at = until + self.parts.access_token + Duration::minutes(1);
        let (size, (client, alg, _)) = ((self.parts.entries, OWN), kind);
        let block = reserve_for_client(&tx, size, (client, *alg), expires_at).await?;
        tx.commit().await?;
        let mut reserved = Reserved { block, until };
        let place = reserved.take();
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= CLIENTS {
            own.clear();
        }
        own.insert(kind.clone(), reserved);
        Ok(place)
    }

    /// Whether a family needs a fresh place, because it has none or its tokens were revoked.
    #[must_use]
    pub fn is_needed(&self, place: Option<StatusIndex>) -> bool {
        place.is_none_or(|place| self.parts.known.is_revoked(place))
    }

    fn left(&self) -> usize {
        self.forget_old();
        self.reserved().iter().map(Reserved::left).sum()
    }

    fn forget_old(&self) {
        let now = self.parts.clock.now();
        self.reserved().retain(|one| now < one.until && !self.is_closed(&one.block));
    }

    fn is_closed(&self, block: &Block) -> bool {
        self.parts.known.is_closed(block.list)
    }

    fn reserved(&self) -> MutexGuard<'_, VecDeque<Reserved>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
