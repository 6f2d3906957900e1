//! Bytes in hexadecimal, RFC 4648 §8.

/// Lower-case digits, two for each byte.
#[must_use]
pub fn lower(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::lower;

    #[test]
    fn rfc4648_10_two_digits_for_each_byte() {
        assert_eq!(lower(b""), "");
        assert_eq!(lower(b"foobar"), "666f6f626172");
        assert_eq!(lower(&[0, 15, 16, 255]), "000f10ff");
    }
}
