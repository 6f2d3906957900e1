//! The `sub` by which clients know people, OpenID Connect Core §8. Pairwise ones are made with a key
//! that is random and sealed under the master key; nothing replaces it, because every such `sub` would
//! change with it.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::named_keys;
use super::seal::Sealer;
use crate::domain::client::{Client, SubjectType};
use crate::domain::clock::Clock;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::store::{Store, Tx};

/// Its name in the database.
const NAME: &str = "pairwise";

/// Says by which `sub` a client knows a person.
#[derive(Clone)]
pub struct Subjects(hmac::Key);

impl std::fmt::Debug for Subjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subjects(…)")
    }
}

impl Subjects {
    /// Reads and opens the key of pairwise subjects. It is created if there is none.
    pub async fn open(store: &Store, clock: &Clock, sealer: &Sealer) -> Result<Self, Fault> {
        let bytes = named_keys::open(store, clock, sealer, NAME).await?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose())))
    }

    /// The `sub` of this person at this client.
    #[must_use]
    pub fn of<'a>(&self, client: &Client, user: &'a UserId) -> Cow<'a, str> {
        match client.metadata.subject_type {
            SubjectType::Public => Cow::Borrowed(user.as_str()),
            SubjectType::Pairwise => {
                // Registration makes sure that there is a sector. Without one nobody shares it.
                let sector = client.metadata.sector();
                let sector = sector.unwrap_or_else(|| format!("client {}", client.id));
                Cow::Owned(self.pairwise(&sector, user))
            }
        }
    }

    /// OpenID Connect Core §8.1: nobody but this server can tell the person or another `sub` from it.
    fn pairwise(&self, sector: &str, user: &UserId) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [sector, user.as_str()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

/// Seals the key under another master key.
pub(super) async fn reseal(tx: &Tx, from: &Sealer, to: &Sealer) -> Result<(), Fault> {
    named_keys::reseal(tx, from, to, NAME).await
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::client::{ClientId, ClientKind};

    fn client(id: &str, uri: &str, sector: Option<&str>) -> Client {
        let id = ClientId::parse(id).unwrap();
        let mut client = Client::new(id, ClientKind::Confidential, DateTime::UNIX_EPOCH);
        client.metadata.redirect_uris = vec![uri.to_owned()];
        client.metadata.subject_type = SubjectType::Pairwise;
        client.metadata.sector_identifier_uri = sector.map(str::to_owned);
        client
    }

    #[test]
    fn core_8_1_a_sub_is_of_one_sector_one_person_and_one_key() {
        let key = |byte| Subjects(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]));
        let user = |name: &str| UserId::from_stored(name.to_owned());
        let (alice, bob) = (user("alice"), user("bob"));
        let a = client("a", "https://a.example/cb", None);
        let b = client("b", "https://b.example/cb", None);
        let sub = key(1).of(&a, &alice).into_owned();
        assert_eq!(sub.len(), 43);
        assert!(!sub.contains("alice"));
        // Another client of the same host, or of a document at this host, is of the same sector.
        assert_eq!(key(1).of(&client("c", "https://A.example:8443/x", None), &alice), sub);
        let listed = client("d", "https://d.example/cb", Some("https://a.example/uris.json"));
        assert_eq!(key(1).of(&listed, &alice), sub);
        for other in [key(1).of(&b, &alice), key(1).of(&a, &bob), key(2).of(&a, &alice)] {
            assert_ne!(other, sub);
        }
        let mut public = a.clone();
        public.metadata.subject_type = SubjectType::Public;
        assert_eq!(key(1).of(&public, &alice), "alice");
        // Without a sector a client has one of its own.
        let none = |id| client(id, "com.example.app:/cb", None);
        assert_ne!(key(1).of(&none("e"), &alice), key(1).of(&none("f"), &alice));
    }
}
