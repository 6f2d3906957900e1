//! Suggests the name that a person may have meant when they mistyped one.

/// The largest number of wrong letters.
const WRONG: usize = 2;

/// The name that is most similar to what was typed, if one is similar enough.
#[must_use]
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|name| (distance(typed, name), name));
    // In a short name, two wrong letters would be the whole name.
    let near = near.filter(|(distance, name)| *distance <= WRONG && distance * 2 < name.len());
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// The number of letters that must be inserted, removed or replaced (Levenshtein distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut before = at;
        let mut left = at + 1;
        for (above, known) in row.iter_mut().skip(1).zip(&other) {
            let replaced = before + usize::from(letter != *known);
            before = *above;
            left = replaced.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_name_is_not() {
        let names = ["kakao", "google", "line", "oidc"];
        for (typed, meant) in [
            ("kakoa", Some("kakao")),
            ("Kakao", Some("kakao")),
            ("gogle", Some("google")),
            ("lin", Some("line")),
            ("naver", None),
            ("nobody", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
