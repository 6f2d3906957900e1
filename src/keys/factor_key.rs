//! The key that seals the secrets of one-time codes. It is random and sealed under the master key, so
//! the secrets of all people stay as they are when the master key changes.

use aws_lc_rs::hmac;

use super::named_keys;
use super::seal::{Sealer, open_salted, seal_salted};
use crate::domain::clock::Clock;
use crate::domain::secret::Secret;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::{Store, Tx};

/// Its name in the database.
const NAME: &str = "factors";

/// Seals the secrets of second factors. Each is bound to its person.
#[derive(Clone)]
pub struct FactorKey(hmac::Key);

impl std::fmt::Debug for FactorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FactorKey(…)")
    }
}

impl FactorKey {
    /// Reads and opens the key. It is created if there is none.
    pub async fn open(store: &Store, clock: &Clock, sealer: &Sealer) -> Result<Self, Fault> {
        let bytes = named_keys::open(store, clock, sealer, NAME).await?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose())))
    }

    /// Seals the secret of this person's one-time codes.
    pub fn seal(&self, user: &UserId, secret: &Secret<Vec<u8>>) -> Result<Vec<u8>, Fault> {
        seal_salted(&self.0, &bound(user), secret.expose())
    }

    /// Opens the secret of this person's one-time codes; `None` if it was not sealed by this key for
    /// this person.
    #[must_use]
    pub fn unseal(&self, user: &UserId, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        open_salted(&self.0, &bound(user), sealed)
    }
}

fn bound(user: &UserId) -> String {
    format!("one-time codes of {}", user.as_str())
}

/// Seals the key under another master key.
pub(super) async fn reseal(tx: &Tx, from: &Sealer, to: &Sealer) -> Result<(), Fault> {
    named_keys::reseal(tx, from, to, NAME).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random;

    #[test]
    fn a_secret_opens_for_its_person_and_key_alone() {
        let key = FactorKey(hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()));
        let other = FactorKey(hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()));
        let user = |name: &str| UserId::from_stored(name.to_owned());
        let secret = Secret::new(random::bytes::<20>().to_vec());
        let sealed = key.seal(&user("alice"), &secret).unwrap();
        assert_eq!(key.unseal(&user("alice"), &sealed), Some(secret));
        assert_eq!(key.unseal(&user("bob"), &sealed), None);
        assert_eq!(other.unseal(&user("alice"), &sealed), None);
    }
}
