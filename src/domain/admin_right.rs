//! What may be done in the administration, and which scopes of the API allow it.

use super::scim_token;
use super::wire::wire_enum;

wire_enum! {
    /// One thing that may be done in the administration.
    AdminRight {
        /// See people, their groups and their sessions.
        ReadPeople = "read people",
        /// Change people, their groups and their sessions.
        ChangePeople = "change people",
        /// Give people roles, and take them away.
        GrantRoles = "grant roles",
        /// Make a person an owner.
        MakeOwners = "make owners",
        /// See clients, resources, scopes and webhooks.
        ReadClients = "read clients",
        /// Change clients, resources, scopes and webhooks.
        ChangeClients = "change clients",
        /// Replace the secrets of clients and webhooks.
        ChangeSecrets = "change secrets",
        /// See the providers of social login.
        ReadProviders = "read providers",
        /// Change the providers of social login.
        ChangeProviders = "change providers",
        /// See the signing keys, without their private halves.
        ReadKeys = "read keys",
        /// Change signing keys, and end everything that was issued before an instant.
        ChangeKeys = "change keys",
        /// See the audit events.
        ReadAudit = "read the audit",
        /// See the settings that are in force, without secrets.
        ReadSettings = "read settings",
    }
}

impl AdminRight {
    /// Whether it changes something.
    #[must_use]
    pub const fn changes(self) -> bool {
        match self {
            Self::ChangePeople
            | Self::GrantRoles
            | Self::MakeOwners
            | Self::ChangeClients
            | Self::ChangeSecrets
            | Self::ChangeProviders
            | Self::ChangeKeys => true,
            Self::ReadPeople
            | Self::ReadClients
            | Self::ReadProviders
            | Self::ReadKeys
            | Self::ReadAudit
            | Self::ReadSettings => false,
        }
    }

    /// Whether a mistake or a thief does so much harm with it that a person must have proven
    /// recently who they are.
    #[must_use]
    pub const fn is_dangerous(self) -> bool {
        matches!(
            self,
            Self::GrantRoles
                | Self::MakeOwners
                | Self::ChangeSecrets
                | Self::ChangeProviders
                | Self::ChangeKeys
        )
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u16);

impl Rights {
    /// Every right.
    #[must_use]
    pub fn all() -> Self {
        Self::of(AdminRight::ALL)
    }

    /// These rights.
    #[must_use]
    pub fn of(rights: &[AdminRight]) -> Self {
        rights.iter().copied().collect()
    }

    /// The rights of a SCIM connector: people and their groups.
    #[must_use]
    pub fn of_connector() -> Self {
        Self::of(&[AdminRight::ReadPeople, AdminRight::ChangePeople])
    }

    /// Those that are in any of these sets.
    pub fn every_of(sets: impl IntoIterator<Item = Self>) -> Self {
        Self(sets.into_iter().fold(0, |bits, set| bits | set.0))
    }

    /// The same without this one.
    #[must_use]
    pub fn without(self, right: AdminRight) -> Self {
        Self(self.0 & !right.bit())
    }

    /// Those of them that a client can have for itself: only a person, who is an owner, makes owners.
    #[must_use]
    pub fn of_machine(self) -> Self {
        self.without(AdminRight::MakeOwners)
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether this right is one of them.
    #[must_use]
    pub fn contains(self, right: AdminRight) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether all of these are among them.
    #[must_use]
    pub fn includes(self, others: Self) -> bool {
        self.and(others) == others
    }
}

impl FromIterator<AdminRight> for Rights {
    fn from_iter<I: IntoIterator<Item = AdminRight>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
    }
}

wire_enum! {
    /// A scope of the administration API.
    AdminScope {
        /// People, groups, sessions, roles and imports.
        Users = "admin:users",
        /// The same, only to read.
        UsersRead = "admin:users:read",
        /// Clients, resources, scopes, roles at clients and webhooks.
        Clients = "admin:clients",
        /// The same, only to read.
        ClientsRead = "admin:clients:read",
        /// The providers of social login.
        Providers = "admin:providers",
        /// The same, only to read.
        ProvidersRead = "admin:providers:read",
        /// Signing keys, and the end of everything that was issued before an instant.
        Keys = "admin:keys",
        /// The same, only to read.
        KeysRead = "admin:keys:read",
        /// Audit events and the settings that are in force.
        AuditRead = "admin:audit:read",
    }
}

impl AdminScope {
    /// The rights of this scope. Whoever has a scope without being a person makes no owners
    /// ([`Rights::of_machine`]).
    #[must_use]
    pub fn rights(self) -> Rights {
        use AdminRight as Right;
        Rights::of(match self {
            Self::Users => {
                &[Right::ReadPeople, Right::ChangePeople, Right::GrantRoles, Right::MakeOwners]
            }
            Self::UsersRead => &[Right::ReadPeople],
            Self::Clients => &[Right::ReadClients, Right::ChangeClients, Right::ChangeSecrets],
            Self::ClientsRead => &[Right::ReadClients],
            Self::Providers => &[Right::ReadProviders, Right::ChangeProviders],
            Self::ProvidersRead => &[Right::ReadProviders],
            Self::Keys => &[Right::ReadKeys, Right::ChangeKeys],
            Self::KeysRead => &[Right::ReadKeys],
            Self::AuditRead => &[Right::ReadAudit, Right::ReadSettings],
        })
    }

    /// The rights of all scopes of the API in this list of scopes, RFC 6749 §3.3.
    #[must_use]
    pub fn rights_of(scope: &str) -> Rights {
        let known = scope.split(' ').filter_map(|word| word.parse::<Self>().ok());
        Rights::every_of(known.map(Self::rights))
    }

    /// The rights that whoever gives these scopes to a client must have: those of the API, and those
    /// of a SCIM connector.
    #[must_use]
    pub fn rights_to_give(scope: &str) -> Rights {
        let is_connector = scope.split(' ').any(|word| word == scim_token::SCOPE);
        let of_connector = if is_connector { Rights::of_connector() } else { Rights::default() };
        Rights::every_of([Self::rights_of(scope), of_connector])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_is_a_bit_of_its_own_and_belongs_to_a_scope() {
        let every: Rights = AdminRight::ALL.iter().copied().collect();
        assert_eq!(every.0.count_ones() as usize, AdminRight::ALL.len());
        let of_scopes = AdminScope::rights_of(
            "admin:users admin:clients admin:providers admin:keys admin:audit:read",
        );
        assert_eq!(of_scopes, every);
    }

    #[test]
    fn a_scope_includes_the_same_one_to_read() {
        for scope in AdminScope::ALL {
            let read = format!("{}:read", scope.as_str().trim_end_matches(":read"));
            let read: AdminScope = read.parse().expect("every area can be read");
            assert!(scope.rights().includes(read.rights()), "{scope:?}");
            let changes = AdminRight::ALL
                .iter()
                .any(|right| read.rights().contains(*right) && right.changes());
            assert!(!changes, "{read:?}");
        }
    }

    #[test]
    fn who_gives_the_scope_of_connectors_has_their_rights() {
        assert_eq!(AdminScope::rights_of("scim"), Rights::default());
        assert_eq!(AdminScope::rights_to_give("openid scim"), Rights::of_connector());
        assert!(!AdminScope::Clients.rights().includes(AdminScope::rights_to_give("scim")));
    }

    #[test]
    fn words_that_are_no_scope_of_the_api_give_no_right() {
        for scope in ["", "openid", "admin", "admin:", "admin:users:write", "ADMIN:USERS"] {
            assert_eq!(AdminScope::rights_of(scope), Rights::default(), "{scope}");
        }
    }
}
