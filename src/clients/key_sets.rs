//! The keys that clients publish at their `jwks_uri`. They are kept for a while, and fetched early when
//! a client signs by a key that is not among them.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;

use super::fetches::{Fetches, NotFetched};
use super::kept::Kept;
use super::registered::Registered;
use crate::domain::client::RegisteredBy;
use crate::domain::clock::Clock;
use crate::keys::client_keys::ClientKeys;
use crate::outbound::Outbound;
use crate::outbound::document_cache::{Cached, FetchError, Fetching, Keeping};

/// How long keys are kept. A client that changes its keys is believed at its first signature by a new
/// one, and a key that it takes away is good for at most as long as keys are fresh.
const KEEPING: Keeping = Keeping {
    fresh: Duration::minutes(15),
    stale: Duration::days(1),
    cool_down: Duration::seconds(30),
    first_cool_down: Duration::seconds(30),
};

/// How many key sets are kept.
const MOST: usize = 1024;

/// The largest key set in bytes.
const LIMIT: usize = 64 * 1024;

/// How many calls run at once for clients that operators registered, and for all others.
const AT_ONCE: usize = 64;
const AT_ONCE_OF_UNVOUCHED: usize = 32;

/// The key sets in memory. Those of clients for which no operator vouches are kept and fetched apart:
/// they can be as many as somebody likes, and as slow.
#[derive(Debug)]
pub struct KeySets {
    clock: Clock,
    of_operators: SomeSets,
    of_unvouched: SomeSets,
}

/// Some of the key sets.
#[derive(Debug)]
struct SomeSets {
    fetches: Arc<Fetches>,
    known: Mutex<Kept<Cached<ClientKeys>>>,
}

impl KeySets {
    /// No key sets yet.
    #[must_use]
    pub fn new(outbound: &Outbound, clock: Clock) -> Self {
        let none = |at_once| SomeSets {
            fetches: Arc::new(Fetches::new(outbound.clone(), at_once)),
            known: Mutex::new(Kept::of(MOST)),
        };
        Self { clock, of_operators: none(AT_ONCE), of_unvouched: none(AT_ONCE_OF_UNVOUCHED) }
    }

    /// The keys of a client that are to verify this token. `alg` is the one algorithm by which it may
    /// be signed, if the client is registered for one.
    pub async fn for_token(
        &self,
        registered: &Registered,
        token: &str,
        alg: Option<&'static str>,
    ) -> Result<Arc<ClientKeys>, NotFetched> {
        let Some(uri) = &registered.client.metadata.jwks_uri else {
            return Ok(Arc::clone(&registered.keys));
        };
        let sets = match registered.client.registered_by {
            RegisteredBy::Operator => &self.of_operators,
            RegisteredBy::Itself | RegisteredBy::Document => &self.of_unvouched,
        };
        let (cached, now) = (sets.cached(uri), self.clock.now());
        let known = cached.get(now, sets.fetch(uri)).await?;
        // What no key could have signed is no reason to look for another key.
        if known.has_signed(token, alg) || !ClientKeys::might_sign(token, alg) {
            return Ok(known);
        }
        let presented = token.to_owned();
        let fits = move |keys: &ClientKeys| keys.has_signed(&presented, alg);
        let newer = cached.better_than(&known, now, fits, sets.fetch(uri)).await?;
        Ok(newer.unwrap_or(known))
    }
}

impl SomeSets {
    fn cached(&self, uri: &str) -> Arc<Cached<ClientKeys>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.of_url(uri, || Cached::new(KEEPING))
    }

    fn fetch(&self, uri: &str) -> Fetching<ClientKeys, NotFetched> {
        let (fetches, uri) = (Arc::clone(&self.fetches), uri.to_owned());
        Box::pin(async move {
            let fetched =
                fetches.get(&uri, LIMIT).await.and_then(|response| match response.status {
                    200 => std::str::from_utf8(&response.body)
                        .map_err(|_| "the JWK Set is not JSON")
                        .and_then(ClientKeys::parse)
                        .map_err(NotFetched::because),
                    status => {
                        Err(NotFetched::because(format!("it is answered with status {status}")))
                    }
                });
            fetched.inspect_err(|why| {
                if why.was_asked() {
                    tracing::warn!(%uri, %why, "the keys of a client could not be fetched");
                }
            })
        })
    }
}
