//! The languages of the pages, and how the language for a person is chosen.
//!
//! A language is one line of [`LANGUAGES`] and one file, `templates/texts/<tag>.ftl`. Everything else
//! follows from the list: the links at the foot of every page, `lang`, `ui_locales`,
//! `Accept-Language`, the cookie, the metadata, the stylesheet, the file in a branding folder.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::provider::Preset;
use crate::domain::embedded_browser::EmbeddedBrowser;

/// The file of texts of a language.
macro_rules! texts {
    ($tag:literal) => {
        include_str!(concat!("../../templates/texts/", $tag, ".ftl"))
    };
}

/// Every language, in the order in which they are offered. The first one is the default.
pub const LANGUAGES: Languages = Languages(&[
    LanguageData {
        tag: "en",
        own_name: "English",
        texts: texts!("en"),
        date_time: "%-d %B %Y, %H:%M",
        ..PLAIN
    },
    LanguageData {
        tag: "ko",
        own_name: "한국어",
        texts: texts!("ko"),
        date_time: "%Y년 %-m월 %-d일 %H:%M",
        provider_names: &[(Preset::Kakao, "카카오"), (Preset::Naver, "네이버")],
        app_names: &[
            (EmbeddedBrowser::KakaoTalk, "카카오톡"),
            (EmbeddedBrowser::Naver, "네이버"),
            (EmbeddedBrowser::Line, "라인"),
            (EmbeddedBrowser::Daum, "다음"),
            (EmbeddedBrowser::Instagram, "인스타그램"),
            (EmbeddedBrowser::Facebook, "페이스북"),
        ],
        ..PLAIN
    },
]);

/// The default values of a language.
pub const PLAIN: LanguageData = LanguageData {
    tag: "",
    own_name: "",
    texts: "",
    date_time: "%Y-%m-%d %H:%M",
    fonts: "Pretendard, -apple-system, \"Apple SD Gothic Neo\", \"Segoe UI\", Roboto, \"Noto Sans KR\", \"Noto Sans CJK KR\", \"Malgun Gothic\", system-ui, sans-serif",
    word_break: "keep-all",
    provider_names: &[],
    app_names: &[],
};

/// The properties of a language.
#[derive(Clone, Copy, Debug)]
pub struct LanguageData {
    /// The BCP 47 tag.
    pub tag: &'static str,
    /// The name of the language in the language itself.
    pub own_name: &'static str,
    /// The texts of the pages, in Fluent.
    pub texts: &'static str,
    /// The format of date and time, for `strftime`. Names of months are available only in English.
    pub date_time: &'static str,
    /// The fonts, as CSS.
    pub fonts: &'static str,
    /// The CSS `word-break`: Korean breaks lines between words (`keep-all`), Japanese and Chinese
    /// between characters (`normal`).
    pub word_break: &'static str,
    /// The providers whose names are written differently in this language.
    pub provider_names: &'static [(Preset, &'static str)],
    /// The apps whose names are written differently in this language.
    pub app_names: &'static [(EmbeddedBrowser, &'static str)],
}

/// A language in which every page is available.
#[derive(Clone, Copy)]
pub struct Language(&'static LanguageData);

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.0.tag == other.0.tag
    }
}

impl Eq for Language {}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let tag = String::deserialize(from)?;
        Self::of_tag(&tag).ok_or_else(|| D::Error::custom("is not a language of the pages"))
    }
}

impl Default for Language {
    fn default() -> Self {
        LANGUAGES.first()
    }
}

impl Language {
    /// The BCP 47 tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.tag
    }

    /// The properties of the language.
    #[must_use]
    pub fn data(self) -> &'static LanguageData {
        self.0
    }

    /// The name of the provider of this preset in this language, if it is written differently.
    #[must_use]
    pub fn provider_name(self, preset: Preset) -> Option<&'static str> {
        let mut names = self.0.provider_names.iter();
        names.find(|(known, _)| *known == preset).map(|(_, name)| *name)
    }

    /// The name of an app in this language; `None` for an app that is not known by name.
    #[must_use]
    pub fn app_name(self, app: EmbeddedBrowser) -> Option<&'static str> {
        let mut names = self.0.app_names.iter();
        names.find(|(known, _)| *known == app).map(|(_, name)| *name).or(app.name())
    }

    /// The language with this BCP 47 tag.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        LANGUAGES.of_tag(tag)
    }

    /// Chooses the language for a person: see [`Languages::choose`].
    #[must_use]
    pub fn choose(
        ui_locales: Option<&str>,
        cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Self {
        LANGUAGES.choose(ui_locales, cookie, accept_language)
    }
}

/// A list of languages.
#[derive(Clone, Copy, Debug)]
pub struct Languages(pub &'static [LanguageData]);

impl Languages {
    /// The languages, in order.
    pub fn iter(self) -> impl Iterator<Item = Language> {
        self.0.iter().map(Language)
    }

    /// The default language.
    #[must_use]
    pub fn first(self) -> Language {
        self.iter().next().unwrap_or(Language(&PLAIN))
    }

    /// The language with this BCP 47 tag, without regard to case. A tag that is longer than ours
    /// matches by its beginning (RFC 4647 §3.4): `ko-KR` is `ko`.
    #[must_use]
    pub fn of_tag(self, tag: &str) -> Option<Language> {
        let tag = tag.trim();
        let ends = tag.char_indices().filter(|(_, c)| ['-', '_'].contains(c)).map(|(at, _)| at);
        let mut ends: Vec<usize> = ends.chain([tag.len()]).collect();
        ends.reverse();
        let same = |ours: &str, theirs: &str| {
            let subtags = theirs.split(['-', '_']);
            ours.split('-').map(str::to_ascii_lowercase).eq(subtags.map(str::to_ascii_lowercase))
        };
        let mut begins = ends.into_iter().filter_map(|end| tag.get(..end));
        begins.find_map(|begin| self.iter().find(|ours| same(ours.as_str(), begin)))
    }

    /// Chooses the first of these: the language that the app requests, the one that the person
    /// chose before, the one that the browser prefers, the default language.
    #[must_use]
    pub fn choose(
        self,
        ui_locales: Option<&str>,
        cookie: Option<&str>,
        accept_language: Option<&str>,
    ) -> Language {
        // OpenID Connect Core §3.1.2.1: in order of preference; an unknown tag is not an error.
        let mut asked = ui_locales.unwrap_or_default().split_ascii_whitespace();
        asked
            .find_map(|tag| self.of_tag(tag))
            .or_else(|| cookie.and_then(|tag| self.of_tag(tag)))
            .or_else(|| accept_language.and_then(|header| self.preferred(header)))
            .unwrap_or(self.first())
    }

    /// RFC 9110 §12.5.4: the language with the highest weight. Among equal weights the first one is
    /// taken.
    fn preferred(self, accept_language: &str) -> Option<Language> {
        let ranges: Vec<(&str, u16)> = accept_language.split(',').filter_map(range).collect();
        let named: Vec<Language> = ranges.iter().filter_map(|(tag, _)| self.of_tag(tag)).collect();
        let mut best: Option<(Language, u16)> = None;
        for (tag, weight) in &ranges {
            // "*" stands for every language that no other range names.
            let language = match *tag {
                "*" => self.iter().find(|language| !named.contains(language)),
                tag => self.of_tag(tag),
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

/// A language range and its weight in thousandths; `None` if it is malformed.
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
    use super::{LANGUAGES, Language, LanguageData, Languages, PLAIN};

    fn en() -> Language {
        LANGUAGES.of_tag("en").expect("English")
    }

    fn ko() -> Language {
        LANGUAGES.of_tag("ko").expect("Korean")
    }

    #[test]
    fn a_tag_counts_by_its_primary_subtag() {
        for tag in ["ko", "ko-KR", "KO_kr", " ko-Kore-KR "] {
            assert_eq!(Language::of_tag(tag), Some(ko()), "{tag}");
        }
        for tag in ["", "kok", "k", "-ko", "fr"] {
            assert_eq!(Language::of_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_app_is_heard_before_the_cookie_before_the_browser() {
        assert_eq!(Language::choose(Some("fr ko en"), Some("en"), Some("en")), ko());
        assert_eq!(Language::choose(Some("fr"), Some("ko"), Some("en")), ko());
        assert_eq!(Language::choose(None, Some("xx"), Some("ko-KR,ko;q=0.9")), ko());
        assert_eq!(Language::choose(None, None, None), en());
    }

    #[test]
    fn the_browser_is_heard_by_weight() {
        for (header, language) in [
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", ko()),
            ("en;q=0.5, ko;q=0.501", ko()),
            ("en;q=0.5, ko;q=0.5", en()),
            ("ko;q=0", en()),
            ("ko;q=0, *", en()),
            ("en;q=0, *;q=0.1", ko()),
            ("fr, *;q=0.5, ko;q=0.3", en()),
            ("en;q=0.1, *;q=0.5", ko()),
            ("ko;q=9, en;q=0.2", en()),
            ("ko;q=abc", en()),
            ("fr, de", en()),
            (",,;q=1", en()),
        ] {
            assert_eq!(Language::choose(None, None, Some(header)), language, "{header}");
        }
    }

    /// A list with a language without texts.
    const MORE: Languages = Languages(&[
        LanguageData { tag: "en", ..PLAIN },
        LanguageData { tag: "zh-Hant", ..PLAIN },
        LanguageData { tag: "zh", ..PLAIN },
        LanguageData { tag: "eo", ..PLAIN },
    ]);

    #[test]
    fn a_language_of_the_list_is_found_by_app_cookie_and_browser() {
        let tag = |language: Language| language.as_str();
        assert_eq!(tag(MORE.choose(Some("ko eo en"), None, None)), "eo");
        assert_eq!(tag(MORE.choose(None, Some("eo"), Some("en"))), "eo");
        assert_eq!(tag(MORE.choose(None, None, Some("ko, eo-XX;q=0.7, en;q=0.6"))), "eo");
        assert_eq!(tag(MORE.choose(None, None, None)), "en");
    }

    #[test]
    fn the_longest_beginning_of_a_tag_counts() {
        for (tag, ours) in [("zh-Hant-TW", "zh-Hant"), ("zh_hant", "zh-Hant"), ("zh-CN", "zh")] {
            assert_eq!(MORE.of_tag(tag).map(Language::as_str), Some(ours), "{tag}");
        }
    }
}
