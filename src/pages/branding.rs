//! The branding folder of an operator. All problems are reported at once, each with its file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toml::{Table, Value};

use super::colour::Colour;
use super::texts::Texts;
use crate::domain::language::Languages;

const BRAND: &str = "brand.toml";
const STYLE: &str = "style.css";

/// The largest size of a logo, in bytes.
const MOST_BYTES: usize = 512 * 1024;

/// What the branding folder of an operator contains.
#[derive(Debug, Default)]
pub(super) struct Branding {
    pub(super) name: Option<String>,
    pub(super) logo: Option<BrandLogo>,
    pub(super) accent: Option<Colour>,
    pub(super) accent_dark: Option<Colour>,
    pub(super) stylesheet: Option<String>,
}

/// The image of an operator.
#[derive(Debug)]
pub(super) struct BrandLogo {
    pub(super) extension: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// Reads the branding folder.
pub(super) fn read(folder: &Path, languages: Languages) -> Result<(Branding, Texts), Vec<String>> {
    if !folder.is_dir() {
        return Err(vec![format!("{}: there is no such folder", folder.display())]);
    }
    let mut reading = Reading { folder, problems: Vec::new() };
    let mut brand = reading.brand();
    brand.stylesheet = reading.text(STYLE);
    let texts = reading.texts(languages);
    if reading.problems.is_empty() { Ok((brand, texts)) } else { Err(reading.problems) }
}

struct Reading<'a> {
    folder: &'a Path,
    problems: Vec<String>,
}

impl Reading<'_> {
    fn problem(&mut self, file: &str, what: impl std::fmt::Display) {
        self.problems.push(format!("{file}: {what}"));
    }

    fn bytes(&mut self, file: &str) -> Option<Vec<u8>> {
        match fs::read(self.folder.join(file)) {
            Ok(bytes) if bytes.len() <= MOST_BYTES => Some(bytes),
            Ok(_) => {
                self.problem(file, format_args!("is larger than {} KiB", MOST_BYTES / 1024));
                None
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.problem(file, error);
                None
            }
        }
    }

    fn text(&mut self, file: &str) -> Option<String> {
        let text = String::from_utf8(self.bytes(file)?);
        if text.is_err() {
            self.problem(file, "is not UTF-8");
        }
        text.ok()
    }

    fn brand(&mut self) -> Branding {
        let mut brand = Branding::default();
        let Some(text) = self.text(BRAND) else { return brand };
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                self.problem(BRAND, error.to_string().trim_end());
                return brand;
            }
        };
        for (key, value) in table {
            let Value::String(value) = value else {
                self.problem(BRAND, format_args!("`{key}` must be a text in quotes"));
                continue;
            };
            match key.as_str() {
                "name" => brand.name = self.name(&value),
                "logo" => brand.logo = self.logo(&value),
                "accent" => brand.accent = self.colour(&key, &value),
                "accent_dark" => brand.accent_dark = self.colour(&key, &value),
                _ => self.problem(BRAND, format_args!("there is no key `{key}`")),
            }
        }
        if brand.accent_dark.is_some() && brand.accent.is_none() {
            self.problem(BRAND, "`accent_dark` needs an `accent`");
        }
        brand
    }

    fn name(&mut self, value: &str) -> Option<String> {
        let name = value.trim();
        if name.is_empty() || name.chars().count() > 60 || name.contains(char::is_control) {
            self.problem(BRAND, "`name` must be one line of 1 to 60 characters");
            return None;
        }
        Some(name.to_owned())
    }

    fn colour(&mut self, key: &str, value: &str) -> Option<Colour> {
        let colour = Colour::parse(value);
        if colour.is_none() {
            self.problem(BRAND, format_args!("`{key}` must look like \"#8a4b12\""));
        }
        colour
    }

    fn logo(&mut self, file: &str) -> Option<BrandLogo> {
        let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
        let (extension, content_type) = match extension.to_ascii_lowercase().as_str() {
            "svg" => ("svg", "image/svg+xml"),
            "png" => ("png", "image/png"),
            "webp" => ("webp", "image/webp"),
            "jpg" | "jpeg" => ("jpg", "image/jpeg"),
            _ => {
                self.problem(BRAND, "`logo` must be an svg, png, webp or jpg file");
                return None;
            }
        };
        if stem.is_empty() || stem.contains(['/', '\\']) {
            self.problem(BRAND, "`logo` must be the name of a file in this folder");
            return None;
        }
        let problems = self.problems.len();
        let body = self.bytes(file);
        if body.is_none() && self.problems.len() == problems {
            self.problem(file, format_args!("is named as the logo in {BRAND}, but is not there"));
        }
        Some(BrandLogo { extension, content_type, body: body? })
    }

    fn texts(&mut self, languages: Languages) -> Texts {
        let mut texts = Texts::of(languages);
        for language in languages.iter() {
            let file = format!("{}.ftl", language.as_str());
            let Some(source) = self.text(&file) else { continue };
            if let Err(problems) = texts.overlay(language, source) {
                for problem in problems {
                    self.problem(&file, problem);
                }
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use crate::pages::{Language, Look, gallery};

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("a file");
        }
        folder
    }

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        Look::load(folder(files).path()).expect_err("a problem")
    }

    #[test]
    fn an_empty_folder_changes_nothing() {
        let look = Look::load(folder(&[("README", "")]).path()).expect("a look");
        let builtin = Look::builtin();
        assert!(look.asset_names().eq(builtin.asset_names()));
        assert_eq!(look.name(), builtin.name());
    }

    #[test]
    fn a_brand_is_on_every_page() {
        let folder = folder(&[
            (
                "brand.toml",
                "name = \"달빛 로그인\"\nlogo = \"moon.svg\"\naccent = \"#03c75a\"\naccent_dark = \"#7cffb0\"",
            ),
            ("moon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            ("style.css", "h1 { font-style: italic }"),
            ("ko.ftl", "sign-in-submit = 들어가기"),
        ]);
        let look = Look::load(folder.path()).expect("a look");
        assert_eq!(look.name(), "달빛 로그인");
        let starting = |start: &str| {
            let name = look.asset_names().find(|name| name.starts_with(start)).expect("an asset");
            (name, look.asset(name).expect("an asset"))
        };
        let (logo, moon) = starting("logo.");
        assert_eq!((moon.content_type, moon.body.len()), ("image/svg+xml", 41));
        let (accent, rules) = starting("accent.");
        let rules = String::from_utf8_lossy(&rules.body);
        assert!(rules.contains("--accent:#03c75a") && rules.contains("--accent:#7cffb0"));
        let (style, _) = starting("style.");
        for state in gallery(&look, Language::of_tag("ko").expect("Korean")) {
            let (page, html) = (state.name, state.html);
            assert!(html.contains(logo) && html.contains("달빛 로그인"), "{page}");
            let ours = html.find("/assets/mapae.").expect("our stylesheet");
            let places = [accent, style].map(|name| html.find(name).expect("a stylesheet"));
            assert!(ours < places[0] && places[0] < places[1], "{page}: theirs come after ours");
            let asks = html.contains("id=\"login-submit\"");
            assert_eq!(html.contains("들어가기"), asks, "{page}");
            assert!(!asks || page.starts_with("sign-in-"), "{page}");
        }
    }

    #[test]
    fn every_problem_is_said_at_once_with_its_file() {
        let found = problems(&[
            (
                "brand.toml",
                "name = \"\"\nlogo = \"../secret.png\"\naccent = \"red\"\ncolour = \"#fff\"\naccent_dark = 3",
            ),
            ("en.ftl", "sing-in-title = x"),
            ("ko.ftl", "?"),
        ]);
        for (file, what) in [
            ("brand.toml", "`name` must be"),
            ("brand.toml", "`logo` must be the name"),
            ("brand.toml", "`accent` must look"),
            ("brand.toml", "no key `colour`"),
            ("brand.toml", "`accent_dark` must be a text"),
            ("en.ftl", "no message `sing-in-title`"),
            ("ko.ftl", "line 1: "),
        ] {
            let named = format!("{file}: ");
            let is_said = |problem: &String| problem.starts_with(&named) && problem.contains(what);
            assert!(found.iter().any(is_said), "{what} in {found:#?}");
        }
        assert_eq!(found.len(), 7, "{found:#?}");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_a_problem() {
        let found = problems(&[("brand.toml", "logo = \"moon.svg\"")]);
        assert_eq!(found, ["moon.svg: is named as the logo in brand.toml, but is not there"]);
        let found = problems(&[("brand.toml", "logo = \"moon.exe\"")]);
        assert_eq!(found, ["brand.toml: `logo` must be an svg, png, webp or jpg file"]);
        let found = problems(&[("brand.toml", "accent_dark = \"#ffffff\"")]);
        assert_eq!(found, ["brand.toml: `accent_dark` needs an `accent`"]);
        let found = problems(&[("style.css", &" ".repeat(600 * 1024))]);
        assert_eq!(found, ["style.css: is larger than 512 KiB"]);
        let found = problems(&[("brand.toml", "name = ")]);
        assert!(found.len() == 1 && found[0].starts_with("brand.toml: "), "{found:?}");
        let nowhere = folder(&[]).path().join("nowhere");
        assert_eq!(Look::load(&nowhere).expect_err("a problem").len(), 1);
    }
}
