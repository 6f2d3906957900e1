//! Seals the challenges of passkeys. A page carries a challenge to a browser and back, so nothing
//! is written for it.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::seal::{Label, MasterKey, open_salted, seal_salted};
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// Seals challenges.
#[derive(Clone)]
pub struct PasskeyChallengeKey(hmac::Key);

impl std::fmt::Debug for PasskeyChallengeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasskeyChallengeKey(…)")
    }
}

impl PasskeyChallengeKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::PasskeyChallenges)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// Seals a challenge for this purpose. The result is base64url.
    pub fn seal(&self, purpose: &str, challenge: &[u8]) -> Result<String, Fault> {
        Ok(URL_SAFE_NO_PAD.encode(seal_salted(&self.0, purpose, challenge)?))
    }

    /// Opens a challenge that was sealed for this purpose; `None` for any other text.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Secret<Vec<u8>>> {
        open_salted(&self.0, purpose, &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_opens_for_its_purpose_alone() {
        let key = PasskeyChallengeKey::new(&MasterKey::generate()).unwrap();
        let sealed = key.seal("sign-in a b", b"challenge").unwrap();
        assert_eq!(key.open("sign-in a b", &sealed).unwrap().expose().as_slice(), b"challenge");
        assert!(key.open("sign-in a c", &sealed).is_none());
        for bad in ["", "!", &sealed[1..], &sealed[..sealed.len() - 4]] {
            assert!(key.open("sign-in a b", bad).is_none(), "{bad}");
        }
        let other = PasskeyChallengeKey::new(&MasterKey::generate()).unwrap();
        assert!(other.open("sign-in a b", &sealed).is_none());
    }

    /// A challenge is accepted once, by the hash of its text, so no other text may open as it.
    #[test]
    fn a_challenge_has_one_text() {
        let key = PasskeyChallengeKey::new(&MasterKey::generate()).unwrap();
        for length in 0..4 {
            let sealed = key.seal("p", &vec![7; length]).unwrap();
            for last in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=" {
                let mut other = sealed.clone();
                other.pop();
                other.push(char::from(*last));
                assert!(other == sealed || key.open("p", &other).is_none(), "{other}");
            }
            assert!(key.open("p", &format!("{sealed}=")).is_none());
        }
    }
}
