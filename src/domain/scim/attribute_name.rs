//! Names of attributes, RFC 7644 §3.10.

use super::refusal::{ScimRefusal, ScimResult, ScimType};
use super::schema::{Attribute, ENTERPRISE, GROUP, Meant, ResourceType, USER};

/// The longest path or filter that is read, in bytes.
pub const LONGEST: usize = 4096;

/// Standard sub-attributes that are not kept, RFC 7643 §4.1.
const NOT_KEPT: &[&str] = &["formatted", "honorificPrefix", "honorificSuffix", "display"];

/// An attribute, or one of its sub-attributes.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The sub-attribute.
    pub sub: Option<&'static Attribute>,
}

impl Named {
    /// The attribute whose values are meant: the sub-attribute if there is one. What stands for a
    /// complex attribute with a `value` is that, RFC 7644 §3.4.2.2.
    #[must_use]
    pub fn compared(&self) -> &'static Attribute {
        self.sub.or_else(|| self.attribute.sub("value")).unwrap_or(self.attribute)
    }
}

/// Whether a name is that of the enterprise extension or begins with it, without regard to case.
#[must_use]
pub fn is_of_enterprise(name: &str) -> bool {
    rest_behind(name, ENTERPRISE).is_some()
}

/// What stands behind a URN and `:`, or nothing if it is the URN alone.
fn rest_behind<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let (begins, rest) = text.split_at_checked(urn.len())?;
    if !begins.eq_ignore_ascii_case(urn) {
        return None;
    }
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') }
}

/// The name without the URN of its schema.
pub(super) fn without_urn(text: &str) -> &str {
    let behind = |urn| rest_behind(text, urn).filter(|rest| !rest.is_empty());
    behind(USER).or_else(|| behind(GROUP)).unwrap_or(text)
}

/// Whether a text can be the name of an attribute, RFC 7643 §2.1.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || "-_$".contains(c))
}

/// Reads `attribute` or `attribute.sub`; `None` for what is standard and not kept.
pub(super) fn named(
    text: &str,
    of: ResourceType,
    refuse: impl Fn(String) -> ScimRefusal,
) -> ScimResult<Option<Named>> {
    if is_of_enterprise(text) {
        return Ok(None);
    }
    let plain = without_urn(text);
    let (name, sub) = match plain.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (plain, None),
    };
    if !is_name(name) || sub.is_some_and(|sub| !is_name(sub)) {
        return Err(refuse(format!("{text:?} is not the name of an attribute")));
    }
    let attribute = match of.meant(name) {
        Meant::Kept(attribute) => attribute,
        Meant::NotKept => return Ok(None),
        Meant::Nothing => return Err(refuse(format!("there is no attribute {text:?}"))),
    };
    let sub = match sub {
        None => None,
        Some(name) => match attribute.sub(name) {
            Some(sub) => Some(sub),
            // Standard sub-attributes that are not kept.
            None if NOT_KEPT.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
                return Ok(None);
            }
            None => return Err(refuse(format!("{} has no {name:?}", attribute.name))),
        },
    };
    Ok(Some(Named { attribute, sub }))
}

/// Reads `sortBy`; `None` for what is not kept.
pub fn sort_path(text: &str, of: ResourceType) -> ScimResult<Option<Named>> {
    named(text, of, |why| ScimRefusal::bad(ScimType::InvalidPath, why))
}
