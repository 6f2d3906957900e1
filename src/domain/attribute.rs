//! Attributes of people that an operator declares: a name, a type, and the scope that shows it.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::claim_names::{GROUPS, RESERVED, ROLES, is_claim};
use super::scope::Scope;
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
    /// When it was declared.
    pub created_at: DateTime<Utc>,
}

/// The most attributes of an installation.
pub const MOST: usize = 100;

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
        Ok(Self { name: name.to_owned(), kind, scope: scope.to_owned(), created_at })
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
