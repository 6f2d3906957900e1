//! How two identifiers differ, which are compared byte by byte.

use url::Url;

use crate::domain::excerpt::excerpt;

/// How the value of a token differs from the one that is expected; `None` if they are the same.
/// What people oversee most often is named: a slash at the end, another case, another scheme.
#[must_use]
pub(super) fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    Some(near(expected, found).map_or_else(|| first_byte(expected, found), str::to_owned))
}

/// A small difference in words, between values that a person may take for the same.
#[must_use]
pub(super) fn near(expected: &str, found: &str) -> Option<&'static str> {
    let host = |text: &str| text.split_once("://").map(|(_, rest)| rest.to_owned());
    let is_same_url = || match (Url::parse(expected), Url::parse(found)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    };
    if expected == found {
        None
    } else if found.strip_suffix('/') == Some(expected) {
        Some("the token has a slash at the end that is not expected")
    } else if expected.strip_suffix('/') == Some(found) {
        Some("a slash is expected at the end, and the token has none")
    } else if expected.trim() == found.trim() {
        Some("there is white space before or behind one of them")
    } else if expected.eq_ignore_ascii_case(found) {
        Some("they differ in upper and lower case")
    } else if host(expected).is_some() && host(expected) == host(found) {
        Some("they differ in http and https")
    } else if is_same_url() {
        Some("both are the same URL, but they are written differently")
    } else {
        None
    }
}

fn first_byte(expected: &str, found: &str) -> String {
    let same = expected.bytes().zip(found.bytes()).take_while(|(one, other)| one == other);
    let mut at = same.count();
    // A byte may stand in the middle of a character.
    while !(expected.is_char_boundary(at) && found.is_char_boundary(at)) {
        at -= 1;
    }
    let rest = |text: &str| text.get(at..).unwrap_or_default().to_owned();
    let (expected, found) = (rest(expected), rest(found));
    match (expected.is_empty(), found.is_empty()) {
        (true, _) => format!("the token goes on after byte {at} with {}", excerpt(found)),
        (_, true) => {
            format!("the token ends after byte {at}, where {} is expected", excerpt(expected))
        }
        _ => format!(
            "they are the same up to byte {at}, then {} is expected and the token has {}",
            excerpt(expected),
            excerpt(found)
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_difference_is_named() {
        let base = "https://id.example.com";
        for (expected, found, said) in [
            (base, "https://id.example.com/", "the token has a slash at the end"),
            ("https://id.example.com/", base, "a slash is expected at the end"),
            (base, "https://ID.example.com", "upper and lower case"),
            (base, "http://id.example.com", "http and https"),
            (base, "https://id.example.com:443", "written differently"),
            (base, " https://id.example.com", "white space"),
            (
                base,
                "https://id.example.org",
                "up to byte 19, then com is expected and the token has org",
            ),
            (base, "https://id.example.com/a", "goes on after byte 22 with /a"),
            ("https://id.example.com/a", base, "ends after byte 22, where /a is expected"),
            ("é", "è", "up to byte 0"),
            ("a", "", "ends after byte 0"),
        ] {
            let found = difference(expected, found).expect("a difference");
            assert!(found.contains(said), "{found}");
        }
    }

    proptest! {
        #[test]
        fn only_the_same_has_no_difference(one in "\\PC*", other in "\\PC*") {
            prop_assert_eq!(difference(&one, &other).is_none(), one == other);
            prop_assert_eq!(difference(&one, &one), None);
        }
    }
}
