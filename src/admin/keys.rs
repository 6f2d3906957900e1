//! What an operator does with the signing keys and the master key.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::authority::{ChangeKeys, May, ReadKeys};
use crate::domain::client::TokenAlg;
use crate::domain::verdict::{Fault, OrRejected, Rejected, reject};
use crate::keys::fetchers::{self, Progress};
use crate::keys::keyring::Keyring;
use crate::keys::make;
use crate::keys::ring::Phase;
use crate::keys::seal::{MasterKey, MasterKeySource, NoMasterKey, Sealer};
use crate::store::signing_keys::StoredKey;
use crate::store::{Store, key_fetchers};

pub use crate::store::key_fetchers::KeyFetcher;

/// A signing key, without its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedKey {
    /// The RFC 7638 thumbprint of its public half.
    pub kid: String,
    /// The algorithm that it signs with.
    pub alg: TokenAlg,
    /// Its number in the sequence of keys of its algorithm.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
}

impl From<&StoredKey> for DescribedKey {
    fn from(key: &StoredKey) -> Self {
        Self {
            kid: key.kid.clone(),
            alg: key.alg,
            generation: key.generation,
            created_at: key.created_at,
            signs_from: key.signs_from,
        }
    }
}

/// Every key with its phase, the oldest first.
pub fn list(_may: &May<ReadKeys>, keyring: &Keyring) -> Result<Vec<(DescribedKey, Phase)>, Fault> {
    let snapshot = keyring.snapshot()?;
    Ok(snapshot.list().map(|(key, phase)| (key.into(), phase)).collect())
}

/// Every program that fetched the public keys, the last one first.
pub async fn fetchers(_may: &May<ReadKeys>, store: &Store) -> Result<Vec<KeyFetcher>, Fault> {
    key_fetchers::list_all(store).await
}

/// How many of those that fetched a key have fetched its successor, for each algorithm with two
/// published keys.
pub fn progress(
    _may: &May<ReadKeys>,
    keyring: &Keyring,
    fetchers: &[KeyFetcher],
) -> Result<Vec<Progress>, Fault> {
    let snapshot = keyring.snapshot()?;
    let keys: Vec<_> = snapshot.list().collect();
    Ok(fetchers::progress(&keys.into_iter(), fetchers))
}

/// Makes new keys for this algorithm, or for every algorithm that has one if none is given. With `at_once` they
/// sign within a second and not only after the lead time.
pub async fn rotate(
    _may: &May<ChangeKeys>,
    keyring: &Keyring,
    alg: Option<TokenAlg>,
    at_once: bool,
) -> Result<Vec<DescribedKey>, Fault> {
    let have_keys = keyring.algorithms()?;
    let algs = alg.map_or_else(|| have_keys.clone(), |alg| vec![alg]);
    if let Some(first) = alg.filter(|alg| !have_keys.contains(alg)) {
        // It has no key yet, so this one is no successor.
        keyring.ensure([first]).await?;
        let snapshot = keyring.snapshot()?;
        let made = snapshot.list().filter(|(key, _)| key.alg == first);
        return Ok(made.map(|(key, _)| key.into()).collect());
    }
    let made = keyring.rotate(&algs, at_once).await?;
    Ok(made.iter().map(DescribedKey::from).collect())
}

/// Deletes a key for good. From now on all tokens that it signed are refused.
pub async fn drop(_may: &May<ChangeKeys>, keyring: &Keyring, kid: &str) -> OrRejected {
    let snapshot = keyring.snapshot()?;
    let Some((key, phase)) = snapshot.list().find(|(key, _)| key.kid == kid) else {
        return reject(format!("there is no key {kid:?}"));
    };
    let is_next = |other: &StoredKey, phase| other.alg == key.alg && phase == Phase::Pending;
    if phase == Phase::Signing && !snapshot.list().any(|(other, phase)| is_next(other, phase)) {
        return reject("this key signs and none is to follow it: rotate --now first");
    }
    keyring.drop_key(kid).await?;
    Ok(())
}

/// Imports a private key in PEM.
pub async fn import(
    _may: &May<ChangeKeys>,
    keyring: &Keyring,
    pem: &str,
    at_once: bool,
) -> OrRejected<DescribedKey> {
    match keyring.import(&make::read_pem(pem)?, at_once).await? {
        Some(key) => Ok((&key).into()),
        None => reject("this key is here already"),
    }
}

/// The published JWK Set, RFC 7517 §5.
pub fn jwks(keyring: &Keyring) -> Result<Value, Fault> {
    let jwks = keyring.snapshot()?.jwks();
    serde_json::from_slice(&jwks).map_err(|error| Fault::internal("reading the JWKS", error))
}

/// Where the next master key comes from.
#[derive(Clone, Copy, Debug)]
pub enum NextMasterKey<'a> {
    /// It is generated, and replaces the one in this folder.
    In(&'a Path),
    /// The operator has written it to this file.
    File(&'a Path),
}

/// Seals every key again, under another master key than this one.
pub async fn rewrap(
    _may: &May<ChangeKeys>,
    keyring: &Keyring,
    current: &MasterKey,
    next: NextMasterKey<'_>,
    ends_refresh_tokens: bool,
) -> OrRejected {
    let load = |error: NoMasterKey| Rejected(error.to_string());
    match next {
        NextMasterKey::In(folder) => {
            let next = MasterKey::generate();
            next.write_next(folder).map_err(load)?;
            keyring.reseal(&Sealer::new(&next)?, ends_refresh_tokens).await?;
            MasterKey::promote_next(folder).map_err(load)?;
        }
        NextMasterKey::File(file) => {
            let next = MasterKey::load(&MasterKeySource::File(file.to_owned())).map_err(load)?;
            // Whoever changes a stolen key must not believe that this changed it.
            if next == *current {
                return reject(format!(
                    "{} holds the master key that is in force already, so nothing was changed: make another one, for example by openssl rand -base64 32",
                    file.display()
                ));
            }
            keyring.reseal(&Sealer::new(&next)?, ends_refresh_tokens).await?;
        }
    }
    Ok(())
}

/// When a key is published and when it signs.
#[derive(Clone, Debug)]
pub struct KeySpan {
    /// The key.
    pub key: DescribedKey,
    /// Its phase now.
    pub phase: Phase,
    /// Until when it signs; `None` if no other key is to follow it.
    pub signs_until: Option<DateTime<Utc>>,
    /// Until when it is published.
    pub published_until: Option<DateTime<Utc>>,
}

/// Every key with the times of its life, the oldest first.
pub fn spans(_may: &May<ReadKeys>, keyring: &Keyring) -> Result<Vec<KeySpan>, Fault> {
    let (snapshot, memory) = (keyring.snapshot()?, keyring.policy().memory);
    let span = |(key, phase): (&StoredKey, Phase)| {
        let published_until = snapshot.published_until(&key.kid, memory);
        let signs_until = published_until.map(|until| until - memory.published);
        KeySpan { key: key.into(), phase, signs_until, published_until }
    };
    Ok(snapshot.list().map(span).collect())
}
