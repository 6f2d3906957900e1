//! The key of what is kept of a request that may be sent again: a body may hold a password, and nobody
//! who reads the database can try passwords on a tag without this key.

use std::fmt;

use aws_lc_rs::hmac;

use super::seal::{Label, MasterKey};
use crate::domain::verdict::Fault;

/// Makes the tags of requests.
#[derive(Clone)]
pub struct RepeatKey(hmac::Key);

impl fmt::Debug for RepeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RepeatKey(…)")
    }
}

impl RepeatKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::RepeatedCreations)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The tag of a request: of the operation and of the body.
    #[must_use]
    pub fn tag(&self, what: &[u8], body: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [what, body] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        tag
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_tag_is_of_one_request_and_needs_the_master_key() {
        let master = MasterKey::generate();
        let key = RepeatKey::new(&master).unwrap();
        let tag = key.tag(b"/users", b"{}");
        assert_eq!(RepeatKey::new(&master).unwrap().tag(b"/users", b"{}"), tag);
        for (what, body) in [(&b"/users"[..], &b"{ }"[..]), (b"/groups", b"{}"), (b"/user", b"s{}")]
        {
            assert_ne!(key.tag(what, body), tag);
        }
        assert_ne!(RepeatKey::new(&MasterKey::generate()).unwrap().tag(b"/users", b"{}"), tag);
        let mut plain = Sha256::new();
        for part in [&b"/users"[..], b"{}"] {
            plain.update((part.len() as u64).to_be_bytes());
            plain.update(part);
        }
        assert_ne!(<[u8; 32]>::from(plain.finalize()), tag);
    }
}
