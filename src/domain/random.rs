//! Randomness. Each thread draws from a generator of the cryptographic library (SP 800-90A), which is
//! seeded by the operating system: asking that itself would be a system call for each token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes.
///
/// # Panics
/// When there is no randomness to give: nothing safe can be done then.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without randomness no answer of this server is safe")]
    aws_lc_rs::rand::fill(&mut bytes).expect("the generator gives randomness");
    bytes
}

/// Whether a text could be an identifier of ours, so that nothing else reaches the database.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(legal)
}

/// A random identifier of 128 bits, base64url: a `jti`, for one.
#[must_use]
pub fn identifier() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<16>())
}
