//! Groups of people. An app gets the names of a person's groups as the claim `groups`.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ids::identifier;

identifier! {
    /// The identifier of a group. A group that gets another name keeps it.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    GroupId, Uuid::now_v7().to_string()
}

/// The name of a group, compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(String);

/// The error for a text that cannot be the name of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a group has 1 to 100 characters, none of them a control character")]
pub struct BadGroupName;

impl GroupName {
    /// Reads a name. Nothing is trimmed or folded.
    pub fn parse(text: &str) -> Result<Self, BadGroupName> {
        if is_name(text) { Ok(Self(text.to_owned())) } else { Err(BadGroupName) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text has 1 to 100 characters and no control character.
pub(super) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its identifier.
    pub id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_to_a_hundred_characters_and_none_of_control() {
        let (hundred, more) = ("그".repeat(100), "그".repeat(101));
        for good in ["a", "team/dev ops", " x ", "관리자", "a:b", hundred.as_str()] {
            assert_eq!(GroupName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "\u{7f}", "a\u{85}", more.as_str()] {
            assert_eq!(GroupName::parse(bad), Err(BadGroupName), "{bad:?}");
        }
    }
}
