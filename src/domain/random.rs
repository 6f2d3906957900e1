//! Randomness. Each thread uses a generator of the cryptographic library (SP 800-90A), which is
//! seeded by the operating system. To ask the operating system each time would cost a system call
//! for each token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes.
///
/// # Panics
/// If the generator fails. Without randomness, nothing that follows would be safe.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without randomness no answer of this server is safe")]
    aws_lc_rs::rand::fill(&mut bytes).expect("the generator gives randomness");
    bytes
}

/// Whether a text has the form of one of our identifiers, so that no other text is looked up in the
/// database.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(legal)
}

/// A random identifier of 128 bits in base64url, for example a `jti`. It does not begin with a hyphen:
/// the command line would read it as an option.
#[must_use]
pub fn identifier() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(bytes::<16>());
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_identifier_looks_like_an_option_of_the_command_line() {
        assert!((0..2000).all(|_| !identifier().starts_with('-')));
    }
}
