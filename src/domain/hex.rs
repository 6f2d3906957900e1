//! Bytes in hexadecimal, RFC 4648 §8.

/// Lower-case digits, two for each byte.
#[must_use]
pub fn lower(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads bytes back from hexadecimal digits of either case; `None` if the text is not pairs of
/// digits.
#[must_use]
pub fn read(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| u8::try_from(char::from(*byte).to_digit(16)?).ok();
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::{lower, read};

    #[test]
    fn rfc4648_10_two_digits_for_each_byte() {
        assert_eq!(lower(b""), "");
        assert_eq!(lower(b"foobar"), "666f6f626172");
        assert_eq!(lower(&[0, 15, 16, 255]), "000f10ff");
    }

    #[test]
    fn rfc4648_10_bytes_are_read_back() {
        assert_eq!(read("666f6f626172").as_deref(), Some(&b"foobar"[..]));
        assert_eq!(read("000F10ff"), Some(vec![0, 15, 16, 255]));
        assert_eq!(read(""), Some(Vec::new()));
        for bad in ["0", "000", "0g", "+1", "0x", "한글"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
