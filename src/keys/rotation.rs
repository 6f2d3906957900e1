//! The rotation key, with which refresh tokens are made. It is random and sealed under the master
//! key, so refresh tokens stay valid when the master key changes.

use aws_lc_rs::hmac;

use super::named_keys;
use super::seal::Sealer;
use crate::domain::clock::Clock;
use crate::domain::family::FamilyId;
use crate::domain::refresh::{self, ParsedRefreshToken};
use crate::domain::secret::{Plain, RefreshToken, Secret};
use crate::domain::succession::{Salt, TokenPosition};
use crate::domain::verdict::Fault;
use crate::store::{Store, Tx};

/// Its name in the database.
const NAME: &str = "rotation";

/// Makes and verifies refresh tokens: HMAC-SHA256 over the salt of the family, its id, and the
/// position of the token.
#[derive(Clone)]
pub struct RotationKey(hmac::Key);

impl std::fmt::Debug for RotationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RotationKey(…)")
    }
}

impl RotationKey {
    /// Reads and opens the key. It is created if there is none.
    pub async fn open(store: &Store, clock: &Clock, sealer: &Sealer) -> Result<Self, Fault> {
        let bytes = named_keys::open(store, clock, sealer, NAME).await?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose())))
    }

    /// The key that consists of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The refresh token at this position of this family.
    pub fn token(
        &self,
        salt: Salt,
        family: &FamilyId,
        place: TokenPosition,
    ) -> Result<Plain<RefreshToken>, Fault> {
        let body = refresh::body(family, place)
            .ok_or_else(|| Fault::internal("making a refresh token", "the family is not a UUID"))?;
        let tag = hmac::sign(&self.0, &[salt.0.as_slice(), &body].concat());
        let token = Secret::new([body.as_slice(), tag.as_ref()].concat());
        Ok(Plain::from_bytes(token.expose()))
    }

    /// Whether we made this token for a family with this salt. It is compared in constant time.
    #[must_use]
    pub fn made(&self, salt: Salt, token: &ParsedRefreshToken) -> bool {
        let Some(body) = refresh::body(&token.family, token.place) else { return false };
        hmac::verify(&self.0, &[salt.0.as_slice(), &body].concat(), &token.tag).is_ok()
    }
}

/// Replaces the key by a new one: every refresh token becomes invalid.
pub async fn replace(tx: &Tx, sealer: &Sealer) -> Result<(), Fault> {
    named_keys::replace(tx, sealer, NAME).await
}

/// Seals the key under another master key.
pub async fn reseal(tx: &Tx, from: &Sealer, to: &Sealer) -> Result<(), Fault> {
    named_keys::reseal(tx, from, to, NAME).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random;

    #[test]
    fn a_token_is_made_for_one_key_salt_family_and_place() {
        let key = RotationKey::from_bytes(&random::bytes());
        let (salt, family) = (Salt::generate(), FamilyId::generate());
        let place = TokenPosition { generation: 1, attempt: 2 };
        let token = key.token(salt, &family, place).unwrap();
        assert_eq!(token.expose(), key.token(salt, &family, place).unwrap().expose());
        let presented = ParsedRefreshToken::read(&token).unwrap();
        assert!(key.made(salt, &presented));
        assert!(!key.made(Salt::generate(), &presented), "another salt");
        let other = RotationKey::from_bytes(&random::bytes());
        assert!(!other.made(salt, &presented), "another key");
        for changed in [
            ParsedRefreshToken { family: FamilyId::generate(), ..presented.clone() },
            ParsedRefreshToken {
                place: TokenPosition { generation: 2, attempt: 2 },
                ..presented.clone()
            },
            ParsedRefreshToken {
                place: TokenPosition { generation: 1, attempt: 3 },
                ..presented.clone()
            },
            ParsedRefreshToken { tag: [0; 32], ..presented },
        ] {
            assert!(!key.made(salt, &changed), "{changed:?}");
        }
    }
}
