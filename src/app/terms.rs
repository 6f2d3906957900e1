//! `[[terms]]` in the settings file: the documents that people are asked to accept.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::language::Language;
use crate::domain::terms::{Document, Terms};
use crate::settings::Collector;
use crate::settings::table::table;

table! {
    /// One document.
    struct Raw {
        /// Its name in forms and in the database: 1 to 32 of `a-z`, `0-9`, `-`, `_`.
        id: String,
        /// Its version, for example the day from which it holds. Another version is asked for again.
        version: String,
        /// Whether nobody gets on without accepting it.
        #[serde(default)]
        required: bool,
        /// Its title, by language: `{ en = "Terms of use", ko = "이용약관" }`.
        title: BTreeMap<String, String>,
        /// Where people read it, by language.
        url: BTreeMap<String, String>,
    }
}

/// The name of the tables in the file.
pub(super) const NAME: &str = "terms";

/// Declares the tables and reads each. Errors become problems of the settings.
pub(super) fn read(from: &mut Collector) -> Terms {
    from.begin("Terms");
    let words = "Each `[[terms]]` is a document that people are asked to accept when they make an account, and again when it has a new version: see [operators.md](operators.md#terms). It has no name in the environment.";
    let Some(value) = from.take_table(NAME, words, Raw::keys()) else { return Terms::default() };
    let toml::Value::Array(tables) = value else {
        from.problem(NAME, "is a list of tables: [[terms]]");
        return Terms::default();
    };
    let mut terms = Terms::default();
    let mut ids = BTreeSet::new();
    for (at, table) in tables.into_iter().enumerate() {
        let raw: Raw = match table.try_into() {
            Ok(raw) => raw,
            Err(error) => {
                from.problem(&format!("{NAME}[{at}]"), error.message());
                continue;
            }
        };
        let name = if raw.id.is_empty() { at.to_string() } else { raw.id.clone() };
        for (key, problem) in problems(&raw) {
            from.problem(&format!("{NAME}.{name}.{key}"), problem);
        }
        if !ids.insert(raw.id.clone()) {
            from.problem(&format!("{NAME}.{name}.id"), "is taken by another [[terms]]");
        }
        let Raw { id, version, required, title, url } = raw;
        from.show_of_table(format!("{NAME}.{name}.version"), version.clone());
        from.show_of_table(format!("{NAME}.{name}.required"), required.to_string());
        terms.0.push(Document { id, version, required, title, url });
    }
    terms
}

fn problems(raw: &Raw) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if !(1..=32).contains(&raw.id.len()) || !raw.id.bytes().all(legal) {
        problems.push(("id", "is not 1 to 32 of a-z, 0-9, - and _".to_owned()));
    }
    if !(1..=64).contains(&raw.version.len()) || raw.version.chars().any(char::is_control) {
        problems.push(("version", "is not a text of 1 to 64 bytes".to_owned()));
    }
    for (key, texts) in [("title", &raw.title), ("url", &raw.url)] {
        if texts.is_empty() {
            problems.push((key, "needs a text in a language".to_owned()));
        }
        for (language, text) in texts {
            if Language::of_tag(language).is_none_or(|known| known.as_str() != language) {
                problems.push((key, format!("has no language {language:?}")));
            }
            if key == "url" && !is_link(text) {
                problems.push((key, format!("{text:?} is not a URL with https or http")));
            }
        }
    }
    problems
}

fn is_link(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}
