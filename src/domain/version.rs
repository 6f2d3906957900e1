//! What something was when somebody saw it, so that they do not undo a change that they never saw.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The version of a thing: the hash of everything that it is. Two versions are equal if nothing
/// differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version of this state.
    #[must_use]
    pub fn of(state: &Value) -> Self {
        let hash = Sha256::digest(state.to_string().as_bytes());
        Self(URL_SAFE_NO_PAD.encode(hash))
    }

    /// Reads the version from a strong entity tag, RFC 9110 §8.8.3. A weak one is none.
    #[must_use]
    pub fn from_etag(etag: &str) -> Option<Self> {
        let opaque = etag.trim().strip_prefix('"')?.strip_suffix('"')?;
        (!opaque.is_empty() && !opaque.contains('"')).then(|| Self(opaque.to_owned()))
    }

    /// The strong entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_survives_the_entity_tag_and_changes_with_the_state() {
        let version = Version::of(&json!({ "name": "a" }));
        assert_eq!(Version::from_etag(&version.etag()), Some(version.clone()));
        assert_ne!(Version::of(&json!({ "name": "b" })), version);
    }

    #[test]
    fn what_is_no_strong_entity_tag_is_no_version() {
        for text in ["", "abc", "W/\"abc\"", "\"\"", "\"a\", \"b\"", "*"] {
            assert_eq!(Version::from_etag(text), None, "{text}");
        }
    }
}
