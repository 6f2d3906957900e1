//! The logos of apps. They are fetched by us and served by us, so that no page of ours tells
//! another server who is signing in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use tokio::sync::Semaphore;

use super::Issuer;
use crate::domain::client::ClientId;
use crate::domain::verdict::Fault;

/// An image.
#[derive(Clone, Debug)]
pub struct Logo {
    /// Its type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
}

/// The logos in memory.
#[derive(Debug)]
pub struct Logos {
    known: Mutex<HashMap<ClientId, Known>>,
    fetching: Semaphore,
}

#[derive(Clone, Debug)]
struct Known {
    uri: String,
    logo: Option<Arc<Logo>>,
    until: DateTime<Utc>,
}

/// The most that a logo may have.
const LIMIT: usize = 256 * 1024;
/// How long one is kept.
const FRESH: Duration = Duration::days(1);
/// How long one that could not be had is not asked for again.
const MISSING: Duration = Duration::minutes(5);
/// So many are fetched at once; a page does not wait for more.
const AT_ONCE: usize = 4;

const TYPES: &[&str] =
    &["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"];

impl Default for Logos {
    fn default() -> Self {
        Self { known: Mutex::default(), fetching: Semaphore::new(AT_ONCE) }
    }
}

/// The logo of this client, if it has one that can be had.
pub async fn logo(issuer: &Issuer, client: &ClientId) -> Result<Option<Arc<Logo>>, Fault> {
    let registered = issuer.clients.find(client).await?;
    let Some(uri) = registered.and_then(|registered| registered.client.logo_uri.clone()) else {
        return Ok(None);
    };
    let now = issuer.clock.now();
    let logos = &issuer.logos;
    if let Some(known) = logos.known(client).filter(|known| known.uri == uri && now < known.until) {
        return Ok(known.logo);
    }
    let Ok(_turn) = logos.fetching.try_acquire() else { return Ok(None) };
    let logo = fetch(issuer, client, &uri).await.map(Arc::new);
    let until = now + if logo.is_some() { FRESH } else { MISSING };
    logos.remember(client, Known { uri, logo: logo.clone(), until });
    Ok(logo)
}

impl Logos {
    fn known(&self, client: &ClientId) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(client).cloned()
    }

    fn remember(&self, client: &ClientId, known: Known) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(client.clone(), known);
    }
}

async fn fetch(issuer: &Issuer, client: &ClientId, uri: &str) -> Option<Logo> {
    let fetched = match issuer.outbound.get(uri, LIMIT).await {
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
