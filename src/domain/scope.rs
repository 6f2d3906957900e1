//! Scope: a set of scope tokens, RFC 6749 §3.3.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of scope tokens; the order never matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope(BTreeSet<String>);

/// The error for a text that is not `scope-token *( SP scope-token )`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is a list of tokens of printable ASCII without quote and backslash")]
pub struct BadScope;

/// OpenID Connect Core §3.1.2.1.
pub const OPENID: &str = "openid";
/// OpenID Connect Core §11.
pub const OFFLINE_ACCESS: &str = "offline_access";

impl Scope {
    /// Reads a list of scope tokens. Tokens are separated by single spaces, RFC 6749 §3.3.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(' ')
            .map(|token| if is_token(token) { Ok(token.to_owned()) } else { Err(BadScope) })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether this token is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of this set is in the other.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens of this set that are not in the other.
    pub fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.0.difference(&other.0).map(String::as_str)
    }

    /// The tokens that are in both sets.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The same set without these tokens.
    #[must_use]
    pub fn without(&self, tokens: &[&str]) -> Self {
        Self(self.iter().filter(|token| !tokens.contains(token)).map(str::to_owned).collect())
    }

    /// The tokens that are in either set.
    #[must_use]
    pub fn joined_with(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

/// A scope as RFC 6749 §3.3 writes it, for members of JSON objects.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Scope;

    pub(crate) fn serialize<S: Serializer>(scope: &Scope, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(scope)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Scope, D::Error> {
        Scope::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_3_3_syntax_of_a_scope() {
        for good in ["", "openid", "openid profile", "a:b/c.d", "!#[]~"] {
            assert!(Scope::parse(good).is_ok(), "{good:?}");
        }
        for bad in [" ", "openid  profile", " openid", "a\"b", "a\\b", "마패", "a\tb", "a\u{7f}"]
        {
            assert_eq!(Scope::parse(bad), Err(BadScope), "{bad:?}");
        }
    }

    #[test]
    fn the_order_never_matters() {
        let one = Scope::parse("profile openid email").unwrap();
        assert_eq!(one, Scope::parse("email profile openid").unwrap());
        assert_eq!(one.to_string(), "email openid profile");
        assert!(Scope::parse("email").unwrap().is_within(&one));
        assert!(!one.is_within(&Scope::parse("email").unwrap()));
    }
}
