//! Names of people, canonicalised once: the same name is the same key wherever it is used.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The key of a user name: RFC 8265 §3.3, UsernameCaseMapped. NFC comes first, since the profile
/// refuses conjoining jamo, which is how some systems type Hangul.
#[must_use]
pub fn username_key(username: &str) -> Option<String> {
    if username.len() > MAX_NAME_BYTES {
        return None;
    }
    let composed: String = username.nfc().collect();
    let key = UsernameCaseMapped::new().enforce(composed).ok()?;
    Some(key.into_owned())
}

/// The key of an e-mail address: NFC, in lower case, with one `@` that divides two parts.
#[must_use]
pub fn email_key(email: &str) -> Option<String> {
    if email.len() > MAX_NAME_BYTES {
        return None;
    }
    let key = email.nfc().collect::<String>().to_lowercase().nfc().collect::<String>();
    let (local, domain) = key.rsplit_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    let shaped =
        !local.is_empty() && !domain.is_empty() && key.chars().filter(|c| *c == '@').count() == 1;
    (shaped && local.chars().all(plain) && domain.chars().all(plain)).then_some(key)
}

/// The bytes of a password that are hashed: NFC, so that a Hangul password typed as jamo matches
/// (RFC 8265 §4.2.2 rule 4), and nothing else changed.
#[must_use]
pub fn password_bytes(password: &str) -> Option<Zeroizing<Vec<u8>>> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return None;
    }
    let composed: Zeroizing<String> = Zeroizing::new(password.nfc().collect());
    Some(Zeroizing::new(composed.as_bytes().to_vec()))
}

const MAX_NAME_BYTES: usize = 255;
const MAX_PASSWORD_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8265_3_3_variants_of_a_name_are_one_name() {
        for (variant, key) in [
            ("Alice", "alice"),
            ("ＡＬＩＣＥ", "alice"),
            ("\u{1112}\u{1169}\u{11bc}\u{1100}\u{1175}\u{11af}\u{1103}\u{1169}\u{11bc}", "홍길동"),
            ("홍길동", "홍길동"),
            ("e\u{301}milie", "émilie"),
            ("alice@example.com", "alice@example.com"),
        ] {
            assert_eq!(username_key(variant).as_deref(), Some(key), "{variant:?}");
        }
    }

    #[test]
    fn rfc8265_3_3_invisible_and_directional_tricks_are_refused() {
        for bad in ["", "a b", "alice\u{200b}", "a\u{202e}b", "a\0b", "\u{fb01}n", "a\nb"] {
            assert_eq!(username_key(bad), None, "{bad:?}");
        }
        assert_eq!(username_key(&"x".repeat(10_000)), None);
    }

    #[test]
    fn variants_of_an_address_are_one_address() {
        assert_eq!(email_key("Alice@Example.COM").as_deref(), Some("alice@example.com"));
        for bad in ["", "alice", "@b", "a@", "a@b@c", "a b@c", "a\u{7}@b"] {
            assert_eq!(email_key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_password_typed_as_jamo_is_the_same_password() {
        assert_eq!(password_bytes("\u{1106}\u{1161}"), password_bytes("마"));
        assert_ne!(password_bytes("Secret"), password_bytes("secret"));
        assert_eq!(password_bytes(""), None);
    }
}
