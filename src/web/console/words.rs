//! Words in each language of the pages, as they were typed.

use std::collections::BTreeMap;

use super::visit::Visit;
use crate::domain::language::{LANGUAGES, Language};

impl<R> Visit<R> {
    /// What was typed into the field of each language, by its tag; an empty text where nothing was.
    pub(super) fn words(&self) -> BTreeMap<String, String> {
        let tags = LANGUAGES.iter().map(Language::as_str);
        tags.map(|tag| (tag.to_owned(), self.field(tag).to_owned())).collect()
    }
}

/// The same without the languages in which there is nothing.
pub(super) fn written(mut words: BTreeMap<String, String>) -> BTreeMap<String, String> {
    words.retain(|_, text| !text.is_empty());
    words
}
