//! Roles that people have at one client. Its tokens, and those for the API that it is, name them in
//! the claim `roles`.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::client::ClientId;
use super::group::is_name;
use super::ids::identifier;

identifier! {
    /// The identifier of a role at a client.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    ClientRoleId, Uuid::now_v7().to_string()
}

/// The name of a role at a client, compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

/// The error for a text that cannot be the name of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a role has 1 to 100 characters, none of them a colon or a control character")]
pub struct BadRoleName;

impl RoleName {
    /// Reads a name. Nothing is trimmed or folded.
    pub fn parse(text: &str) -> Result<Self, BadRoleName> {
        let good = is_name(text) && !text.contains(':');
        if good { Ok(Self(text.to_owned())) } else { Err(BadRoleName) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role at a client.
#[derive(Clone, Debug)]
pub struct ClientRole {
    /// Its identifier.
    pub id: ClientRoleId,
    /// The client.
    pub client: ClientId,
    /// Its name.
    pub name: RoleName,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Reads `CLIENT:ROLE`. The id of a client may have colons, and the name of a role has none.
#[must_use]
pub fn split(text: &str) -> Option<(ClientId, RoleName)> {
    let (client, name) = text.rsplit_once(':')?;
    Some((ClientId::parse(client)?, RoleName::parse(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_and_role_are_read_from_one_word() {
        let read = |text| split(text).map(|(c, r)| (c.to_string(), r.to_string()));
        assert_eq!(read("shop:editor"), Some(("shop".to_owned(), "editor".to_owned())));
        assert_eq!(read("urn:a:b:편집"), Some(("urn:a:b".to_owned(), "편집".to_owned())));
        for bad in ["owner", "shop:", ":editor", "", "shop:a\nb"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
