//! Access tokens whose signature was verified: a resource server that asks about each request shows
//! the same token many times. Only that we signed it is remembered; whether it still stands is asked
//! every time.

use std::sync::Arc;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::keys::jwt::{Typ, header};
use crate::keys::keyring::Snapshot;
use crate::oauth::claims::AccessToken;

/// A claim set takes about half a kilobyte.
const REMEMBERED: usize = 4096;

struct Entry {
    kid: String,
    claims: AccessToken,
}

/// The tokens that were seen last, by their SHA-256.
pub struct VerifiedTokens(Cache<[u8; 32], Arc<Entry>>);

impl std::fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Verified").field(&self.0.len()).finish()
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl VerifiedTokens {
    /// The claims of a token that one of these keys signed, from memory where it was seen before.
    #[must_use]
    pub fn read(&self, keys: &Snapshot, token: &str) -> Option<AccessToken> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        // A key that was dropped vouches for nothing any more.
        if let Some(entry) = self.0.get(&digest).filter(|entry| keys.remembers(&entry.kid)) {
            return Some(entry.claims.clone());
        }
        let claims: AccessToken = keys.verify(Typ::AccessToken, token).ok()?;
        let kid = header(token).ok()?.kid?;
        self.0.insert(digest, Arc::new(Entry { kid, claims: claims.clone() }));
        Some(claims)
    }
}
