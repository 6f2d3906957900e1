//! The scopes that an app may have without an operator.

use super::admin_right::{AdminScope, Rights};
use super::scope::Scope;

/// The scope with which a resource server reads revocations that concern it.
pub const READ_REVOCATIONS: &str = "revocations:read";
/// The scope with which an operator's program reads every revocation.
pub const READ_ALL_REVOCATIONS: &str = "revocations:read:all";

/// Whether an app may get this scope without an operator: it is none of the administration, and none
/// that shows what others may do.
fn is_harmless_token(token: &str) -> bool {
    AdminScope::rights_to_give(token) == Rights::default()
        && ![READ_REVOCATIONS, READ_ALL_REVOCATIONS].contains(&token)
}

/// Whether an app may get these scopes without an operator.
#[must_use]
pub fn is_harmless(scope: &Scope) -> bool {
    scope.iter().all(is_harmless_token)
}

/// Those of the scopes that an app may get without an operator.
#[must_use]
pub fn harmless(scope: &Scope) -> Scope {
    let others: Vec<&str> = scope.iter().filter(|token| !is_harmless_token(token)).collect();
    scope.without(&others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scope_of_an_operator_is_harmless() {
        let scope = Scope::parse("openid files:read admin:users revocations:read").unwrap();
        assert!(!is_harmless(&scope));
        assert_eq!(harmless(&scope), Scope::parse("openid files:read").unwrap());
        assert!(is_harmless(&harmless(&scope)));
    }
}
