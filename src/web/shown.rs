//! People and permissions, as pages show them.

use crate::accounts::browsers::SignedInUser;
use crate::domain::claim_names::{GROUPS, ROLES};
use crate::domain::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::domain::user::User;
use crate::flows::scope_texts::ScopeTexts;
use crate::pages::{Permission, Person};

/// A person, as pages show them.
pub(super) fn person(signed_in_user: &SignedInUser) -> Person<'_> {
    person_of(&signed_in_user.user)
}

/// The person of an account, as pages show them.
pub(super) fn person_of(user: &User) -> Person<'_> {
    let name = user.profile.name.as_deref().filter(|name| !name.trim().is_empty());
    Person { name, username: &user.username, email: user.email.as_deref() }
}

/// The permissions that pages show for what an app asks for, without repetitions.
pub(super) fn permissions<'a>(
    scope: &'a Scope,
    claims: impl IntoIterator<Item = &'a str>,
    resources: impl IntoIterator<Item = &'a String>,
    texts: &'a ScopeTexts,
) -> Vec<Permission<'a>> {
    let of_scope = scope.iter().map(|token| match token {
        OPENID => Permission::Identity,
        OFFLINE_ACCESS => Permission::Offline,
        "profile" => Permission::Profile,
        "email" => Permission::Email,
        "address" => Permission::Address,
        "phone" => Permission::Phone,
        GROUPS => Permission::Groups,
        ROLES => Permission::Roles,
        other => texts.get(other).map_or(Permission::Other(other), Permission::Described),
    });
    let by_name = claims.into_iter().map(|claim| match claim {
        "sub" => Permission::Identity,
        "name" | "given_name" | "family_name" | "middle_name" => Permission::Claim("name"),
        "email" | "email_verified" => Permission::Email,
        "address" => Permission::Address,
        "phone_number" | "phone_number_verified" => Permission::Phone,
        other => Permission::Claim(other),
    });
    let mut permissions: Vec<Permission<'_>> = Vec::new();
    let at = resources.into_iter().map(|resource| Permission::At(resource));
    for permission in of_scope.chain(by_name).chain(at) {
        if !permissions.contains(&permission) {
            permissions.push(permission);
        }
    }
    // Permissions that people can judge come first; those without a text of ours come last.
    permissions.sort_by_key(Permission::rank);
    permissions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_weigh_stands_before_the_names_of_permissions() {
        let text = "admin:write api:read email groups offline_access openid profile roles";
        let scope = Scope::parse(text).unwrap();
        let expected = [
            Permission::Identity,
            Permission::Profile,
            Permission::Email,
            Permission::Claim("locale"),
            Permission::Groups,
            Permission::Roles,
            Permission::Offline,
            Permission::Other("admin:write"),
            Permission::Other("api:read"),
            Permission::At("https://api.example"),
        ];
        let resources = ["https://api.example".to_owned()];
        let texts = ScopeTexts::default();
        assert_eq!(permissions(&scope, ["locale", "email"], &resources, &texts), expected);
    }
}
