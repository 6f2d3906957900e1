//! Revocations, as they are told to resource servers.

use std::fmt;

use chrono::{DateTime, Utc};

use super::client::ClientId;
use super::wire::wire_enum;

wire_enum! {
    /// What a revocation names.
    RevokedKind {
        /// A family: `sid`.
        Family = "sid",
        /// One access token: `jti`.
        Token = "jti",
        /// A person: `sub`.
        Person = "sub",
        /// A client: `client_id`.
        Client = "client_id",
        /// A signing key: `kid`.
        Key = "kid",
        /// A provider of social login.
        Provider = "provider",
    }
}

/// Who may see a revocation besides those who may see all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audiences {
    /// Every resource server.
    Every,
    /// The resource servers with one of these audiences.
    These(Vec<String>),
    /// The resource servers with one of the audiences that are registered for this client.
    OfClient(ClientId),
    /// Nobody.
    Nobody,
}

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What `value` names.
    pub kind: RevokedKind,
    /// What was revoked.
    pub value: String,
    /// When.
    pub revoked_at: DateTime<Utc>,
    /// No token that it concerns lives longer than this.
    pub expires_at: DateTime<Utc>,
    /// Who may see it.
    pub audiences: Audiences,
}

impl Revocation {
    /// Tokens that were issued before this second are revoked; `None`: whenever they were issued.
    #[must_use]
    pub fn before(&self) -> Option<i64> {
        match self.kind {
            // Tokens say in seconds when they were issued.
            RevokedKind::Person | RevokedKind::Client | RevokedKind::Key => {
                Some(self.revoked_at.timestamp() + 1)
            }
            RevokedKind::Family | RevokedKind::Token | RevokedKind::Provider => None,
        }
    }
}

/// A place in the feed: everything up to this transaction was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub i64);

impl Cursor {
    /// Reads a cursor that was handed out. It is opaque to followers.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('r')?;
        let plain =
            (1..=18).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| plain).map(Self)?;
        // One place has one text.
        (number.to_string() == text).then_some(number)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cursor_that_was_handed_out_is_read() {
        for place in [0, 1, 7_000_000_000] {
            assert_eq!(Cursor::parse(&Cursor(place).to_string()), Some(Cursor(place)));
        }
        for nonsense in ["", "r", "1", "r-1", "r01", "r1 ", "R1", "r1.0", "r9999999999999999999"] {
            assert_eq!(Cursor::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
