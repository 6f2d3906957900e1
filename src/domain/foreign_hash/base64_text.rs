//! Base64 as other programs write it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);

/// Reads Base64 with or without padding, in the usual alphabet, the one for URLs, or that of
/// Passlib.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text
        .trim()
        .chars()
        .map(|c| match c {
            '-' | '.' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    BASE64.decode(text).ok()
}
