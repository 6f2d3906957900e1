//! Refresh tokens, RFC 6749 §1.5: their content, and whether they are valid.
//!
//! A token carries its family, its [`TokenPosition`] in it and a tag. The tag is made with the
//! rotation key over both and over the salt of the family's row. A token cannot be made from what
//! is stored: not even its hash is stored.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::family::{Family, FamilyId};
use super::secret::{Plain, RefreshToken};
use super::session::AttachedSession;
use super::succession::{Succession, TokenPosition};

/// The content of a refresh token. It must not be trusted before its tag was verified.
#[derive(Clone, Debug)]
pub struct ParsedRefreshToken {
    /// The family.
    pub family: FamilyId,
    /// Its position in the family.
    pub place: TokenPosition,
    /// The tag that proves that we made it.
    pub tag: [u8; 32],
}

const LENGTH: usize = 16 + 4 + 4 + 32;

impl ParsedRefreshToken {
    /// Reads a token; `None` if it does not have the form of one of ours.
    #[must_use]
    pub fn read(token: &Plain<RefreshToken>) -> Option<Self> {
        let bytes = token.to_bytes().filter(|bytes| bytes.expose().len() == LENGTH)?;
        let (family, rest) = bytes.expose().split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let (attempt, tag) = rest.split_first_chunk::<4>()?;
        Some(Self {
            family: FamilyId::from_stored(Uuid::from_bytes(*family).to_string()),
            place: TokenPosition {
                generation: u32::from_be_bytes(*generation),
                attempt: u32::from_be_bytes(*attempt),
            },
            tag: tag.try_into().ok()?,
        })
    }
}

/// The bytes that the tag signs and that the token carries: family and position. `None` for a
/// family whose identifier is not a UUID.
#[must_use]
pub fn body(family: &FamilyId, place: TokenPosition) -> Option<[u8; 24]> {
    let family = Uuid::try_parse(family.as_str()).ok()?.into_bytes();
    let (generation, attempt) = (place.generation.to_be_bytes(), place.attempt.to_be_bytes());
    let parts = [family.as_slice(), &generation, &attempt].concat();
    parts.try_into().ok()
}

/// A family with everything that decides whether its refresh tokens are valid.
#[derive(Clone, Debug)]
pub struct Refreshable {
    /// The family.
    pub family: Arc<Family>,
    /// The state of its refresh tokens.
    pub succession: Succession,
    /// Whether the user's account is enabled.
    pub user_enabled: bool,
    /// The lifetime of the browser session from which the family came, while that session exists.
    pub session: Option<AttachedSession>,
}

/// Why no refresh token of a family is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The family was revoked, or something on which it depends has ended.
    Family,
    /// The family was not used for too long.
    Idle,
}

impl Refreshable {
    /// Why no token of this family is valid at this instant. `admitted` says whether the provider
    /// with which the person signed in may still be used. `/token`, introspection and the command
    /// line share this rule.
    #[must_use]
    pub fn ended(&self, now: DateTime<Utc>, admitted: bool) -> Option<Ended> {
        // Core §11: without `offline_access` the family ends with its browser session.
        let session_ended = self.family.bound_to().is_some()
            && self.session.is_none_or(|session| !session.is_live(now));
        if !self.family.is_live(now) || !self.user_enabled || !admitted || session_ended {
            return Some(Ended::Family);
        }
        (self.succession.idle_ends_at <= now).then_some(Ended::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        let family = FamilyId::generate();
        let place = TokenPosition { generation: 7, attempt: u32::MAX };
        let body = body(&family, place).unwrap();
        let bytes = [body.as_slice(), &[9; 32]].concat();
        let token = Plain::from_bytes(&bytes);
        assert!(token.expose().len() <= 120 && token.expose().starts_with("mapae_rt_"));
        let read = ParsedRefreshToken::read(&token).unwrap();
        assert_eq!((read.family, read.place, read.tag), (family, place, [9; 32]));
        let text = token.expose();
        for wrong in [
            "",
            "mapae_rt_",
            &text[9..],
            &text[..text.len() - 1],
            &format!("{text}A"),
            &format!("{text}="),
            &format!("{text} "),
            &text.to_uppercase(),
        ] {
            assert!(ParsedRefreshToken::read(&Plain::presented(wrong)).is_none(), "{wrong}");
        }
        assert!(super::body(&FamilyId::from_stored("family".to_owned()), place).is_none());
    }
}
