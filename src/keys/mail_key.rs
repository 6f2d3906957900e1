//! The key under which mails are sealed that wait to be sent. It is random and sealed under the
//! master key, so a change of the master key leaves these mails alone.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::named_keys;
use super::seal::{Sealer, open_salted, seal_salted};
use crate::domain::clock::Clock;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::store::{Store, Tx};

/// Its name in the database.
const NAME: &str = "mails";
/// What is sealed.
const WAITING: &str = "a mail that waits";

/// Seals mails, each under a key of its own.
#[derive(Clone)]
pub struct MailKey(hmac::Key);

impl std::fmt::Debug for MailKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailKey(…)")
    }
}

impl MailKey {
    /// Reads and opens the key. It is created if there is none.
    pub async fn open(store: &Store, clock: &Clock, sealer: &Sealer) -> Result<Self, Fault> {
        let bytes = named_keys::open(store, clock, sealer, NAME).await?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose())))
    }

    /// Seals the bytes of a mail. The result is base64url.
    pub fn seal(&self, mail: &[u8]) -> Result<String, Fault> {
        Ok(URL_SAFE_NO_PAD.encode(seal_salted(&self.0, WAITING, mail)?))
    }

    /// Opens a mail; `None` for a text that was not sealed by this key.
    #[must_use]
    pub fn unseal(&self, text: &str) -> Option<Secret<Vec<u8>>> {
        open_salted(&self.0, WAITING, &URL_SAFE_NO_PAD.decode(text).ok()?)
    }
}

/// Seals the key under another master key.
pub(super) async fn reseal(tx: &Tx, from: &Sealer, to: &Sealer) -> Result<(), Fault> {
    named_keys::reseal(tx, from, to, NAME).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_opens_under_its_key_alone() {
        let key = |byte| MailKey(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]));
        let sealed = key(1).seal(b"hush").unwrap();
        assert_ne!(key(1).seal(b"hush").unwrap(), sealed);
        assert_eq!(key(1).unseal(&sealed).unwrap().expose().as_slice(), b"hush");
        assert!(key(2).unseal(&sealed).is_none());
        assert!(key(1).unseal(&sealed[4..]).is_none());
        assert!(key(1).unseal("!").is_none());
    }
}
