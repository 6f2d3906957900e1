//! The certificates that the other side of a connection shows, as bytes that nobody has read yet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest certificate that is read, in DER.
pub const LONGEST: usize = 8 * 1024;
/// The most certificates of a chain that are read. Who shows them chooses through how many ways from
/// one to the next an authority is looked for, so they are few.
pub const MOST: usize = 1 + ABOVE;
/// The most certificates above the one that is shown.
const ABOVE: usize = 3;

/// Reads the value of `Client-Cert`, RFC 9440 §2.2: a byte sequence (RFC 8941 §3.3.5). Parameters mean
/// nothing here (RFC 8941 §3.1.2).
#[must_use]
pub fn item(value: &str) -> Option<Vec<u8>> {
    let (bytes, rest) = byte_sequence(value.trim_matches(' '))?;
    (rest.is_empty() || rest.starts_with(';')).then_some(bytes)
}

/// Reads the value of `Client-Cert-Chain`, RFC 9440 §2.3: a list of byte sequences.
#[must_use]
pub fn list(value: &str) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = value.trim_matches([' ', '\t']);
    if rest.is_empty() {
        return Some(found);
    }
    loop {
        let (bytes, after) = byte_sequence(rest)?;
        found.push(bytes);
        if found.len() > ABOVE {
            return None;
        }
        let after = after.trim_start_matches([' ', '\t']);
        if after.is_empty() {
            return Some(found);
        }
        rest = after.strip_prefix(',')?.trim_start_matches([' ', '\t']);
    }
}

/// Base64 between two colons, and what stands behind it.
fn byte_sequence(text: &str) -> Option<(Vec<u8>, &str)> {
    let (encoded, rest) = text.strip_prefix(':')?.split_once(':')?;
    if encoded.len() > LONGEST.div_ceil(3) * 4 {
        return None;
    }
    let bytes = STANDARD.decode(encoded).ok().filter(|bytes| bytes.len() <= LONGEST)?;
    Some((bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9440_2_2_the_header_is_a_byte_sequence() {
        for (value, read) in [
            (":aGk=:", Some(b"hi".to_vec())),
            (" :aGk=: ", Some(b"hi".to_vec())),
            (":aGk=:;a=1", Some(b"hi".to_vec())),
            ("::", Some(vec![])),
            ("aGk=", None),
            (":aGk=", None),
            (":aGk:", None),
            (":a Gk=:", None),
            (":aGk=:, :aGk=:", None),
            ("\"aGk=\"", None),
            ("-----BEGIN CERTIFICATE-----", None),
            ("", None),
        ] {
            assert_eq!(item(value), read, "{value:?}");
        }
        let long = |length: usize| format!(":{}:", STANDARD.encode(vec![7; length]));
        assert!(item(&long(LONGEST)).is_some() && item(&long(LONGEST + 1)).is_none());
    }

    #[test]
    fn rfc9440_2_3_the_chain_is_a_list() {
        let hi = b"hi".to_vec();
        assert_eq!(list(""), Some(vec![]));
        assert_eq!(list(":aGk=:"), Some(vec![hi.clone()]));
        assert_eq!(list(":aGk=:\t ,:aGk=:"), Some(vec![hi.clone(), hi]));
        assert_eq!(list(&["::"; ABOVE].join(",")), Some(vec![vec![]; ABOVE]));
        for bad in [":aGk=:,", ",", ":aGk=: :aGk=:", "x", &["::"; MOST].join(",")] {
            assert_eq!(list(bad), None, "{bad:?}");
        }
    }
}
