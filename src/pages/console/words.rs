//! Words in each language of the pages, which operators write: a field for each language.

use std::collections::BTreeMap;

use super::parts::{Fact, Field};
use crate::domain::language::LANGUAGES;

/// A field for each language, with what is there now. Its name is the tag of the language.
pub(super) fn fields(texts: &BTreeMap<String, String>) -> Vec<Field> {
    let languages = LANGUAGES.iter().map(|language| {
        let (tag, name) = (language.as_str(), language.data().own_name);
        Field::line(tag, name.to_owned(), texts.get(tag).map_or("", String::as_str))
    });
    languages.collect()
}

/// The same to read, without the languages that have no words.
pub(super) fn facts(texts: &BTreeMap<String, String>) -> Vec<Fact> {
    let languages = LANGUAGES.iter().filter_map(|language| {
        let text = texts.get(language.as_str())?;
        Some(Fact::text(language.data().own_name.to_owned(), text.as_str()))
    });
    languages.collect()
}
