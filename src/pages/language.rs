//! The languages of the pages, and which one a person gets.

/// A language that every page speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English: what is spoken when nothing says otherwise.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Language {
    /// Every language, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::En, Self::Ko];

    /// The BCP 47 tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// How its speakers call it.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ko => "한국어",
        }
    }

    /// The language of a BCP 47 tag, by its primary subtag and without regard to case.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }

    /// What the app asks for, else what the person chose before, else what the browser prefers,
    /// else English.
    #[must_use]
    pub fn choose(
        ui_locales: Option<&str>,
        cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Self {
        // OpenID Connect Core §3.1.2.1: in order of preference; unknown ones are no error.
        let asked =
            ui_locales.and_then(|tags| tags.split_ascii_whitespace().find_map(Self::of_tag));
        asked
            .or_else(|| cookie.and_then(Self::of_tag))
            .or_else(|| accept_language.and_then(Self::preferred))
            .unwrap_or_default()
    }

    /// RFC 9110 §12.5.4: the language of the highest weight, the earlier one of equals.
    fn preferred(accept_language: &str) -> Option<Self> {
        let ranges: Vec<(&str, u16)> = accept_language.split(',').filter_map(range).collect();
        let named: Vec<Self> = ranges.iter().filter_map(|(tag, _)| Self::of_tag(tag)).collect();
        let mut best: Option<(Self, u16)> = None;
        for (tag, weight) in &ranges {
            // "*" is every language that no other range names.
            let language = match *tag {
                "*" => Self::ALL.into_iter().find(|language| !named.contains(language)),
                tag => Self::of_tag(tag),
            };
            if let Some(language) = language
                && *weight > best.map_or(0, |(_, weight)| weight)
            {
                best = Some((language, *weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// A language range and its weight in thousandths. `None`: it says nothing that can be read.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    Some((tag, weight.map_or(Some(1000), thousandths)?))
}

/// RFC 9110 §12.4.2: 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit()) && decimals.len() <= 3;
    let weight = match whole {
        "0" if digits => format!("{decimals:0<3}").parse().ok()?,
        "1" if digits => 1000,
        _ => return None,
    };
    Some(weight)
}

#[cfg(test)]
mod tests {
    use super::Language::{self, En, Ko};

    #[test]
    fn a_tag_counts_by_its_primary_subtag() {
        for tag in ["ko", "ko-KR", "KO_kr", " ko-Kore-KR "] {
            assert_eq!(Language::of_tag(tag), Some(Ko), "{tag}");
        }
        for tag in ["", "kok", "k", "-ko", "fr"] {
            assert_eq!(Language::of_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_app_is_heard_before_the_cookie_before_the_browser() {
        assert_eq!(Language::choose(Some("fr ko en"), Some("en"), Some("en")), Ko);
        assert_eq!(Language::choose(Some("fr"), Some("ko"), Some("en")), Ko);
        assert_eq!(Language::choose(None, Some("xx"), Some("ko-KR,ko;q=0.9")), Ko);
        assert_eq!(Language::choose(None, None, None), En);
    }

    #[test]
    fn the_browser_is_heard_by_weight() {
        for (header, language) in [
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Ko),
            ("en;q=0.5, ko;q=0.501", Ko),
            ("en;q=0.5, ko;q=0.5", En),
            ("ko;q=0", En),
            ("ko;q=0, *", En),
            ("en;q=0, *;q=0.1", Ko),
            ("fr, *;q=0.5, ko;q=0.3", En),
            ("en;q=0.1, *;q=0.5", Ko),
            ("ko;q=9, en;q=0.2", En),
            ("ko;q=abc", En),
            ("fr, de", En),
            (",,;q=1", En),
        ] {
            assert_eq!(Language::choose(None, None, Some(header)), language, "{header}");
        }
    }
}
