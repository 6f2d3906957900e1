//! How the pages look: what is compiled in, and what the operator adds.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::branding::{self, Branding};
use super::colour::Colour;
use super::texts::Texts;
use super::zone::Zone;
use crate::domain::hex;
use crate::domain::language::{LANGUAGES, Language, LanguageData, Languages};

/// A file that the pages ask for. Its name contains a hash of its content: it never changes.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// The file.
    pub body: Bytes,
}

/// The look of every page.
#[derive(Debug)]
pub struct Look {
    name: String,
    texts: Texts,
    zone: Zone,
    accent: Colour,
    assets: BTreeMap<String, Asset>,
    stylesheets: Vec<String>,
    console_stylesheet: String,
    script: String,
    passkey_script: String,
    logo: String,
    icon: String,
}

const NAME: &str = "mapae";
pub(super) const STYLESHEET: &str = include_str!("../../templates/mapae.css");
const CONSOLE_STYLESHEET: &str = include_str!("../../templates/console.css");
pub(super) const SCRIPT: &str = include_str!("../../templates/mapae.js");
const PASSKEY_SCRIPT: &str = include_str!("../../templates/passkeys.js");
const MARK: &str = include_str!("../../templates/mapae.svg");

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The accent of the stylesheet in light mode.
const ACCENT: Colour = Colour::of(0x7c, 0x4a, 0x17);

/// The colours behind text in the stylesheet, in light and in dark mode.
const LIGHT_GROUNDS: [&str; 2] = ["#faf8f4", "#ffffff"];
const DARK_GROUNDS: [&str; 2] = ["#161412", "#201d1a"];

impl Look {
    /// The look that is compiled in.
    #[must_use]
    pub fn builtin() -> Self {
        Self::speaking(LANGUAGES)
    }

    /// The look that is compiled in, in these languages.
    pub(super) fn speaking(languages: Languages) -> Self {
        Self::with_branding(Branding::default(), Texts::of(languages))
    }

    /// The look with the files of a branding folder: `brand.toml`, `style.css`, and a file like
    /// `en.ftl` for each language. Every file is optional. The error lists all problems for the
    /// operator, each with its file first.
    pub fn load(folder: &Path) -> Result<Self, Vec<String>> {
        let (brand, texts) = branding::read(folder, LANGUAGES)?;
        Ok(Self::with_branding(brand, texts))
    }

    /// Sets the time zone in which pages show instants.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The name of the service that people sign in to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file of this name below `/assets/`.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.get(name)
    }

    /// The names of all files below `/assets/`.
    pub fn asset_names(&self) -> impl Iterator<Item = &str> {
        self.assets.keys().map(String::as_str)
    }

    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(super) fn languages(&self) -> Languages {
        self.texts.languages()
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The colour of buttons on a light ground.
    pub(super) fn accent(&self) -> Colour {
        self.accent
    }

    pub(super) fn stylesheets(&self) -> &[String] {
        &self.stylesheets
    }

    pub(super) fn console_stylesheet(&self) -> &str {
        &self.console_stylesheet
    }

    pub(super) fn script(&self) -> &str {
        &self.script
    }

    pub(super) fn passkey_script(&self) -> &str {
        &self.passkey_script
    }

    pub(super) fn logo(&self) -> &str {
        &self.logo
    }

    pub(super) fn icon(&self) -> &str {
        &self.icon
    }

    fn with_branding(brand: Branding, texts: Texts) -> Self {
        let ours = [("mapae", Some(format!("{STYLESHEET}{}", language_rules(texts.languages()))))];
        let mut look = Self {
            name: brand.name.unwrap_or_else(|| NAME.to_owned()),
            texts,
            zone: Zone::default(),
            accent: brand.accent.unwrap_or(ACCENT),
            assets: BTreeMap::new(),
            stylesheets: Vec::new(),
            console_stylesheet: String::new(),
            script: String::new(),
            passkey_script: String::new(),
            logo: String::new(),
            icon: String::new(),
        };
        let accent = brand.accent.map(|accent| accent_rules(accent, brand.accent_dark));
        let theirs = [("accent", accent), ("style", brand.stylesheet)];
        for (stem, sheet) in ours.into_iter().chain(theirs) {
            if let Some(sheet) = sheet {
                let name = look.add(stem, "css", CSS, sheet.into());
                look.stylesheets.push(name);
            }
        }
        let console = Bytes::from_static(CONSOLE_STYLESHEET.as_bytes());
        look.console_stylesheet = look.add("console", "css", CSS, console);
        look.script = look.add("mapae", "js", JAVASCRIPT, Bytes::from_static(SCRIPT.as_bytes()));
        let passkeys = Bytes::from_static(PASSKEY_SCRIPT.as_bytes());
        look.passkey_script = look.add("passkeys", "js", JAVASCRIPT, passkeys);
        let mark = look.add("mapae", "svg", SVG, Bytes::from_static(MARK.as_bytes()));
        let logo = brand
            .logo
            .map(|logo| look.add("logo", logo.extension, logo.content_type, logo.body.into()));
        look.logo = logo.unwrap_or(mark);
        look.icon.clone_from(&look.logo);
        look
    }

    fn add(
        &mut self,
        stem: &str,
        extension: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> String {
        let digest = Sha256::digest(&body);
        let hash = hex::lower(digest.get(..8).unwrap_or_default());
        let name = format!("{stem}.{hash}.{extension}");
        self.assets.insert(name.clone(), Asset { content_type, body });
        name
    }
}

/// The rules for fonts and line breaks of each language, for pages and for links to another
/// language.
fn language_rules(languages: Languages) -> String {
    let rule = |language: Language| {
        let LanguageData { tag, fonts, word_break, .. } = language.data();
        format!("[lang=\"{tag}\"] {{ font-family: {fonts}; word-break: {word_break}; }}\n")
    };
    languages.iter().map(rule).collect()
}

/// The accent colour as custom properties in a stylesheet: an inline style would need
/// `unsafe-inline`.
fn accent_rules(light: Colour, dark: Option<Colour>) -> String {
    let [light_grounds, dark_grounds] = [LIGHT_GROUNDS, DARK_GROUNDS].map(|grounds| {
        grounds.iter().filter_map(|ground| Colour::parse(ground)).collect::<Vec<_>>()
    });
    let dark = dark.unwrap_or_else(|| light.readable_on(&dark_grounds, Colour::WHITE));
    let rules = |accent: Colour, grounds: &[Colour], towards: Colour| {
        let on_accent = accent.text_on();
        let link = accent.readable_on(grounds, towards);
        format!(":root{{--accent:{accent};--on-accent:{on_accent};--link:{link}}}")
    };
    let light = rules(light, &light_grounds, Colour::BLACK);
    let dark = rules(dark, &dark_grounds, Colour::WHITE);
    format!("{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n")
}

#[cfg(test)]
mod tests {
    use super::{ACCENT, DARK_GROUNDS, LIGHT_GROUNDS, Look, STYLESHEET, accent_rules};
    use crate::pages::colour::{Colour, READABLE};

    /// The value of a custom property, in the light or the dark part of the stylesheet.
    fn property(sheet: &str, name: &str, is_dark: bool) -> Colour {
        let (light, dark) = sheet.split_once("prefers-color-scheme").expect("two parts");
        let part = if is_dark { dark } else { light };
        let (_, rest) = part.split_once(&format!("--{name}:")).expect(name);
        Colour::parse(rest.trim_start().get(..7).expect("a colour")).expect(name)
    }

    fn grounds(is_dark: bool) -> Vec<Colour> {
        ["paper", "surface"].map(|name| property(STYLESHEET, name, is_dark)).to_vec()
    }

    #[test]
    fn our_own_colours_are_readable() {
        for is_dark in [false, true] {
            let known = if is_dark { DARK_GROUNDS } else { LIGHT_GROUNDS };
            assert!(is_dark || property(STYLESHEET, "accent", is_dark) == ACCENT);
            let found = grounds(is_dark).iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(found, known, "the grounds are those of the stylesheet");
            for name in ["ink", "muted", "link", "wrong", "good"] {
                for ground in grounds(is_dark) {
                    let contrast = property(STYLESHEET, name, is_dark).contrast(ground);
                    assert!(contrast >= READABLE, "{name} on {ground}: {contrast}");
                }
            }
            // WCAG 2.2 §1.4.11: the edge of a field needs a contrast of 3.
            for ground in grounds(is_dark) {
                assert!(property(STYLESHEET, "edge", is_dark).contrast(ground) >= 3.0);
            }
            let accent = property(STYLESHEET, "accent", is_dark);
            assert!(accent.contrast(property(STYLESHEET, "on-accent", is_dark)) >= READABLE);
        }
    }

    #[test]
    fn any_accent_leaves_words_readable() {
        for accent in ["#ffe000", "#000000", "#ffffff", "#0055ff", "#888888", "#03c75a"] {
            let sheet = accent_rules(Colour::parse(accent).expect("a colour"), None);
            for is_dark in [false, true] {
                let on = property(&sheet, "on-accent", is_dark);
                assert!(property(&sheet, "accent", is_dark).contrast(on) >= READABLE, "{accent}");
                for ground in grounds(is_dark) {
                    let link = property(&sheet, "link", is_dark);
                    assert!(link.contrast(ground) >= READABLE, "{accent}: {link} on {ground}");
                }
            }
        }
    }

    #[test]
    fn a_name_changes_with_its_content() {
        let look = Look::builtin();
        let names: Vec<&str> = look.asset_names().collect();
        assert_eq!(names.len(), 5, "{names:?}");
        for name in names {
            let parts: Vec<&str> = name.split('.').collect();
            assert!(
                parts.len() == 3
                    && ["console", "mapae", "passkeys"].contains(&parts[0])
                    && parts[1].len() == 16,
                "{name}"
            );
        }
        assert!(look.asset("mapae.css").is_none());
        assert_eq!(look.name(), "mapae");
        assert!(STYLESHEET.len() < 16_600, "the stylesheet stays small");
    }
}
