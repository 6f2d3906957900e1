//! The providers that people may go on with, each in its own colours and with its own mark.

use super::frame::in_query;
use crate::domain::provider::Preset;

/// A button that goes on with a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderButton<'a> {
    /// What names it in ids, forms and paths.
    pub slug: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Whose colours and mark it bears.
    pub brand: Brand,
}

/// Whose colours and mark a provider bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Google.
    Google,
    /// Apple.
    Apple,
    /// Microsoft.
    Microsoft,
    /// Kakao.
    Kakao,
    /// Naver.
    Naver,
    /// LINE.
    Line,
    /// Facebook.
    Facebook,
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Nobody's: a plain key.
    Other,
}

/// A part of a mark: the outline in a drawing of 24 by 24, even-odd, and what fills it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) fill: &'static str,
    pub(super) outline: &'static str,
}

impl ProviderButton<'_> {
    /// The slug in a path.
    pub(super) fn segment(&self) -> String {
        in_query(self.slug)
    }
}

impl Brand {
    /// Every brand.
    #[cfg(test)]
    pub(super) const ALL: [Self; 10] = [
        Self::Google,
        Self::Apple,
        Self::Microsoft,
        Self::Kakao,
        Self::Naver,
        Self::Line,
        Self::Facebook,
        Self::GitHub,
        Self::GitLab,
        Self::Other,
    ];

    /// The brand of a preset.
    #[must_use]
    pub fn of_preset(preset: Preset) -> Self {
        match preset {
            Preset::Oidc => Self::Other,
            Preset::Google => Self::Google,
            Preset::Apple => Self::Apple,
            Preset::Microsoft => Self::Microsoft,
            Preset::Kakao => Self::Kakao,
            Preset::Naver => Self::Naver,
            Preset::Line => Self::Line,
            Preset::Facebook => Self::Facebook,
            Preset::GitHub => Self::GitHub,
            Preset::GitLab => Self::GitLab,
        }
    }

    /// What gives it its colours in the stylesheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Google => "by-google",
            Self::Apple => "by-apple",
            Self::Microsoft => "by-microsoft",
            Self::Kakao => "by-kakao",
            Self::Naver => "by-naver",
            Self::Line => "by-line",
            Self::Facebook => "by-facebook",
            Self::GitHub => "by-github",
            Self::GitLab => "by-gitlab",
            Self::Other => "by-other",
        }
    }

    /// Its mark.
    pub(super) fn mark(self) -> &'static [Shape] {
        match self {
            Self::Google => GOOGLE,
            Self::Apple => APPLE,
            Self::Microsoft => MICROSOFT,
            Self::Kakao => KAKAO,
            Self::Naver => NAVER,
            Self::Line => LINE,
            Self::Facebook => FACEBOOK,
            Self::GitHub => GITHUB,
            Self::GitLab => GITLAB,
            Self::Other => KEY,
        }
    }
}

const fn shape(fill: &'static str, outline: &'static str) -> Shape {
    Shape { fill, outline }
}

/// The colour of the label.
const LABEL: &str = "currentColor";
const TILE: &str = "M5 1h14a4 4 0 0 1 4 4v14a4 4 0 0 1-4 4H5a4 4 0 0 1-4-4V5a4 4 0 0 1 4-4z";

const GOOGLE: &[Shape] = &[
    shape("#ea4335", "M3.09 7.46A10 10 0 0 1 19.07 4.93L16.31 7.69A6.1 6.1 0 0 0 6.56 9.23z"),
    shape("#fbbc05", "M3.09 16.54A10 10 0 0 1 3.09 7.46L6.56 9.23A6.1 6.1 0 0 0 6.56 14.77z"),
    shape("#34a853", "M18.16 19.88A10 10 0 0 1 3.09 16.54L6.56 14.77A6.1 6.1 0 0 0 15.76 16.81z"),
    shape(
        "#4285f4",
        "M12 10.1H21.82A10 10 0 0 1 18.16 19.88L15.76 16.81A6.1 6.1 0 0 0 17.76 14H12z",
    ),
];

const APPLE: &[Shape] = &[
    shape(
        LABEL,
        "M12 7.1c-1.1 0-2-.9-3.7-.9-2.7 0-4.9 2.4-4.9 6 0 4.5 2.9 9.6 5.3 9.6 1.2 0 1.9-.8 3.4-.8s2.1.8 3.3.8c2.1 0 4.1-3.1 4.9-5.5-2-.8-3.2-2.5-3.2-4.5 0-1.8.9-3.2 2.5-4.2-1-1-2.3-1.4-3.6-1.4-1.9 0-2.9.9-4 .9z",
    ),
    shape(LABEL, "M11.8 6.1c-.1-2.6 1.6-4.5 4-4.9.3 2.7-1.6 4.9-4 4.9z"),
];

const MICROSOFT: &[Shape] = &[
    shape("#f25022", "M2 2h9.5v9.5H2z"),
    shape("#7fba00", "M12.5 2H22v9.5h-9.5z"),
    shape("#00a4ef", "M2 12.5h9.5V22H2z"),
    shape("#ffb900", "M12.5 12.5H22V22h-9.5z"),
];

const KAKAO: &[Shape] = &[shape(
    "#000000",
    "M12 3.5C6.5 3.5 2 7 2 11.3c0 2.7 1.8 5.1 4.6 6.5l-1 3.5c-.1.4.3.7.6.5l4.2-2.8c.5.1 1.1.1 1.6.1 5.5 0 10-3.5 10-7.8S17.5 3.5 12 3.5z",
)];

const NAVER: &[Shape] =
    &[shape("#03c75a", TILE), shape("#ffffff", "M7 7h3.7l2.7 4.1V7H17v10h-3.7l-2.7-4.1V17H7z")];

const LINE: &[Shape] = &[
    shape("#06c755", TILE),
    shape(
        "#ffffff",
        "M12 4.6c-4.6 0-8.3 3-8.3 6.7 0 3.3 2.9 6.1 6.9 6.6.7.1.7.5.6 1.1l-.1.7c-.1.5.2.7.6.5 2.7-1.3 5.6-3.4 7.3-5.4 1-1.1 1.5-2.3 1.5-3.5 0-3.7-3.8-6.7-8.5-6.7z",
    ),
    shape(
        "#06c755",
        "M6.2 9.2h1.2v3h1.7v1.1H6.2zM9.8 9.2H11v4.1H9.8zM11.7 9.2h1l1.5 2.2V9.2h1.1v4.1h-1l-1.5-2.2v2.2h-1.1zM16 9.2h2.8v1h-1.7v.6h1.7v1h-1.7v.5h1.7v1H16z",
    ),
];

const FACEBOOK: &[Shape] = &[shape(
    LABEL,
    "M12 2a10 10 0 0 0-1.7 19.85V15H7.8v-3.1h2.5V9.7c0-2.6 1.5-4 3.8-4 .8 0 1.5.1 2.2.2v2.6H15c-1.2 0-1.5.7-1.5 1.5v1.9h2.7l-.5 3.1h-2.2v6.85A10 10 0 0 0 12 2z",
)];

const GITHUB: &[Shape] = &[shape(
    LABEL,
    "M12 1.8a10.2 10.2 0 0 0-3.3 19.86c.5.1.7-.2.7-.5v-1.9c-2.7.6-3.4-1.2-3.4-1.2-.4-1.1-1.1-1.4-1.1-1.4-.9-.6.1-.6.1-.6 1 .1 1.5 1 1.5 1 .9 1.5 2.3 1.1 2.9.8.1-.6.3-1.1.6-1.3-2.2-.3-4.5-1.1-4.5-5 0-1.1.4-2 1-2.7-.1-.3-.4-1.3.1-2.7 0 0 .8-.3 2.7 1a9.5 9.5 0 0 1 5 0c1.9-1.3 2.7-1 2.7-1 .5 1.4.2 2.4.1 2.7.6.7 1 1.6 1 2.7 0 3.9-2.4 4.7-4.6 5 .4.3.7.9.7 1.9v2.8c0 .3.2.6.7.5A10.2 10.2 0 0 0 12 1.8z",
)];

const GITLAB: &[Shape] = &[
    shape("#e24329", "M5.7 2.2L8.6 9.4h6.8L18.3 2.2l3.2 8.2L12 21.5 2.5 10.4z"),
    shape("#fc6d26", "M2.5 10.4L8.6 9.4 12 21.5zM21.5 10.4l-6.1-1L12 21.5z"),
    shape(
        "#fca326",
        "M2.5 10.4l-1 3.2c-.2.6 0 1.2.5 1.5L12 21.5zM21.5 10.4l1 3.2c.2.6 0 1.2-.5 1.5L12 21.5z",
    ),
];

const KEY: &[Shape] = &[shape(
    LABEL,
    "M15.5 2.5a6 6 0 0 0-5.7 7.9L3 17.2V21h4v-2.5h2.5V16h2.3l1.8-1.8A6 6 0 1 0 15.5 2.5zM17 5.5a1.7 1.7 0 1 1 0 3.4 1.7 1.7 0 0 1 0-3.4z",
)];

#[cfg(test)]
mod tests {
    use super::{Brand, ProviderButton};
    use crate::pages::colour::{Colour, READABLE};
    use crate::pages::look::STYLESHEET;

    #[test]
    fn a_slug_stays_in_its_segment() {
        let button = ProviderButton { slug: "a/b?c#d", name: "", brand: Brand::Other };
        assert_eq!(button.segment(), "a%2Fb%3Fc%23d");
    }

    /// A custom property of a rule.
    fn property(rule: &str, name: &str) -> Colour {
        let (_, rest) = rule.split_once(&format!("--{name}: ")).expect(name);
        Colour::parse(rest.get(..7).expect("a colour")).expect(name)
    }

    #[test]
    fn every_label_is_readable_on_its_ground() {
        let rules = |class: &str| {
            let start = format!("{class} {{");
            let rules = STYLESHEET.split(&start).skip(1).filter_map(|it| it.split('}').next());
            rules.filter(|rule| rule.contains("--way:")).collect::<Vec<_>>()
        };
        let common = rules(":root").into_iter();
        let mut found = 0;
        for rule in common.chain(Brand::ALL.iter().flat_map(|brand| rules(brand.class()))) {
            let contrast = property(rule, "way").contrast(property(rule, "on-way"));
            assert!(contrast >= READABLE, "{contrast} in {rule}");
            found += 1;
        }
        assert_eq!(found, 7, "two for all, two for Apple, one each for the coloured ones");
    }

    #[test]
    fn every_mark_is_drawn() {
        for brand in Brand::ALL {
            assert!(!brand.mark().is_empty(), "{brand:?}");
            for shape in brand.mark() {
                let is_colour = Colour::parse(shape.fill).is_some();
                assert!(is_colour || shape.fill == "currentColor", "{brand:?} {}", shape.fill);
                assert!(shape.outline.starts_with('M') && shape.outline.ends_with('z'));
            }
        }
    }
}
