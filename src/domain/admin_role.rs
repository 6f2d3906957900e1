//! The roles of people in the administration of mapae.

use super::admin_right::{AdminRight, Rights};
use super::wire::wire_enum;

wire_enum! {
    /// What a person may do in the administration. A person can have several.
    #[derive(PartialOrd, Ord)]
    AdminRole {
        /// Everything, and only an owner makes owners.
        Owner = "owner",
        /// Everything, except making owners.
        Admin = "admin",
        /// People and their sessions.
        Support = "support",
        /// Reads everything, and changes nothing.
        Auditor = "auditor",
    }
}

impl AdminRole {
    /// The rights of this role.
    #[must_use]
    pub fn rights(self) -> Rights {
        match self {
            Self::Owner => Rights::all(),
            Self::Admin => Rights::all().without(AdminRight::MakeOwners),
            Self::Support => Rights::of(&[AdminRight::ReadPeople, AdminRight::ChangePeople]),
            Self::Auditor => {
                let reads = AdminRight::ALL.iter().copied().filter(|right| !right.changes());
                reads.collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_but_the_owner_has_the_rights_of_an_owner() {
        for role in AdminRole::ALL {
            let includes = role.rights().includes(AdminRole::Owner.rights());
            assert_eq!(includes, *role == AdminRole::Owner, "{role:?}");
        }
    }

    #[test]
    fn support_has_people_alone_and_an_auditor_changes_nothing() {
        let support = AdminRole::Support.rights();
        for right in AdminRight::ALL {
            let of_people = matches!(right, AdminRight::ReadPeople | AdminRight::ChangePeople);
            assert_eq!(support.contains(*right), of_people, "{right:?}");
            let auditor = AdminRole::Auditor.rights().contains(*right);
            assert_eq!(auditor, !right.changes(), "{right:?}");
        }
    }
}
