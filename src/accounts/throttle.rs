//! The throttle of failed sign-ins. An attempt is counted as a failure before the password is
//! hashed, in the database, and taken back when it succeeds: parallel attempts cannot outrun it.
//!
//! An attempt in flight counts like a failure, so no more than half of what a limit lets through may
//! be in flight in one process: the others wait for their turn. So many honest people behind one
//! address, or many honest requests for one account, are not taken for an attack.
//!
//! Lock-out is no weapon: what is counted for an account over all addresses never turns away an
//! address from which the person signed in before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::verdict::{Error, Fault};
use crate::store::throttles::{self, Key};
use crate::store::{Store, Tx};

/// How many failures in how long a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The failures that are let through.
    pub failures: u32,
    /// The window, from the first failure.
    pub window: Duration,
}

/// The limits of failed sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For one account from one address.
    pub account_at_address: Limit,
    /// For one address over all accounts.
    pub address: Limit,
    /// For one account over all addresses that it does not know.
    pub account: Limit,
}

/// Who tries from where.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The account, or the name that was given when there is none.
    pub account: String,
    /// The neighbourhood of the client address.
    pub address: String,
    /// When the person last signed in from there.
    pub seen_at: Option<DateTime<Utc>>,
}

/// Too many failures.
#[derive(Clone, Copy, Debug)]
pub struct Throttled {
    /// The window that is full.
    pub key: Key,
    /// When it closes.
    pub until: DateTime<Utc>,
}

/// An attempt that counts as a failure until it is taken back. It holds its turn meanwhile.
#[derive(Debug)]
pub struct Counted {
    keys: Vec<Key>,
    _turns: Turns,
}

/// The turns of the attempts in flight.
#[derive(Debug, Default)]
pub struct Gate(Mutex<HashMap<Key, Weak<Semaphore>>>);

type Turns = Vec<OwnedSemaphorePermit>;

/// From so many keys on, those that nobody waits for are forgotten before a new one is added.
const MANY: usize = 1024;

impl Gate {
    /// Waits for the turn of an attempt. Always in the order of account, then address.
    pub async fn turn(&self, limits: &Limits, attempt: &Attempt) -> Result<Turns, Fault> {
        let Attempt { account, address, .. } = attempt;
        let mut turns = Vec::with_capacity(2);
        for (key, limit) in [
            (key(&["account at address", account, address]), limits.account_at_address),
            (key(&["address", address]), limits.address),
        ] {
            let turn = self.semaphore(key, limit).acquire_owned().await;
            turns.push(turn.map_err(|error| Fault::internal("waiting for a turn", error))?);
        }
        Ok(turns)
    }

    fn semaphore(&self, key: Key, limit: Limit) -> Arc<Semaphore> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = known.get(&key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if known.len() >= MANY {
            known.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let in_flight = usize::try_from(limit.failures / 2).unwrap_or_default().max(1);
        let semaphore = Arc::new(Semaphore::new(in_flight));
        known.insert(key, Arc::downgrade(&semaphore));
        semaphore
    }
}

/// Counts an attempt, or refuses it without counting.
pub async fn count(
    store: &Store,
    now: DateTime<Utc>,
    limits: &Limits,
    attempt: &Attempt,
    turns: Turns,
) -> Result<Counted, Error<Throttled>> {
    let Attempt { account, address, seen_at } = attempt;
    let mut rules = vec![
        (key(&["account at address", account, address]), limits.account_at_address),
        (key(&["address", address]), limits.address),
    ];
    if seen_at.is_none() {
        rules.push((key(&["account", account]), limits.account));
    }
    let windows: Vec<_> = rules.iter().map(|(key, limit)| (*key, now + limit.window)).collect();
    let tx = store.begin(now).await?;
    let counters = throttles::count(&tx, &windows).await?;
    let full = counters.iter().filter(|counter| {
        let rule = rules.iter().find(|(key, _)| *key == counter.key);
        rule.is_some_and(|(_, limit)| counter.failures > i64::from(limit.failures))
    });
    if let Some(last) = full.max_by_key(|counter| counter.ends_at) {
        let throttled = Throttled { key: last.key, until: last.ends_at };
        // What is turned away counts nowhere, or one address could fill an account's window.
        tx.abandon().await;
        return Err(Error::Refused(throttled));
    }
    tx.commit().await?;
    let keys = rules.into_iter().map(|(key, _)| key).collect();
    Ok(Counted { keys, _turns: turns })
}

impl Counted {
    /// The attempt was no failure after all.
    pub async fn take_back(&self, tx: &Tx) -> Result<(), Fault> {
        throttles::take_back(tx, &self.keys).await
    }
}

fn key(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}
