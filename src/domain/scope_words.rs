//! The words of a scope: what the consent page says instead of its name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::claim_names::is_scope_of_ours;
use super::language::{LANGUAGES, Language};
use super::scope::Scope;

/// A scope with its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeWords {
    /// The scope token.
    pub name: String,
    /// The words, by the tag of the language.
    pub texts: BTreeMap<String, String>,
    /// When it was described.
    pub created_at: DateTime<Utc>,
}

impl ScopeWords {
    /// Checks the name and the words.
    pub fn new(
        name: &str,
        texts: BTreeMap<String, String>,
        created_at: DateTime<Utc>,
    ) -> Result<Self, String> {
        let is_one = Scope::parse(name).is_ok_and(|scope| scope.contains(name));
        if !is_one {
            return Err(format!("{name:?} is not one scope (RFC 6749 §3.3)"));
        }
        if is_scope_of_ours(name) {
            return Err(format!("the scope {name:?} has words of ours"));
        }
        check(&texts)?;
        Ok(Self { name: name.to_owned(), texts, created_at })
    }

    /// The words in a language; in another one if there are none in it.
    #[must_use]
    pub fn text(&self, language: Language) -> Option<&str> {
        in_language(&self.texts, language)
    }
}

/// Checks words that operators wrote.
pub(super) fn check(texts: &BTreeMap<String, String>) -> Result<(), String> {
    let is_good = |text: &String| {
        (1..=200).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && !text.trim().is_empty()
    };
    if texts.values().all(is_good) {
        Ok(())
    } else {
        Err("a text has 1 to 200 characters and no control character".to_owned())
    }
}

/// The words in a language; in another one if there are none in it.
pub(super) fn in_language(texts: &BTreeMap<String, String>, language: Language) -> Option<&str> {
    let of = |language: Language| texts.get(language.as_str());
    of(language)
        .or_else(|| of(LANGUAGES.first()))
        .or_else(|| texts.values().next())
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn words(name: &str, texts: &[(&str, &str)]) -> Result<ScopeWords, String> {
        let texts = texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned()));
        ScopeWords::new(name, texts.collect(), from_millis(0))
    }

    #[test]
    fn words_are_for_one_scope_that_has_none_of_ours() {
        assert!(words("orders:read", &[("en", "See your orders")]).is_ok());
        let long = "x".repeat(201);
        for (name, text) in [
            ("", "x"),
            ("a b", "x"),
            ("openid", "x"),
            ("email", "x"),
            ("groups", "x"),
            ("a", ""),
            ("a", " "),
            ("a", "x\ny"),
            ("a", long.as_str()),
        ] {
            assert!(words(name, &[("en", text)]).is_err(), "{name:?} {text:?}");
        }
    }

    #[test]
    fn a_language_without_words_gets_those_of_another() {
        let of = |tag| LANGUAGES.iter().find(|language| language.as_str() == tag).unwrap();
        let both = words("a", &[("en", "one"), ("ko", "하나")]).unwrap();
        assert_eq!((both.text(of("ko")), both.text(of("en"))), (Some("하나"), Some("one")));
        let only = words("a", &[("ko", "하나")]).unwrap();
        assert_eq!(only.text(of("en")), Some("하나"));
    }
}
