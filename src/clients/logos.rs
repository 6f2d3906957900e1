//! The logos of apps. This server fetches them and serves them itself. So no page makes the browser
//! call another server, which could then see who is signing in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use tokio::sync::Semaphore;

use super::registry::Registry;
use crate::domain::client::{ClientId, RegisteredBy};
use crate::domain::clock::Clock;
use crate::domain::verdict::Fault;
use crate::outbound::Outbound;

/// The image of a logo.
#[derive(Clone, Debug)]
pub struct Logo {
    /// The media type.
    pub content_type: &'static str,
    /// The bytes of the image.
    pub body: Bytes,
}

/// The logos of the registered clients, with those that are in memory.
#[derive(Debug)]
pub struct Logos {
    clients: Arc<Registry>,
    outbound: Outbound,
    clock: Clock,
    of_operators: Places,
    /// Of apps for which no operator vouches. Their logos, slow or many, keep out no other ones.
    of_strangers: Places,
}

/// Where logos are kept, and how many of them are fetched at once.
#[derive(Debug)]
struct Places {
    known: Mutex<LogoCache>,
    fetching: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self { known: Mutex::default(), fetching: Semaphore::new(AT_ONCE) }
    }
}

/// A cache of logos, limited in number and in bytes. The logo that was not asked for the longest
/// time is removed first.
#[derive(Debug, Default)]
struct LogoCache {
    known: HashMap<ClientId, (CachedLogo, u64)>,
    bytes: usize,
    /// How often any logo was asked for. It is the clock of the cache.
    asked: u64,
}

#[derive(Clone, Debug)]
struct CachedLogo {
    uri: String,
    logo: Option<Arc<Logo>>,
    until: DateTime<Utc>,
}

/// How many logos are kept of each kind, and how many bytes of them.
const MOST: usize = 512;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The largest size of a logo in bytes.
const LIMIT: usize = 256 * 1024;
/// How long a logo is kept.
const FRESH: Duration = Duration::days(1);
/// After a logo could not be fetched, it is not tried again for this time.
const MISSING: Duration = Duration::minutes(5);
/// How many logos of each kind are fetched at once. If more are needed, the page is shown without them.
const AT_ONCE: usize = 4;

const TYPES: &[&str] =
    &["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"];

impl Logos {
    /// The logos of the clients in this registry.
    #[must_use]
    pub fn new(clients: Arc<Registry>, outbound: Outbound, clock: Clock) -> Self {
        let (of_operators, of_strangers) = (Places::default(), Places::default());
        Self { clients, outbound, clock, of_operators, of_strangers }
    }

    /// The logo of this client, if it has one that can be fetched.
    pub async fn find(&self, client: &ClientId) -> Result<Option<Arc<Logo>>, Fault> {
        let registered = self.clients.find(client).await?;
        let Some(registered) = registered else { return Ok(None) };
        let Some(uri) = registered.client.metadata.logo_uri.clone() else { return Ok(None) };
        let places = match registered.client.registered_by {
            RegisteredBy::Operator => &self.of_operators,
            RegisteredBy::Itself | RegisteredBy::Document => &self.of_strangers,
        };
        let now = self.clock.now();
        if let Some(known) =
            places.known(client).filter(|known| known.uri == uri && now < known.until)
        {
            return Ok(known.logo);
        }
        let Ok(_turn) = places.fetching.try_acquire() else { return Ok(None) };
        let logo = fetch(&self.outbound, client, &uri).await.map(Arc::new);
        let until = now + if logo.is_some() { FRESH } else { MISSING };
        places.remember(client, CachedLogo { uri, logo: logo.clone(), until });
        Ok(logo)
    }
}

impl Places {
    fn known(&self, client: &ClientId) -> Option<CachedLogo> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(client)
    }

    fn remember(&self, client: &ClientId, known: CachedLogo) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(client.clone(), known);
    }
}

impl CachedLogo {
    fn size(&self) -> usize {
        self.uri.len() + self.logo.as_ref().map_or(0, |logo| logo.body.len())
    }
}

impl LogoCache {
    fn get(&mut self, client: &ClientId) -> Option<CachedLogo> {
        self.asked += 1;
        let (known, asked) = self.known.get_mut(client)?;
        *asked = self.asked;
        Some(known.clone())
    }

    fn insert(&mut self, client: ClientId, known: CachedLogo) {
        self.asked += 1;
        self.bytes += known.size();
        if let Some((old, _)) = self.known.insert(client, (known, self.asked)) {
            self.bytes -= old.size();
        }
        while self.known.len() > MOST || self.bytes > MOST_BYTES {
            let oldest = self.known.iter().min_by_key(|(_, (_, asked))| *asked);
            let Some(oldest) = oldest.map(|(client, _)| client.clone()) else { break };
            if let Some((gone, _)) = self.known.remove(&oldest) {
                self.bytes -= gone.size();
            }
        }
    }
}

async fn fetch(outbound: &Outbound, client: &ClientId, uri: &str) -> Option<Logo> {
    let fetched = match outbound.get(uri, LIMIT).await {
        Ok(fetched) => fetched,
        Err(failure) => {
            tracing::warn!(client_id = %client, %failure, "a logo could not be fetched");
            return None;
        }
    };
    let named = fetched.content_type.unwrap_or_default();
    let named = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let content_type = TYPES.iter().copied().find(|known| *known == named);
    match (fetched.status, content_type) {
        (200, Some(content_type)) => Some(Logo { content_type, body: fetched.body }),
        (status, _) => {
            tracing::warn!(client_id = %client, status, "what was fetched as a logo is not an image");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn client(number: usize) -> ClientId {
        ClientId::parse(&format!("app-{number}")).unwrap()
    }

    fn known(bytes: usize) -> CachedLogo {
        let logo = Logo { content_type: "image/png", body: vec![0; bytes].into() };
        CachedLogo { uri: String::new(), logo: Some(Arc::new(logo)), until: from_millis(0) }
    }

    #[test]
    fn no_more_logos_are_kept_than_so_many() {
        let mut cache = LogoCache::default();
        cache.insert(client(0), known(1));
        for number in 1..2 * MOST {
            assert!(cache.get(&client(0)).is_some(), "what is asked for stays");
            cache.insert(client(number), known(1));
        }
        assert_eq!((cache.known.len(), cache.bytes), (MOST, MOST));
        assert!(cache.get(&client(1)).is_none() && cache.get(&client(2 * MOST - 1)).is_some());
    }

    #[test]
    fn no_more_bytes_of_logos_are_kept_than_so_many() {
        let mut cache = LogoCache::default();
        for number in 0..200 {
            cache.insert(client(number), known(LIMIT));
            cache.insert(client(number), known(LIMIT));
            assert!(cache.bytes <= MOST_BYTES);
        }
        assert_eq!((cache.known.len(), cache.bytes), (MOST_BYTES / LIMIT, MOST_BYTES));
        assert!(cache.get(&client(199)).is_some());
    }
}
