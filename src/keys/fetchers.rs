//! Who fetches the public keys. The answer of the JWKS only notes it in memory; a job writes what
//! was noted into the database, where the notes of all replicas come together.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::ring::Phase;
use crate::domain::client::TokenAlg;
use crate::domain::verdict::Fault;
use crate::store::key_fetchers::{self, KeyFetcher};
use crate::store::signing_keys::StoredKey;
use crate::store::{Reader, Store};

/// The `User-Agent` of our own commands that look at the JWKS and verify nothing. It is not counted.
pub const LOOKING: &str = "mapae-looking";
/// The name of a program that gives none.
const UNNAMED: &str = "none";
/// The most characters of a name that are kept.
const LENGTH: usize = 64;
/// The most names that are kept in memory until they are written. It is as many as the table has.
const MOST: usize = 1000;
/// The name of all others.
const OTHER: &str = "other";

/// The programs that fetched the public keys.
#[derive(Debug, Default)]
pub struct KeyFetchers {
    /// What was noted and is not written yet.
    noted: Mutex<HashMap<String, Fetch>>,
    /// How many programs fetched each key, when it was read last.
    counts: Mutex<BTreeMap<String, u32>>,
}

#[derive(Clone, Debug)]
struct Fetch {
    kids: Arc<[String]>,
    at: DateTime<Utc>,
}

impl KeyFetchers {
    /// Notes that a program of this name fetched these keys.
    pub fn note(&self, agent: Option<&[u8]>, kids: &Arc<[String]>, now: DateTime<Utc>) {
        let agent = named(agent.unwrap_or_default());
        if agent == LOOKING {
            return;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = noted.get_mut(&*agent) {
            fetch.at = now;
            if !Arc::ptr_eq(&fetch.kids, kids) {
                fetch.kids = Arc::clone(kids);
            }
            return;
        }
        let agent = if noted.len() < MOST { agent.into_owned() } else { OTHER.to_owned() };
        noted.insert(agent, Fetch { kids: Arc::clone(kids), at: now });
    }

    /// Writes what was noted since the last time.
    pub async fn write(&self, store: &Store, now: DateTime<Utc>) -> Result<(), Fault> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_empty() {
            return Ok(());
        }
        let written = record(store, &noted, now).await;
        if written.is_err() {
            let mut since = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            for (agent, fetch) in noted {
                if since.len() < MOST {
                    since.entry(agent).or_insert(fetch);
                }
            }
        }
        written
    }

    /// Reads how many programs fetched each key, for the metrics.
    pub async fn count(&self, reader: &impl Reader) -> Result<(), Fault> {
        let fetchers = key_fetchers::list_all(reader).await?;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // A key that is gone keeps its metric, at zero.
        counts.values_mut().for_each(|count| *count = 0);
        for kid in fetchers.into_iter().flat_map(|one| one.kids) {
            *counts.entry(kid).or_default() += 1;
        }
        Ok(())
    }

    /// How many programs fetched each of these keys, and keys that there were before.
    #[must_use]
    pub fn counts<'a>(&self, kids: impl Iterator<Item = &'a str>) -> Vec<(String, u32)> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for kid in kids {
            counts.entry(kid.to_owned()).or_default();
        }
        counts.iter().map(|(kid, count)| (kid.clone(), *count)).collect()
    }
}

async fn record(
    store: &Store,
    noted: &HashMap<String, Fetch>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let fetchers = noted.iter().map(|(agent, fetch)| KeyFetcher {
        agent: agent.clone(),
        kids: fetch.kids.to_vec(),
        last_at: fetch.at,
    });
    let tx = store.begin(now).await?;
    key_fetchers::record(&tx, fetchers.collect()).await?;
    tx.commit().await
}

/// The name of a program: the beginning of its `User-Agent`, without what could confuse a terminal.
fn named(agent: &[u8]) -> Cow<'_, str> {
    let text = match std::str::from_utf8(agent) {
        Ok(text) => Cow::Borrowed(text.trim()),
        Err(_) => Cow::Owned(String::from_utf8_lossy(agent).trim().to_owned()),
    };
    if text.is_empty() {
        Cow::Borrowed(UNNAMED)
    } else if text.len() <= LENGTH && !text.contains(char::is_control) {
        text
    } else {
        let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Cow::Owned(text.chars().map(plain).take(LENGTH).collect())
    }
}

/// How many of those that fetched a key have fetched its successor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The algorithm of both keys.
    pub alg: TokenAlg,
    /// Whether the successor signs already.
    pub signs: bool,
    /// Those that fetched either of the keys.
    pub of: usize,
    /// Those that fetched the older key and not the successor.
    pub missing: Vec<KeyFetcher>,
}

/// For each algorithm with two published keys at least, who has fetched the newest one.
#[must_use]
pub fn progress<'a>(
    keys: &(impl Iterator<Item = (&'a StoredKey, Phase)> + Clone),
    fetchers: &[KeyFetcher],
) -> Vec<Progress> {
    let of_alg = |alg: &TokenAlg| {
        let mut published: Vec<_> =
            keys.clone().filter(|(key, phase)| key.alg == *alg && phase.is_published()).collect();
        published.sort_by_key(|(key, _)| (key.signs_from, key.generation));
        let (next, phase) = published.pop()?;
        let (last, _) = published.pop()?;
        let has = |one: &KeyFetcher, key: &StoredKey| one.kids.contains(&key.kid);
        let of: Vec<_> = fetchers.iter().filter(|one| has(one, last) || has(one, next)).collect();
        let missing = of.iter().filter(|one| !has(one, next)).map(|one| (*one).clone());
        let (signs, missing) = (phase != Phase::Pending, missing.collect());
        Some(Progress { alg: *alg, signs, of: of.len(), missing })
    };
    TokenAlg::ALL.iter().filter_map(of_alg).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn key(alg: TokenAlg, generation: i64) -> StoredKey {
        StoredKey {
            kid: format!("{}-{generation}", alg.as_str()),
            alg,
            generation,
            created_at: from_millis(0),
            signs_from: from_millis(generation * 1000),
            public_jwk: String::new(),
            sealed_private: Vec::new(),
        }
    }

    fn fetcher(agent: &str, kids: &[&str]) -> KeyFetcher {
        let kids = kids.iter().map(|kid| (*kid).to_owned()).collect();
        KeyFetcher { agent: agent.to_owned(), kids, last_at: from_millis(0) }
    }

    #[test]
    fn a_name_is_cut_and_harmless() {
        for (agent, name) in [
            (&b"jose/6.0"[..], "jose/6.0".to_owned()),
            (b"", "none".to_owned()),
            (b"  ", "none".to_owned()),
            (b"a\tb", "a\u{fffd}b".to_owned()),
            (b"a\xff", "a\u{fffd}".to_owned()),
            (&[b'x'; 65], "x".repeat(64)),
            ("é".repeat(65).as_bytes(), "é".repeat(64)),
        ] {
            assert_eq!(named(agent), name);
        }
    }

    #[test]
    fn memory_is_bounded_and_our_own_commands_do_not_count() {
        let fetchers = KeyFetchers::default();
        let kids: Arc<[String]> = Arc::new(["a".to_owned()]);
        for agent in 0..2000 {
            fetchers.note(Some(format!("agent {agent}").as_bytes()), &kids, from_millis(agent));
        }
        fetchers.note(Some(LOOKING.as_bytes()), &kids, from_millis(0));
        let noted = fetchers.noted.lock().expect("a lock");
        assert_eq!(noted.len(), MOST + 1);
        assert_eq!(noted[OTHER].at, from_millis(1999));
        assert!(!noted.contains_key(LOOKING));
    }

    #[test]
    fn who_fetched_the_last_key_and_not_the_next_is_missing() {
        let (one, two, es) =
            (key(TokenAlg::Rs256, 1), key(TokenAlg::Rs256, 2), key(TokenAlg::Es256, 1));
        let keys = [(&one, Phase::Signing), (&two, Phase::Pending), (&es, Phase::Signing)];
        let fetchers = [
            fetcher("both", &["RS256-1", "RS256-2", "ES256-1"]),
            fetcher("old", &["RS256-1", "ES256-1"]),
            fetcher("older", &["RS256-0"]),
            fetcher("new", &["RS256-2"]),
        ];
        let found = progress(&keys.into_iter(), &fetchers);
        let missing = vec![fetchers[1].clone()];
        let expected = Progress { alg: TokenAlg::Rs256, signs: false, of: 3, missing };
        assert_eq!(found, [expected], "ES256 has no successor");
        let signs = [(&one, Phase::Retiring), (&two, Phase::Signing)];
        assert!(progress(&signs.into_iter(), &fetchers)[0].signs);
        let gone = [(&one, Phase::Remembered), (&two, Phase::Signing)];
        assert_eq!(progress(&gone.into_iter(), &fetchers), []);
    }
}
