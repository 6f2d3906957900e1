//! Secrets that are sent by mail: a link, and a code that the person types in the browser that
//! asked for it. Each belongs to one purpose and counts once.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

use super::random;
use super::secret::{Hashed, MailLink, Secret};
use super::session::BrowserId;
use super::user::UserId;
use super::wire::wire_enum;

wire_enum! {
    /// What a secret of a mail is for.
    MailPurpose {
        /// A person proves their address, to make an account.
        SignUp = "sign_up",
        /// An operator invites a person to make an account.
        Invitation = "invitation",
        /// A person who cannot sign in gets a new password.
        Recovery = "recovery",
        /// A person proves the new address of their account.
        NewAddress = "new_address",
        /// A person takes a change of their address back.
        UndoAddress = "undo_address",
        /// A person signs in with a code.
        SignInCode = "sign_in_code",
    }
}

impl MailPurpose {
    /// How long a secret of this purpose counts.
    #[must_use]
    pub fn life(self) -> Duration {
        match self {
            Self::SignUp | Self::NewAddress => Duration::hours(24),
            Self::Invitation | Self::UndoAddress => Duration::days(7),
            Self::Recovery | Self::SignInCode => Duration::minutes(30),
        }
    }

    /// Whether the mail has a code, too. A code counts only in the browser that asked.
    #[must_use]
    pub fn has_code(self) -> bool {
        matches!(self, Self::SignUp | Self::NewAddress | Self::SignInCode)
    }
}

/// How often a person may type a code.
pub const ATTEMPTS: i64 = 5;

/// The signs of a code: letters and digits that are not mistaken for one another. There are 32 of
/// them, so each is worth 5 bits, and a random byte selects each one equally often.
const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The number of signs: 40 bits together.
const LENGTH: usize = 8;

/// A code that is sent by mail: eight signs in two groups, like `ABCD-2345`.
#[derive(Clone, PartialEq, Eq)]
pub struct MailCode(Secret<String>);

impl fmt::Debug for MailCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailCode(…)")
    }
}

impl MailCode {
    /// A new random code.
    #[must_use]
    pub fn generate() -> Self {
        let bytes = random::bytes::<LENGTH>();
        let signs = bytes.into_iter().filter_map(|byte| SIGNS.get(usize::from(byte % 32)));
        Self::of(&signs.map(|sign| char::from(*sign)).collect::<String>())
    }

    /// Reads a code as a person types it: in lower case, without the hyphen, or with spaces it is
    /// the same code. `None` for a text that cannot be a code.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        if typed.len() > 256 {
            return None;
        }
        let signs = typed.nfkc().filter(|sign| !sign.is_whitespace() && !is_hyphen(*sign));
        let signs: Secret<String> =
            Secret::new(signs.map(|sign| sign.to_ascii_uppercase()).collect());
        let legal = |byte: u8| SIGNS.contains(&byte);
        let is_code = signs.expose().len() == LENGTH && signs.expose().bytes().all(legal);
        is_code.then(|| Self::of(signs.expose()))
    }

    fn of(signs: &str) -> Self {
        let (first, second) = signs.split_at_checked(LENGTH / 2).unwrap_or((signs, ""));
        Self(Secret::new(format!("{first}-{second}")))
    }

    /// The code as it is sent. The name `expose` makes the places that reveal a secret easy to
    /// find.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The form that is stored. Whoever reads it can find the code, but the code counts only in
    /// this browser, and the cookie that proves the browser cannot be found.
    #[must_use]
    pub fn hashed(&self, browser: &BrowserId) -> HashedMailCode {
        let mut hash = Sha256::new();
        hash.update(browser.as_str().len().to_be_bytes());
        hash.update(browser.as_str());
        hash.update(self.expose());
        HashedMailCode(hash.finalize().into())
    }
}

/// Whether a sign is one of the hyphens that keyboards and mail programs write.
fn is_hyphen(sign: char) -> bool {
    matches!(sign, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The hash of a code, in the browser that asked for it.
#[derive(Clone, Copy)]
pub struct HashedMailCode([u8; 32]);

impl fmt::Debug for HashedMailCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedMailCode(…)")
    }
}

impl PartialEq for HashedMailCode {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl HashedMailCode {
    /// Reads the stored form back. `None` when it is not 32 bytes.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_stored(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// To whom a secret belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailSecretOwner {
    /// An account, in the version that it had when the secret was made. When its password, address,
    /// state or second factor changes, the secret counts no longer.
    Account(UserId, i64),
    /// An account in any version: a change of the account does not end the secret.
    AnyVersion(UserId),
    /// Whoever has this address, as a canonical key. Nobody's account belongs to it.
    Address(String),
}

/// A secret as it is stored.
#[derive(Clone, Debug)]
pub struct MailSecret {
    /// The hash of the link.
    pub link: Hashed<MailLink>,
    /// The hash of the code, if the mail has one.
    pub code: Option<HashedMailCode>,
    /// What the secret is for.
    pub purpose: MailPurpose,
    /// To whom it belongs.
    pub owner: MailSecretOwner,
    /// The browser that asked for it; `None` if an operator or this server itself made it.
    pub browser: Option<BrowserId>,
    /// What the purpose keeps with it, as JSON. It must be harmless to whoever reads the database.
    pub payload: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops to count.
    pub expires_at: DateTime<Utc>,
    /// When it was used, or replaced by a newer one.
    pub spent_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_counts_however_a_person_types_it() {
        let code = MailCode::read("ABCD-2345").unwrap();
        assert_eq!(code.expose(), "ABCD-2345");
        for same in
            ["abcd2345", " AbCd 2345 ", "ＡＢＣＤ－２３４５", "abcd\u{2013}2345", "a-b-c-d-2-3-4-5"]
        {
            assert_eq!(MailCode::read(same).as_ref(), Some(&code), "{same}");
        }
        for other in
            ["", "ABCD-234", "ABCD-23456", "ABCD-2340", "ABCD-234I", "ABCD-234é", "ABC\0-2345"]
        {
            assert_eq!(MailCode::read(other), None, "{other}");
        }
        assert_eq!(MailCode::read(&"-".repeat(10_000)), None);
    }

    #[test]
    fn a_code_has_forty_bits_and_shows_itself_to_nobody() {
        let code = MailCode::generate();
        assert_eq!(MailCode::read(code.expose()).as_ref(), Some(&code));
        assert_ne!(code, MailCode::generate());
        assert_eq!(format!("{code:?}"), "MailCode(…)");
        let signs: std::collections::BTreeSet<_> = SIGNS.iter().collect();
        assert_eq!(signs.len(), 32);
        assert!(!SIGNS.iter().any(|sign| b"01IO".contains(sign)));
        let browser = |name: &str| BrowserId::from_stored(name.to_owned());
        assert!(code.hashed(&browser("a")) == code.hashed(&browser("a")));
        assert!(code.hashed(&browser("a")) != code.hashed(&browser("b")));
    }
}
