//! Recovery codes: they stand in for one-time codes when the device that makes those is lost.

use sha2::{Digest, Sha256};

use super::secret::Secret;

/// How many codes a set has.
pub const SET: usize = 10;
/// With this many left, the person is told to make new ones.
pub const FEW: u64 = 3;
/// The signs of a code: digits and capital letters, without those that look alike.
const SIGNS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// How many signs a code has: 80 bits.
const LENGTH: usize = 16;
/// How many signs stand together.
const GROUP: usize = 4;

/// The hash of a code, under which it is stored.
pub type HashedRecoveryCode = [u8; 32];

/// A recovery code that was typed or is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryCode(Secret<String>);

impl RecoveryCode {
    /// The set of codes that follows from a random seed.
    #[must_use]
    pub fn set(seed: &Secret<Vec<u8>>) -> Vec<Self> {
        (0..SET).map(|number| Self::numbered(seed, number)).collect()
    }

    fn numbered(seed: &Secret<Vec<u8>>, number: usize) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"recovery code ");
        hash.update(number.to_be_bytes());
        hash.update(seed.expose());
        // 32 signs: every byte gives one, by five of its bits.
        let sign = |byte: u8| SIGNS.get(usize::from(byte % 32)).copied().map(char::from);
        Self(Secret::new(hash.finalize().into_iter().take(LENGTH).filter_map(sign).collect()))
    }

    /// Reads what a person typed: small letters, spaces and hyphens do not matter.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let signs = typed.chars().filter(|sign| !sign.is_whitespace() && *sign != '-');
        let code: Secret<String> =
            Secret::new(signs.take(LENGTH + 1).map(|sign| sign.to_ascii_uppercase()).collect());
        let known = code.expose().bytes().all(|sign| SIGNS.contains(&sign));
        (known && code.expose().len() == LENGTH).then_some(Self(code))
    }

    /// The code as people read it: in groups.
    #[must_use]
    pub fn shown(&self) -> String {
        let signs: Vec<char> = self.0.expose().chars().collect();
        let groups = signs.chunks(GROUP).map(|group| group.iter().collect::<String>());
        groups.collect::<Vec<_>>().join("-")
    }

    /// The hash under which it is stored. A code has 80 random bits, so a fast hash is enough.
    #[must_use]
    pub fn hashed(&self) -> HashedRecoveryCode {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_set_has_ten_codes_of_eighty_bits_that_people_can_type() {
        let seed = Secret::new(vec![7; 32]);
        let set = RecoveryCode::set(&seed);
        let shown: BTreeSet<String> = set.iter().map(RecoveryCode::shown).collect();
        assert_eq!(shown.len(), SET);
        for (code, shown) in set.iter().zip(set.iter().map(RecoveryCode::shown)) {
            assert_eq!(shown.len(), 19);
            for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " ")] {
                assert_eq!(RecoveryCode::read(&typed).as_ref(), Some(code), "{typed}");
            }
            assert_eq!(RecoveryCode::read(&shown).map(|read| read.hashed()), Some(code.hashed()));
        }
        assert_eq!(set, RecoveryCode::set(&seed));
        assert_ne!(set, RecoveryCode::set(&Secret::new(vec![8; 32])));
    }

    #[test]
    fn what_is_no_code_is_not_read() {
        for typed in
            ["", "ABCD", "ABCD-EFGH-JKLM-NPQ", "ABCD-EFGH-JKLM-NPQRS", "ABCD-EFGH-JKLM-NPQ0"]
        {
            assert_eq!(RecoveryCode::read(typed), None, "{typed}");
        }
    }
}
