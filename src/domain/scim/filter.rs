//! Filters, RFC 7644 §3.4.2.2: what they ask for, and whether a resource matches.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::attribute_name::Named;
use super::schema::{Attribute, Type};

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum Comparison {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A text.
    Text(String),
    /// A truth.
    Bool(bool),
    /// An instant.
    Instant(DateTime<Utc>),
    /// Nothing.
    Null,
}

/// A filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Both match.
    And(Box<Self>, Box<Self>),
    /// One of them matches.
    Or(Box<Self>, Box<Self>),
    /// It does not match.
    Not(Box<Self>),
    /// An attribute has a value.
    Present(Named),
    /// A value of an attribute compares so.
    Compare(Named, Comparison, Operand),
    /// One value of an attribute matches.
    Values(&'static Attribute, Box<Self>),
    /// A standard attribute that is not kept: no resource has it.
    Nothing,
}

impl Filter {
    /// Whether a resource matches, or one value of a complex attribute in the filter of a path.
    #[must_use]
    pub fn matches(&self, resource: &Value) -> bool {
        match self {
            Self::And(one, other) => one.matches(resource) && other.matches(resource),
            Self::Or(one, other) => one.matches(resource) || other.matches(resource),
            Self::Not(filter) => !filter.matches(resource),
            Self::Present(named) => !values(named, resource).is_empty(),
            Self::Compare(named, how, operand) => {
                let found = values(named, resource);
                let compares = |value: &&Value| compares(named.compared(), value, *how, operand);
                match (how, operand) {
                    (Comparison::Eq, Operand::Null) => found.is_empty(),
                    (Comparison::Ne, Operand::Null) => !found.is_empty(),
                    // What is not there is different from every value.
                    (Comparison::Ne, _) => found.is_empty() || found.iter().any(compares),
                    _ => found.iter().any(compares),
                }
            }
            Self::Values(attribute, filter) => {
                let all = resource.get(attribute.name);
                each(all).any(|value| filter.matches(value))
            }
            Self::Nothing => false,
        }
    }

    /// Whether it asks for this attribute anywhere.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        match self {
            Self::And(one, other) | Self::Or(one, other) => one.names(name) || other.names(name),
            Self::Not(filter) => filter.names(name),
            Self::Present(named) | Self::Compare(named, ..) => named.attribute.name == name,
            Self::Values(attribute, filter) => attribute.name == name || filter.names(name),
            Self::Nothing => false,
        }
    }

    /// Values of indexed attributes of which every resource that matches has one; `None` if nothing
    /// of the kind follows from the filter.
    #[must_use]
    pub fn needs(&self, indexed: &[&str]) -> Option<Vec<(&'static str, &str)>> {
        match self {
            Self::And(one, other) => match (one.needs(indexed), other.needs(indexed)) {
                (Some(one), Some(other)) => {
                    Some(if one.len() <= other.len() { one } else { other })
                }
                (one, other) => one.or(other),
            },
            Self::Or(one, other) => {
                let mut both = one.needs(indexed)?;
                both.extend(other.needs(indexed)?);
                Some(both)
            }
            Self::Compare(named, Comparison::Eq, Operand::Text(text)) => {
                let is_value = named.sub.is_none_or(|sub| sub.name == "value");
                let name = named.attribute.name;
                (is_value && indexed.contains(&name)).then(|| vec![(name, text.as_str())])
            }
            Self::Values(attribute, filter) if indexed.contains(&attribute.name) => {
                let inside = filter.needs(&["value"])?;
                Some(inside.into_iter().map(|(_, text)| (attribute.name, text)).collect())
            }
            Self::Nothing => Some(Vec::new()),
            _ => None,
        }
    }
}

/// Every value of an attribute that may have many.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Some(Value::Array(values)) => (values.as_slice(), None),
        other => (&[][..], other),
    };
    many.iter().chain(one).filter(|value| !is_nothing(value))
}

/// Whether a value counts as none, RFC 7643 §2.5.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn values<'a>(named: &Named, resource: &'a Value) -> Vec<&'a Value> {
    let all = each(resource.get(named.attribute.name));
    match named.sub.or_else(|| named.attribute.sub("value")) {
        Some(sub) => all.flat_map(|value| each(value.get(sub.name))).collect(),
        None => all.collect(),
    }
}

fn compares(attribute: &Attribute, value: &Value, how: Comparison, operand: &Operand) -> bool {
    match operand {
        Operand::Bool(expected) => match how {
            Comparison::Eq => value.as_bool() == Some(*expected),
            _ => value.as_bool() != Some(*expected),
        },
        Operand::Instant(expected) => {
            let found = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            found.is_some_and(|found| ordered(&found, how, expected))
        }
        Operand::Text(expected) => {
            let Some(found) = value.as_str() else { return false };
            if attribute.case_exact {
                text_compares(found, how, expected)
            } else {
                text_compares(&found.to_lowercase(), how, &expected.to_lowercase())
            }
        }
        Operand::Null => false,
    }
}

fn text_compares(found: &str, how: Comparison, expected: &str) -> bool {
    match how {
        Comparison::Co => found.contains(expected),
        Comparison::Sw => found.starts_with(expected),
        Comparison::Ew => found.ends_with(expected),
        _ => ordered(found, how, expected),
    }
}

fn ordered<T: Ord + ?Sized>(found: &T, how: Comparison, expected: &T) -> bool {
    match how {
        Comparison::Eq => found == expected,
        Comparison::Ne => found != expected,
        Comparison::Gt => found > expected,
        Comparison::Ge => found >= expected,
        Comparison::Lt => found < expected,
        Comparison::Le => found <= expected,
        Comparison::Co | Comparison::Sw | Comparison::Ew => false,
    }
}

/// Whether values of this type can be compared so, RFC 7644 §3.4.2.2.
pub(super) fn can_compare(of: Type, how: Comparison) -> bool {
    match of {
        Type::String | Type::Reference => true,
        Type::Boolean => matches!(how, Comparison::Eq | Comparison::Ne),
        Type::DateTime => !matches!(how, Comparison::Co | Comparison::Sw | Comparison::Ew),
        Type::Complex => false,
    }
}
