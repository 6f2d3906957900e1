//! The buttons of providers, each in the colours and with the logo of its brand.

use super::frame::Frame;
use crate::domain::provider::Preset;

/// A button to sign in with a provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderButton<'a> {
    /// Its name in ids, forms and paths.
    pub slug: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// Which colours and which logo it has.
    pub brand: Brand,
    /// Whether the operator calls it by another name than its brand does.
    pub renamed: bool,
}

/// The brand of a provider: its colours and its logo.
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
    /// Another provider: a plain key is shown.
    Other,
}

/// A part of a logo: an outline in a drawing of 24 by 24 units, with the even-odd fill rule, and
/// its colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) fill: &'static str,
    pub(super) outline: &'static str,
}

impl ProviderButton<'_> {
    /// The text of the button. It uses the wording that the brand asks for, unless the operator
    /// gave another name.
    pub(super) fn label(&self, frame: &Frame<'_>) -> String {
        match self.brand {
            _ if self.renamed => frame.t1("sign-in-with", "provider", self.name),
            Brand::Google => frame.t1("sign-in-with-google", "provider", self.name),
            Brand::Apple => frame.t1("sign-in-with-apple", "provider", self.name),
            Brand::Microsoft => frame.t1("sign-in-with-microsoft", "provider", self.name),
            Brand::Kakao => frame.t1("sign-in-with-kakao", "provider", self.name),
            Brand::Naver => frame.t1("sign-in-with-naver", "provider", self.name),
            Brand::Line => frame.t1("sign-in-with-line", "provider", self.name),
            Brand::Facebook => frame.t1("sign-in-with-facebook", "provider", self.name),
            Brand::GitHub => frame.t1("sign-in-with-github", "provider", self.name),
            Brand::GitLab => frame.t1("sign-in-with-gitlab", "provider", self.name),
            Brand::Other => frame.t1("sign-in-with", "provider", self.name),
        }
    }

    /// Whether the label may be too long for the button. Then a tooltip shows the whole label.
    pub(super) fn is_long(&self) -> bool {
        self.name.chars().count() > 24
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

    /// The class whose rule in the stylesheet has its colours.
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

    /// The shapes of its logo.
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

const NAVER: &[Shape] = &[shape(LABEL, "M4 4h5.6l4.8 7.2V4H20v16h-5.6L9.6 12.8V20H4z")];

const LINE: &[Shape] = &[
    shape(
        LABEL,
        "M12 2.47c-5.89 0-10.62 3.84-10.62 8.58 0 4.22 3.71 7.81 8.83 8.45 0.9 0.13 0.9 0.64 0.77 1.41l-0.13 0.9c-0.13 0.64 0.26 0.9 0.77 0.64 3.46-1.66 7.17-4.35 9.34-6.91 1.28-1.41 1.92-2.94 1.92-4.48 0-4.74-4.86-8.58-10.88-8.58z",
    ),
    shape(
        "#06c755",
        "M4.58 8.36h1.54v3.84h2.18v1.41H4.58zM9.18 8.36H10.72v5.25H9.18zM11.62 8.36h1.28l1.92 2.82V8.36h1.41v5.25h-1.28l-1.92-2.82v2.82h-1.41zM17.12 8.36h3.58v1.28h-2.18v0.77h2.18v1.28h-2.18v0.64h2.18v1.28H17.12z",
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
    use super::Brand;
    use crate::pages::colour::{Colour, READABLE};
    use crate::pages::look::STYLESHEET;

    /// The value of a custom property in a rule.
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
