//! The names of claims: which scope gives access to which claims, and which names are reserved for
//! the tokens themselves.

use super::scope::{OFFLINE_ACCESS, OPENID, Scope};

/// Which scope gives access to which claims, OpenID Connect Core §5.4. The metadata lists them too.
pub const SCOPE_CLAIMS: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The scope and the claim for the groups of the person. A client gets them by a rule.
pub const GROUPS: &str = "groups";
/// The scope and the claim for the roles of the person at a client.
pub const ROLES: &str = "roles";

/// The claims to which a scope gives access.
pub fn by_scope(scope: &Scope) -> impl Iterator<Item = &str> {
    let granted = SCOPE_CLAIMS.iter().filter(|(name, _)| scope.contains(name));
    granted.flat_map(|(_, claims)| claims.iter().copied())
}

/// Whether this server itself gives this scope its meaning.
#[must_use]
pub fn is_scope_of_ours(token: &str) -> bool {
    [OPENID, OFFLINE_ACCESS, GROUPS, ROLES].contains(&token)
        || SCOPE_CLAIMS.iter().any(|(name, _)| *name == token)
}

/// Whether a claim of this name can be requested (Core §5.5).
#[must_use]
pub fn is_claim(name: &str) -> bool {
    SCOPE_CLAIMS.iter().any(|(_, claims)| claims.contains(&name))
}

/// The names that claims of the person can never have in an access token: the claims of the token
/// itself (RFC 9068 §2.2), and claims that verifiers read.
pub const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "sid",
    "auth_time",
    "amr",
    "acr",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "cnf",
    "act",
    "may_act",
    "typ",
    "token_type",
    "active",
    "username",
    "events",
    "idp",
    "status",
];
