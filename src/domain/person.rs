//! Names of people, canonicalised in one place, so that the same name gives the same key
//! everywhere.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile;
use unicode_normalization::UnicodeNormalization;

use super::secret::Secret;

/// The key of a user name: RFC 8265 §3.3, UsernameCaseMapped. Spaces around it are removed, since
/// the keyboards of phones add them. NFC is applied first, because the profile refuses conjoining
/// jamo, which some systems use to type Hangul.
#[must_use]
pub fn username_key(username: &str) -> Option<String> {
    if username.len() > MAX_NAME_BYTES {
        return None;
    }
    let composed: String = username.trim().nfc().collect();
    let key = UsernameCaseMapped::new().enforce(composed).ok()?;
    Some(key.into_owned())
}

/// The key of an e-mail address: without spaces around it, in one character width and in lower
/// case, with one `@` between two parts. A domain and its ASCII form give the same key (RFC 5890
/// §2.3.2.1).
#[must_use]
pub fn email_key(email: &str) -> Option<String> {
    if email.len() > MAX_NAME_BYTES {
        return None;
    }
    let folded = folded(email.trim());
    let (local, domain) = folded.rsplit_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let domain = idna::domain_to_ascii(domain).ok().filter(|domain| !domain.is_empty())?;
    let shaped = !local.is_empty() && local.chars().all(plain) && domain.chars().all(plain);
    shaped.then(|| format!("{local}@{domain}"))
}

/// The text in one character width and in lower case, so that folding it again changes nothing.
fn folded(text: &str) -> String {
    let lower = |text: &str| text.nfkc().collect::<String>().to_lowercase();
    lower(&lower(text)).nfkc().collect()
}

/// The beginning of a key of a user name, and of a key of an e-mail address, folded like the whole
/// name. A beginning that is no name in itself is folded as well as possible.
#[must_use]
pub fn beginnings(text: &str) -> (String, String) {
    let text = text.trim();
    let name = username_key(text).unwrap_or_else(|| folded(text));
    let address = email_key(text).unwrap_or_else(|| folded(text));
    (name, address)
}

/// The keys of all names by which a person can sign in. No two people share one of them.
#[must_use]
pub fn keys(username: &str, verified_email: Option<&str>) -> Vec<String> {
    let names = [username_key(username), email_key(username), verified_email.and_then(email_key)];
    let mut keys: Vec<_> = names.into_iter().flatten().collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The bytes of a password that are hashed: the password in NFC, so that a Hangul password typed as
/// jamo matches (RFC 8265 §4.2.2 rule 4), and otherwise unchanged.
#[must_use]
pub fn password_bytes(password: &str) -> Option<Secret<Vec<u8>>> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return None;
    }
    let composed: Secret<String> = Secret::new(password.nfc().collect());
    Some(Secret::new(composed.expose().as_bytes().to_vec()))
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
            ("alice ", "alice"),
            ("\u{a0}Alice\t", "alice"),
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
        for (variant, key) in [
            ("Alice@Example.COM", "alice@example.com"),
            (" alice@example.com ", "alice@example.com"),
            ("alice@example.com\u{3000}", "alice@example.com"),
            ("ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "alice@example.com"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
            ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
            ("홍길동@한국.example", "홍길동@xn--3e0b707e.example"),
            ("a@example.com.", "a@example.com"),
            ("a@localhost", "a@localhost"),
        ] {
            assert_eq!(email_key(variant).as_deref(), Some(key), "{variant:?}");
            assert_eq!(email_key(key).as_deref(), Some(key), "{key:?}");
        }
        for bad in ["", "alice", "@b", "a@", "a@b@c", "a b@c", "a\u{7}@b"] {
            assert_eq!(email_key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_is_an_address_in_any_spelling_shares_its_key() {
        let owners = keys("owner", Some("me@bücher.example"));
        for name in ["me@bücher.example", "ME@xn--bcher-kva.example", " ｍｅ@bücher.example"] {
            assert!(keys(name, None).iter().any(|key| owners.contains(key)), "{name:?}");
        }
        assert_eq!(keys("alice@example.com", Some("Alice@example.com")), ["alice@example.com"]);
        assert_eq!(keys("alice", None), ["alice"]);
    }

    #[test]
    fn the_beginning_of_a_name_begins_its_key() {
        for (name, typed) in
            [("Alice", "ALI"), ("홍길동", "홍"), ("ＡＬＩＣＥ", "al"), ("alice", "")]
        {
            let key = username_key(name).unwrap();
            assert!(key.starts_with(&beginnings(typed).0), "{typed:?} {key}");
        }
        for (address, typed) in [
            ("Alice@Example.com", "ALICE"),
            ("Alice@Example.com", "alice@"),
            ("Alice@Example.com", " alice@exa"),
            ("a@bücher.example", "A@BÜCHER.ex"),
            ("a@bücher.example", "a"),
        ] {
            let key = email_key(address).unwrap();
            assert!(key.starts_with(&beginnings(typed).1), "{typed:?} {key}");
        }
    }

    #[test]
    fn a_password_typed_as_jamo_is_the_same_password() {
        assert_eq!(password_bytes("\u{1106}\u{1161}"), password_bytes("마"));
        assert_ne!(password_bytes("Secret"), password_bytes("secret"));
        assert_eq!(password_bytes(""), None);
    }
}
