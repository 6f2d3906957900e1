//! Checks the rules of a client that acts for people, RFC 8693.

use std::collections::HashSet;

use crate::domain::client::ClientId;
use crate::domain::may_act::MayAct;
use crate::domain::resource;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID};

/// The most rules of a client.
const RULES: usize = 100;

/// Checks the rules of a client. `ours` is the issuer: nobody acts for a person at this server itself.
pub(super) fn check(rules: &[MayAct], ours: &str) -> Result<(), String> {
    if rules.len() > RULES {
        return Err(format!("may_act has at most {RULES} rules"));
    }
    let mut seen = HashSet::new();
    for MayAct { for_client, resource, scope } in rules {
        if ClientId::parse(for_client).is_none() {
            return Err(format!("may_act: {for_client:?} is not a client id"));
        }
        resource::check_id(resource)?;
        let is_ours = resource
            .strip_prefix(ours)
            .is_some_and(|path| path.is_empty() || path.starts_with('/'));
        if is_ours {
            return Err("may_act: nobody acts for a person at this server itself".to_owned());
        }
        if scope.contains(OPENID) || scope.contains(OFFLINE_ACCESS) {
            return Err(
                "may_act: openid and offline_access are for the person's own app".to_owned()
            );
        }
        if !seen.insert((for_client, resource)) {
            return Err(format!("may_act: there are two rules for {for_client:?} at {resource:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::Scope;

    fn rule(for_client: &str, resource: &str, text: &str) -> MayAct {
        let (for_client, resource) = (for_client.to_owned(), resource.to_owned());
        MayAct { for_client, resource, scope: Scope::parse(text).unwrap() }
    }

    #[test]
    fn a_rule_names_a_client_a_resource_of_somebody_else_and_a_scope_of_its_own() {
        let ours = "https://id.example.com";
        let good = rule("app", "https://api.example.com", "read");
        assert_eq!(
            check(&[good.clone(), rule("other", "https://api.example.com", "")], ours),
            Ok(())
        );
        assert_eq!(check(&[rule("app", "https://id.example.com.au", "read")], ours), Ok(()));
        for wrong in [
            rule("", "https://api.example.com", "read"),
            rule("앱", "https://api.example.com", "read"),
            rule("app", "api", "read"),
            rule("app", "https://api.example.com#x", "read"),
            rule("app", "https://id.example.com", "read"),
            rule("app", "https://id.example.com/admin/api", "read"),
            rule("app", "https://api.example.com/2", "openid"),
            rule("app", "https://api.example.com/2", "read offline_access"),
            good.clone(),
        ] {
            assert!(check(&[good.clone(), wrong.clone()], ours).is_err(), "{wrong:?}");
        }
    }
}
