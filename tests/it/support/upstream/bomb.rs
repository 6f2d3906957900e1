//! A small compressed answer that becomes a large one.

use serde_json::Value;

use super::messages::Answer;

/// This JSON after this many spaces, compressed by gzip to less than a hundredth of its size.
pub(super) fn of(value: &Value, spaces: usize) -> Answer {
    Answer::new(200, "application/json", gzip(&value.to_string(), spaces))
        .with("content-encoding", "gzip")
}

/// A gzip file (RFC 1952) around one block with the fixed codes (RFC 1951): a space, "repeat it 258
/// times" again and again, and the text.
fn gzip(text: &str, spaces: usize) -> Vec<u8> {
    const LONGEST: usize = 258;
    let runs = spaces.saturating_sub(1) / LONGEST;
    let mut bits = Bits { bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], used: 8 };
    // The last block, with fixed codes.
    bits.code(0b110, 3);
    bits.literal(b' ');
    for _ in 0..runs {
        // Length 258, distance 1.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    text.bytes().for_each(|byte| bits.literal(byte));
    // The end of the block.
    bits.code(0, 7);
    let length = 1 + runs * LONGEST;
    let plain = std::iter::repeat_n(b' ', length).chain(text.bytes());
    let mut bytes = bits.bytes;
    bytes.extend(crc32(plain).to_le_bytes());
    bytes.extend(u32::try_from(length + text.len()).expect("less than 4 GB").to_le_bytes());
    bytes
}

struct Bits {
    bytes: Vec<u8>,
    /// The number of bits used in the last byte.
    used: u32,
}

impl Bits {
    /// Writes the bits of a code, the highest bit first.
    fn code(&mut self, code: u32, length: u32) {
        for bit in (0..length).rev().map(|at| code >> at & 1) {
            if self.used == 8 {
                self.bytes.push(0);
                self.used = 0;
            }
            *self.bytes.last_mut().expect("a byte") |= u8::from(bit == 1) << self.used;
            self.used += 1;
        }
    }

    fn literal(&mut self, byte: u8) {
        match byte {
            0..144 => self.code(0x30 + u32::from(byte), 8),
            _ => self.code(0x190 + u32::from(byte) - 144, 9),
        }
    }
}

fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    let one = |index: u32| (0..8).fold(index, |crc, _| (crc >> 1) ^ ((crc & 1) * 0xEDB8_8320));
    let table: Vec<u32> = (0..256).map(one).collect();
    !bytes.fold(!0, |crc, byte| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}
