//! Checks where a client acts with grants of this server, and whose grants it shows here (ID-JAG).

use std::collections::HashSet;

use crate::domain::client::ClientId;
use crate::domain::id_jag::{IdJagAudience, IdJagIssuer};
use crate::domain::resource;
use crate::domain::trusted_issuer::check_issuer;

/// The most entries of each list of a client.
const MOST: usize = 50;
/// The most resources of one audience.
const RESOURCES: usize = 50;
/// The longest `client_id` of another server.
const LONGEST_CLIENT_ID: usize = 2000;

/// Checks where a client may act with grants of this server. `ours` is the issuer: a grant of this
/// server is good at another one alone.
pub(super) fn check_audiences(audiences: &[IdJagAudience], ours: &str) -> Result<(), String> {
    if audiences.len() > MOST {
        return Err(format!("id_jag_audiences has at most {MOST} entries"));
    }
    let mut seen = HashSet::new();
    for IdJagAudience { audience, client_id, scope, resources, sub_of } in audiences {
        check_issuer(audience, ours).map_err(|why| format!("id_jag_audiences: {why}"))?;
        let is_id = !client_id.is_empty()
            && client_id.len() <= LONGEST_CLIENT_ID
            && client_id.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if !is_id {
            // RFC 6749 appendix A.1
            return Err(format!("id_jag_audiences: {client_id:?} is not a client id"));
        }
        if scope.is_empty() {
            return Err("id_jag_audiences: an entry has a scope".to_owned());
        }
        if resources.len() > RESOURCES {
            return Err(format!("id_jag_audiences: an entry has at most {RESOURCES} resources"));
        }
        resources.iter().try_for_each(|one| resource::check_id(one))?;
        if sub_of.as_ref().is_some_and(|id| ClientId::parse(id).is_none()) {
            return Err("id_jag_audiences: sub_of is the id of a client of this server".to_owned());
        }
        if !seen.insert(audience) {
            return Err(format!("id_jag_audiences: there are two entries for {audience:?}"));
        }
    }
    Ok(())
}

/// Checks whose grants a client may show here. `ours` is the issuer: this server takes no grant of its
/// own.
pub(super) fn check_issuers(issuers: &[IdJagIssuer], ours: &str) -> Result<(), String> {
    if issuers.len() > MOST {
        return Err(format!("id_jag_issuers has at most {MOST} entries"));
    }
    let mut seen = HashSet::new();
    for IdJagIssuer { issuer, .. } in issuers {
        check_issuer(issuer, ours).map_err(|why| format!("id_jag_issuers: {why}"))?;
        if !seen.insert(issuer) {
            return Err(format!("id_jag_issuers: {issuer:?} is named twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::Scope;

    const OURS: &str = "https://id.example.com";

    fn audience() -> IdJagAudience {
        IdJagAudience {
            audience: "https://as.example".to_owned(),
            client_id: "f53f 191f".to_owned(),
            scope: Scope::parse("chat.read openid").unwrap(),
            resources: vec!["https://api.example/".to_owned()],
            sub_of: Some("as".to_owned()),
        }
    }

    #[test]
    fn an_audience_is_another_server_with_a_client_a_scope_and_resources() {
        let other = IdJagAudience {
            audience: "https://as2.example/path/".to_owned(),
            resources: Vec::new(),
            sub_of: None,
            ..audience()
        };
        assert_eq!(check_audiences(&[audience(), other.clone()], OURS), Ok(()));
        for wrong in [
            IdJagAudience { audience: OURS.to_owned(), ..audience() },
            IdJagAudience { audience: "urn:as".to_owned(), ..audience() },
            IdJagAudience { audience: "https://as.example?x".to_owned(), ..audience() },
            IdJagAudience { client_id: String::new(), ..audience() },
            IdJagAudience { client_id: "앱".to_owned(), ..audience() },
            IdJagAudience { client_id: "a\n".to_owned(), ..audience() },
            IdJagAudience { client_id: "a".repeat(2001), ..audience() },
            IdJagAudience { scope: Scope::default(), ..audience() },
            IdJagAudience { resources: vec!["api".to_owned()], ..audience() },
            IdJagAudience { resources: vec!["https://api.example".to_owned(); 51], ..audience() },
            IdJagAudience { sub_of: Some(String::new()), ..audience() },
        ] {
            assert!(check_audiences(std::slice::from_ref(&wrong), OURS).is_err(), "{wrong:?}");
        }
        assert!(check_audiences(&[audience(), audience()], OURS).is_err());
        assert!(check_audiences(&vec![audience(); 51], OURS).is_err());
    }

    #[test]
    fn an_issuer_is_another_server_and_is_named_once() {
        let one = |issuer: &str| IdJagIssuer { issuer: issuer.to_owned(), jwks: None };
        let good = one("https://idp.example");
        assert_eq!(check_issuers(&[good.clone(), one("https://idp.example/")], OURS), Ok(()));
        for wrong in [one(OURS), one("idp"), one(""), one("https://a@idp.example"), good.clone()] {
            assert!(check_issuers(&[good.clone(), wrong.clone()], OURS).is_err(), "{wrong:?}");
        }
        assert!(check_issuers(&vec![good; 51], OURS).is_err());
    }
}
