//! Paths of changes, RFC 7644 §3.5.2.

use super::attribute_name::{LONGEST, Named, named};
use super::filter::Filter;
use super::filter_parser::Parser;
use super::refusal::{ScimRefusal, ScimResult, ScimType};
use super::schema::{Attribute, ResourceType};

/// What a path of a change leads to.
#[derive(Clone, Debug)]
pub enum Path {
    /// An attribute that is kept, its values that match, and a sub-attribute of them.
    Kept {
        /// The attribute.
        attribute: &'static Attribute,
        /// Which of its values.
        filter: Option<Filter>,
        /// The sub-attribute.
        sub: Option<&'static Attribute>,
    },
    /// A standard attribute that is not kept.
    NotKept,
}

impl Path {
    /// Reads the path of a change, RFC 7644 §3.5.2.
    pub fn parse(text: &str, of: ResourceType) -> ScimResult<Self> {
        let bad = |why: String| ScimRefusal::bad(ScimType::InvalidPath, why);
        if text.len() > LONGEST {
            return Err(bad(format!("a path has at most {LONGEST} bytes")));
        }
        let text = text.trim();
        let Some((name, rest)) = text.split_once('[') else {
            return Ok(match named(text, of, bad)? {
                Some(Named { attribute, sub }) => Self::Kept { attribute, filter: None, sub },
                None => Self::NotKept,
            });
        };
        let Some((inside, behind)) = rest.rsplit_once(']') else {
            return Err(bad(format!("{text:?} has no closing bracket")));
        };
        let Some(Named { attribute, sub: None }) = named(name, of, bad)? else {
            return Ok(Self::NotKept);
        };
        let filter = Parser::of_values(inside, of, attribute)?.parse()?;
        let sub = match behind.strip_prefix('.') {
            Some(sub) => match attribute.sub(sub) {
                Some(sub) => Some(sub),
                None => return Err(bad(format!("{} has no {sub:?}", attribute.name))),
            },
            None if behind.is_empty() => None,
            None => return Err(bad(format!("{behind:?} does not belong behind a bracket"))),
        };
        Ok(Self::Kept { attribute, filter: Some(filter), sub })
    }
}
