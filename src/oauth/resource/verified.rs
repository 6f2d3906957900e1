//! Remembers access tokens whose signature was verified, because a resource server may present the
//! same token with each of its requests. Only the signature is remembered; whether the token is
//! still valid is asked every time.

use std::sync::Arc;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use crate::keys::jwt::{Typ, header};
use crate::keys::keyring::Snapshot;
use crate::oauth::claims::AccessToken;

/// How many tokens are remembered. The claims of one take about half a kilobyte.
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
    /// The claims of a token that one of these keys signed. They come from memory if the token was
    /// seen before.
    #[must_use]
    pub fn read(&self, keys: &Snapshot, token: &str) -> Option<AccessToken> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        // If the key was dropped, the remembered signature does not count any more.
        if let Some(entry) = self.0.get(&digest).filter(|entry| keys.remembers(&entry.kid)) {
            return Some(entry.claims.clone());
        }
        let claims: AccessToken = keys.verify(Typ::AccessToken, token).ok()?;
        let kid = header(token).ok()?.kid?;
        self.0.insert(digest, Arc::new(Entry { kid, claims: claims.clone() }));
        Some(claims)
    }
}
