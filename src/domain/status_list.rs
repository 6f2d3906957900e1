//! Status lists (Token Status List): bits that say which tokens were revoked. A token names a list
//! and its place in it.

use sha2::{Digest, Sha256};

use super::wire::wire_enum;

wire_enum! {
    /// Which access tokens of a client name their place in a status list.
    #[derive(Default)]
    StatusListMode {
        /// None of them.
        #[default]
        Off = "false",
        /// Those of people.
        Families = "true",
        /// Those of people, and each one that the client gets for itself.
        Each = "each",
    }
}

impl StatusListMode {
    /// Whether tokens of people have a place.
    #[must_use]
    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}

/// The place of a token: the number of its list, and its index in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusIndex {
    /// The number of the list.
    pub list: i64,
    /// The index in the list.
    pub index: u32,
}

/// The seed of the order in which a list hands out its indices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 16]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// The index that is handed out at this turn, from 0: a pseudorandom permutation of all indices of
/// the list, so no index is handed out twice, and none tells when its token was issued. `None` when
/// the list has fewer entries.
#[must_use]
pub fn index_at(seed: Seed, entries: u32, turn: u32) -> Option<u32> {
    if turn >= entries {
        return None;
    }
    // A Feistel network over the next even number of bits; what falls outside of the list goes
    // through it again. This is a permutation of the list, too.
    let bits = 32 - entries.saturating_sub(1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut value = u64::from(turn);
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (scrambled(seed, round, right) & mask));
        }
        value = (left << half) | right;
        if value < u64::from(entries) {
            return u32::try_from(value).ok();
        }
    }
}

const ROUNDS: u8 = 6;

fn scrambled(seed: Seed, round: u8, value: u64) -> u64 {
    let digest = Sha256::new_with_prefix(seed.0).chain_update([round]);
    let digest = digest.chain_update(value.to_be_bytes()).finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The bits of a list: 1 means revoked. The bits of a byte begin with the least significant one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits(Vec<u8>);

impl Bits {
    /// A list of this many tokens, none of which is revoked.
    #[must_use]
    pub fn clear(entries: u32) -> Self {
        Self(vec![0; bytes(entries)])
    }

    /// A list of this many tokens, all of which are revoked.
    #[must_use]
    pub fn all(entries: u32) -> Self {
        Self(vec![0xFF; bytes(entries)])
    }

    /// Revokes the token at this index. An index outside of the list changes nothing.
    pub fn set(&mut self, index: u32) {
        if let Some(byte) = self.0.get_mut(place(index)) {
            *byte |= 1 << (index % 8);
        }
    }

    /// Whether the token at this index is revoked.
    #[must_use]
    pub fn is_set(&self, index: u32) -> bool {
        self.0.get(place(index)).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    /// How many tokens are revoked.
    #[must_use]
    pub fn count_set(&self) -> u64 {
        self.0.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// The bytes of the list, before they are compressed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn place(index: u32) -> usize {
    usize::try_from(index / 8).unwrap_or(usize::MAX)
}

fn bytes(entries: u32) -> usize {
    usize::try_from(entries.div_ceil(8)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_index_is_handed_out_once(seed in any::<[u8; 16]>(), entries in 1_u32..700) {
            let turns = 0..entries;
            let handed: BTreeSet<_> =
                turns.filter_map(|turn| index_at(Seed(seed), entries, turn)).collect();
            prop_assert_eq!(handed, (0..entries).collect::<BTreeSet<_>>());
            prop_assert_eq!(index_at(Seed(seed), entries, entries), None);
        }

        #[test]
        fn a_bit_is_set_for_its_index_alone_and_stays(
            entries in 1_u32..5000,
            indices in prop::collection::vec(any::<u32>(), 0..60),
        ) {
            let mut bits = Bits::clear(entries);
            let set: BTreeSet<u32> = indices.iter().map(|index| index % entries).collect();
            for index in &indices {
                bits.set(index % entries);
            }
            for index in 0..entries {
                prop_assert_eq!(bits.is_set(index), set.contains(&index));
            }
            prop_assert_eq!(bits.count_set(), set.len() as u64);
            prop_assert!((0..entries).all(|index| Bits::all(entries).is_set(index)));
        }
    }

    #[test]
    fn the_order_depends_on_the_seed_and_tells_no_turn() {
        let order =
            |seed| (0..1000).map(move |turn| index_at(Seed([seed; 16]), 1 << 20, turn).unwrap());
        let (one, other): (Vec<_>, Vec<_>) = (order(1).collect(), order(2).collect());
        assert_ne!(one, other);
        let near = one.windows(2).filter(|two| two[0].abs_diff(two[1]) < 1 << 10).count();
        assert!(near < 20, "{near} neighbours in time are neighbours in the list");
    }

    /// The example of a list of 16 tokens with one bit each.
    #[test]
    fn status_list_4_1_the_bits_of_a_byte_begin_with_the_least_significant_one() {
        let mut bits = Bits::clear(16);
        for index in [0, 3, 4, 5, 7, 8, 9, 13, 15] {
            bits.set(index);
        }
        assert_eq!(bits.as_bytes(), [0xB9, 0xA3]);
        bits.set(16);
        assert_eq!(bits.as_bytes(), [0xB9, 0xA3], "outside of the list");
    }
}
