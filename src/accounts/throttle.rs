//! The throttle of failed sign-ins. An attempt is counted as a failure before the password is
//! hashed, in the database, and taken back when it succeeds: parallel attempts cannot outrun it.
//!
//! Lock-out is no weapon: what is counted for an account over all addresses never turns away an
//! address from which the person signed in before.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

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
    /// Whether the person signed in from there before.
    pub is_known: bool,
}

/// Too many failures.
#[derive(Clone, Copy, Debug)]
pub struct Throttled {
    /// The window that is full.
    pub key: Key,
    /// When it closes.
    pub until: DateTime<Utc>,
}

/// An attempt that counts as a failure until it is taken back.
#[derive(Clone, Debug)]
pub struct Counted(Vec<Key>);

/// Counts an attempt, or refuses it without counting.
pub async fn count(
    store: &Store,
    now: DateTime<Utc>,
    limits: &Limits,
    attempt: &Attempt,
) -> Result<Counted, Error<Throttled>> {
    let Attempt { account, address, is_known } = attempt;
    let mut rules = vec![
        (key(&["account at address", account, address]), limits.account_at_address),
        (key(&["address", address]), limits.address),
    ];
    if !is_known {
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
    Ok(Counted(rules.into_iter().map(|(key, _)| key).collect()))
}

impl Counted {
    /// The attempt was no failure after all.
    pub async fn take_back(&self, tx: &Tx) -> Result<(), Fault> {
        throttles::take_back(tx, &self.0).await
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
