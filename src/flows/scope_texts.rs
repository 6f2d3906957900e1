//! The words of the scopes that a page shows.

use std::collections::HashMap;

use crate::domain::language::Language;
use crate::domain::scope::Scope;
use crate::domain::scope_words::ScopeWords;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::store::scope_words;

/// The words of scopes in one language.
#[derive(Clone, Debug, Default)]
pub struct ScopeTexts(HashMap<String, String>);

impl ScopeTexts {
    /// The words of a scope, if an operator gave it some.
    #[must_use]
    pub fn get(&self, scope: &str) -> Option<&str> {
        self.0.get(scope).map(String::as_str)
    }
}

/// The most scopes that are looked up at once. A page with more of them shows names for the rest.
const MOST: usize = 500;

/// Reads the words of these scopes.
pub async fn of<'a>(
    flows: &Flows,
    scopes: impl Iterator<Item = &'a Scope>,
    language: Language,
) -> Result<ScopeTexts, Fault> {
    let mut names: Vec<&str> = scopes.flat_map(Scope::iter).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(MOST);
    let words = scope_words::of(&*flows.store, &names).await?;
    let text = |words: ScopeWords| {
        let text = words.text(language)?.to_owned();
        Some((words.name, text))
    };
    Ok(ScopeTexts(words.into_iter().filter_map(text).collect()))
}
