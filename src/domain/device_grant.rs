//! Sign-ins on devices without a browser, RFC 8628: a television, a command line. The person allows
//! it in a browser elsewhere, with a code that the device shows.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::authorization::Granted;
use super::client::ClientId;
use super::random;
use super::scope::Scope;
use super::secret::{DeviceCode, Hashed};

/// The letters of a code: no vowels, so that no word comes out of it (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many letters a code has: 34 bits, of which few can be tried in the time that it lives.
const LENGTH: usize = 8;

/// The code that a device shows and a person types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserCode(String);

impl UserCode {
    /// A new code.
    #[must_use]
    pub fn generate() -> Self {
        let mut code = String::new();
        while code.len() < LENGTH {
            // A byte from 240 on is left out, so that every letter is as likely as any other.
            let signs = random::bytes::<16>().into_iter().filter(|byte| *byte < 240);
            let signs = signs.filter_map(|byte| LETTERS.get(usize::from(byte % 20)).copied());
            code.extend(signs.map(char::from).take(LENGTH - code.len()));
        }
        Self(code)
    }

    /// Reads what a person typed: the case, spaces and hyphens do not matter.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let signs = typed.chars().filter(|sign| !sign.is_whitespace() && *sign != '-');
        let code: String = signs.take(LENGTH + 1).map(|sign| sign.to_ascii_uppercase()).collect();
        let known = code.bytes().all(|sign| LETTERS.contains(&sign));
        (known && code.len() == LENGTH).then_some(Self(code))
    }

    /// The code as people read it: two halves.
    #[must_use]
    pub fn shown(&self) -> String {
        let (first, second) = self.0.split_at(self.0.len() / 2);
        format!("{first}-{second}")
    }

    /// The hash under which it is stored.
    #[must_use]
    pub fn hashed(&self) -> Vec<u8> {
        Sha256::digest([b"user code of a device ", self.0.as_bytes()].concat()).to_vec()
    }
}

impl TryFrom<String> for UserCode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text).ok_or("it is no user code")
    }
}

impl From<UserCode> for String {
    fn from(code: UserCode) -> Self {
        code.0
    }
}

/// What a device asks for, and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AskedByDevice {
    /// The requested scope.
    pub scope: Scope,
    /// The requested resources, RFC 8707.
    pub resources: Vec<String>,
    /// The network address of the device.
    pub address: Option<String>,
    /// The `User-Agent` of the device.
    pub user_agent: Option<String>,
}

/// A sign-in on a device.
#[derive(Clone, Debug)]
pub struct DeviceGrant {
    /// The hash of the device code.
    pub hash: Hashed<DeviceCode>,
    /// The hash of the code that the person types.
    pub user_code_hash: Vec<u8>,
    /// The client on the device.
    pub client: ClientId,
    /// What it asks for.
    pub asked: AskedByDevice,
    /// How long the device waits between two polls.
    pub pause: Duration,
    /// When the device polled last.
    pub polled_at: Option<DateTime<Utc>>,
    /// When the codes were made.
    pub created_at: DateTime<Utc>,
    /// When they expire.
    pub expires_at: DateTime<Utc>,
    /// What the person granted.
    pub granted: Option<Granted>,
    /// When the person said yes or no.
    pub decided_at: Option<DateTime<Utc>>,
    /// When the device got its tokens.
    pub spent_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8628_6_1_a_code_is_typed_in_any_case_with_or_without_hyphen() {
        for _ in 0..100 {
            let code = UserCode::generate();
            let shown = code.shown();
            assert_eq!((shown.len(), shown.as_bytes()[4]), (9, b'-'));
            assert!(!shown.contains(['A', 'E', 'I', 'O', 'U', 'Y']), "{shown}");
            for typed in [
                shown.clone(),
                shown.to_lowercase(),
                shown.replace('-', ""),
                shown.replace('-', " "),
                format!(" {shown} "),
            ] {
                assert_eq!(UserCode::read(&typed), Some(code.clone()), "{typed}");
            }
        }
        for bad in
            ["", "BCDF-GHJ", "BCDF-GHJKL", "ABCD-FGHJ", "BCDF-GHJ1", "BCDF_GHJK", "비밀번호입니다"]
        {
            assert_eq!(UserCode::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_two_codes_are_the_same() {
        assert_ne!(UserCode::generate(), UserCode::generate());
    }
}
