//! Attributes of people that an operator declares: a name, a type, and the scope that shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::claim_names::{GROUPS, RESERVED, ROLES, is_claim};
use super::language::{LANGUAGES, Language};
use super::profile_edit::{FieldProblem, is_no_text};
use super::scope::Scope;
use super::scope_words::{check, in_language};
use super::wire::wire_enum;

wire_enum! {
    /// The type of the values of an attribute.
    AttributeType {
        /// A text of at most 200 characters.
        String = "string",
        /// A whole number that every JSON parser keeps.
        Integer = "integer",
        /// True or false.
        Boolean = "boolean",
        /// A date, like `2026-11-28`.
        Date = "date",
    }
}

/// A declared attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, which is also the name of the claim.
    pub name: String,
    /// The type of its values.
    pub kind: AttributeType,
    /// The scope token that shows it.
    pub scope: String,
    /// Whether people may change their own value on the account page.
    pub editable: bool,
    /// What the account page calls it, by the tag of the language.
    pub texts: BTreeMap<String, String>,
    /// When it was declared.
    pub created_at: DateTime<Utc>,
}

/// The most attributes of an installation.
pub const MOST: usize = 100;

/// The most attributes that people may edit: they are the fields of one form.
pub const MOST_EDITABLE: usize = 50;

/// The largest integer that every JSON parser keeps.
const LARGEST: i64 = (1 << 53) - 1;

impl Attribute {
    /// Checks a new attribute.
    pub fn new(
        name: &str,
        kind: AttributeType,
        scope: &str,
        created_at: DateTime<Utc>,
    ) -> Result<Self, String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
        if !(1..=100).contains(&name.len()) || !name.chars().all(is_word) {
            return Err(
                "the name of an attribute has 1 to 100 letters, digits and _ - . : /".to_owned()
            );
        }
        if RESERVED.contains(&name) || is_claim(name) || [GROUPS, ROLES].contains(&name) {
            return Err(format!("the claim {name:?} has a meaning already"));
        }
        if !Scope::parse(scope).is_ok_and(|parsed| parsed.contains(scope)) {
            return Err(format!("{scope:?} is not one scope (RFC 6749 §3.3)"));
        }
        let (name, scope) = (name.to_owned(), scope.to_owned());
        Ok(Self { name, kind, scope, editable: false, texts: BTreeMap::new(), created_at })
    }

    /// The same attribute with words.
    pub fn with_texts(self, texts: BTreeMap<String, String>) -> Result<Self, String> {
        check(&texts)?;
        let is_known = |tag: &String| LANGUAGES.iter().any(|one| one.as_str() == tag);
        match texts.keys().find(|tag| !is_known(tag)) {
            Some(unknown) => Err(format!("the pages are not in the language {unknown:?}")),
            None => Ok(Self { texts, ..self }),
        }
    }

    /// What the account page calls it.
    #[must_use]
    pub fn label(&self, language: Language) -> &str {
        in_language(&self.texts, language).unwrap_or(&self.name)
    }

    /// Checks what a person typed, without the spaces around it. An empty text removes the value.
    pub fn check(&self, typed: &str) -> Result<Option<Value>, FieldProblem> {
        let text = typed.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let unreadable = self.kind == AttributeType::String && text.chars().any(is_no_text);
        match self.read(text) {
            Ok(value) if !unreadable => Ok(Some(value)),
            _ => Err(match self.kind {
                AttributeType::String if !unreadable => FieldProblem::TooLong,
                AttributeType::String | AttributeType::Boolean => FieldProblem::Unreadable,
                AttributeType::Integer => FieldProblem::NotNumber,
                AttributeType::Date => FieldProblem::NotDate,
            }),
        }
    }

    /// A value as a person types it.
    #[must_use]
    pub fn typed(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Reads a value of the type of the attribute.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let bad = |what: &str| Err(format!("the attribute {:?} is {what}: {text:?}", self.name));
        match self.kind {
            AttributeType::String => {
                let is_good = (1..=200).contains(&text.chars().count())
                    && !text.chars().any(char::is_control);
                if is_good { Ok(json!(text)) } else { bad("a text of 1 to 200 characters") }
            }
            AttributeType::Integer => match text.parse::<i64>() {
                Ok(number) if (-LARGEST..=LARGEST).contains(&number) => Ok(json!(number)),
                _ => bad("a whole number up to 2^53"),
            },
            AttributeType::Boolean => match text {
                "true" => Ok(json!(true)),
                "false" => Ok(json!(false)),
                _ => bad("true or false"),
            },
            AttributeType::Date => match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
                Ok(date) if date.format("%Y-%m-%d").to_string() == text => Ok(json!(text)),
                _ => bad("a date like 2026-11-28"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn attribute(kind: AttributeType) -> Attribute {
        Attribute::new("a", kind, "profile", from_millis(0)).unwrap()
    }

    #[test]
    fn a_name_and_a_scope_are_checked() {
        let new = |name, scope| Attribute::new(name, AttributeType::String, scope, from_millis(0));
        for good in ["department", "urn:a/b", "cost_center-2"] {
            assert!(new(good, "hr").is_ok(), "{good}");
        }
        for (name, scope) in [
            ("", "hr"),
            ("a b", "hr"),
            ("sub", "hr"),
            ("email", "hr"),
            ("groups", "hr"),
            ("a", ""),
            ("a", "a b"),
            ("부서", "hr"),
        ] {
            assert!(new(name, scope).is_err(), "{name:?} {scope:?}");
        }
    }

    #[test]
    fn what_a_person_types_is_checked_by_the_type_and_an_empty_text_takes_it_back() {
        let long = "x".repeat(201);
        for (kind, typed, taken) in [
            (AttributeType::String, " 개발 ", Ok(Some(json!("개발")))),
            (AttributeType::String, " ", Ok(None)),
            (AttributeType::String, &long, Err(FieldProblem::TooLong)),
            (AttributeType::String, "a\u{202e}b", Err(FieldProblem::Unreadable)),
            (AttributeType::String, "a\u{7}b", Err(FieldProblem::Unreadable)),
            (AttributeType::Integer, "-7", Ok(Some(json!(-7)))),
            (AttributeType::Integer, "7.5", Err(FieldProblem::NotNumber)),
            (AttributeType::Boolean, "true", Ok(Some(json!(true)))),
            (AttributeType::Boolean, "yes", Err(FieldProblem::Unreadable)),
            (AttributeType::Date, "2024-02-29", Ok(Some(json!("2024-02-29")))),
            (AttributeType::Date, "29.2.2024", Err(FieldProblem::NotDate)),
        ] {
            assert_eq!(attribute(kind).check(typed), taken, "{kind:?} {typed:?}");
        }
    }

    #[test]
    fn words_are_in_a_language_of_the_pages_and_the_name_stands_in_for_them() {
        let of = |tag| LANGUAGES.iter().find(|language| language.as_str() == tag).unwrap();
        let texts = |tag: &str, text: &str| BTreeMap::from([(tag.to_owned(), text.to_owned())]);
        let bare = attribute(AttributeType::String);
        assert_eq!(bare.label(of("ko")), "a");
        let named = bare.clone().with_texts(texts("ko", "부서")).unwrap();
        assert_eq!((named.label(of("ko")), named.label(of("en"))), ("부서", "부서"));
        for (tag, text) in [("tlh", "x"), ("en", ""), ("en", "a\nb")] {
            assert!(bare.clone().with_texts(texts(tag, text)).is_err(), "{tag} {text:?}");
        }
    }

    #[test]
    fn a_value_has_the_type_of_its_attribute() {
        let long = "x".repeat(201);
        for (kind, good, bad) in [
            (
                AttributeType::String,
                vec![("개발", json!("개발")), ("1", json!("1"))],
                vec!["", "a\nb", &long],
            ),
            (
                AttributeType::Integer,
                vec![("-7", json!(-7))],
                vec!["", "1.5", "x", "9007199254740992"],
            ),
            (
                AttributeType::Boolean,
                vec![("true", json!(true)), ("false", json!(false))],
                vec!["", "yes"],
            ),
            (
                AttributeType::Date,
                vec![("2024-02-29", json!("2024-02-29"))],
                vec!["2023-02-29", "2024-2-1", "x"],
            ),
        ] {
            for (text, value) in good {
                assert_eq!(attribute(kind).read(text), Ok(value), "{kind:?}");
            }
            for text in bad {
                assert!(attribute(kind).read(text).is_err(), "{kind:?} {text:?}");
            }
        }
    }
}
