//! Microsoft: many tenants behind one door, each an issuer of its own.

use serde_json::Value;

use super::claims;
use super::trouble::Trouble;
use crate::domain::identity::Identity;
use crate::domain::reason::Reason;

/// Whoever has an account of any kind.
const COMMON: &str = "common";
/// The tenant of personal accounts.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// What stands for the tenant in the issuer of the metadata of several.
const PLACE: &str = "{tenantid}";

pub(super) fn is_tenant(tenant: &str) -> bool {
    matches!(tenant, COMMON | "organizations" | "consumers")
        || uuid::Uuid::try_parse(tenant).is_ok()
}

/// The issuer whose metadata a tenant has.
pub(super) fn issuer(base: &str, tenant: Option<&str>) -> String {
    format!("{base}/{}/v2.0", tenant.unwrap_or(COMMON))
}

/// Whether the metadata may call its issuer this: a template where there are several.
pub(super) fn may_be_called(stated: &str, base: &str, tenant: Option<&str>) -> bool {
    let tenant = match tenant.unwrap_or(COMMON) {
        COMMON | "organizations" => PLACE,
        "consumers" => PERSONAL,
        own => own,
    };
    stated == format!("{base}/{tenant}/v2.0")
}

/// The issuer that a token must name: that of its own tenant, which must be let in.
pub(super) fn issuer_of(
    claims: Option<&Value>,
    base: &str,
    tenant: Option<&str>,
) -> Result<String, Trouble> {
    let own = claims.and_then(|claims| claims.get("tid")).and_then(Value::as_str);
    let own = own.filter(|own| uuid::Uuid::try_parse(own).is_ok());
    let own =
        own.ok_or_else(|| Trouble::refused(Reason::WrongIssuer, "the token names no tenant"))?;
    let is_let_in = match tenant.unwrap_or(COMMON) {
        COMMON => true,
        "organizations" => own != PERSONAL,
        "consumers" => own == PERSONAL,
        only => own.eq_ignore_ascii_case(only),
    };
    if !is_let_in {
        return Err(Trouble::refused(Reason::WrongIssuer, "the tenant is another one"));
    }
    Ok(issuer(base, Some(own)))
}

/// The person: `oid` in their tenant, which is the issuer. `sub` is another for each app, and
/// addresses are what an administrator writes.
pub(super) fn identity(claims: &Value, issuer: &str) -> Result<Identity, Trouble> {
    let object = claims::name(claims, "oid");
    let object =
        object.ok_or_else(|| Trouble::refused(Reason::MalformedToken, "there is no oid"))?;
    Ok(Identity::new(issuer, object))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BASE: &str = "https://login.microsoftonline.com";
    const OWN: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    #[test]
    fn a_token_names_the_issuer_of_its_own_tenant() {
        for (tenant, tid, expected) in [
            (None, OWN, true),
            (Some("common"), PERSONAL, true),
            (Some("organizations"), OWN, true),
            (Some("organizations"), PERSONAL, false),
            (Some("consumers"), PERSONAL, true),
            (Some("consumers"), OWN, false),
            (Some(OWN), OWN, true),
            (Some(OWN), PERSONAL, false),
            (None, "../evil", false),
            (None, "common", false),
        ] {
            let found = issuer_of(Some(&json!({ "tid": tid })), BASE, tenant);
            let expected = expected.then(|| format!("{BASE}/{tid}/v2.0"));
            assert_eq!(found.ok(), expected, "{tenant:?} {tid}");
        }
        assert!(issuer_of(None, BASE, None).is_err());
        assert!(issuer_of(Some(&json!({})), BASE, None).is_err());
    }

    #[test]
    fn metadata_of_several_tenants_names_a_template() {
        let template = format!("{BASE}/{{tenantid}}/v2.0");
        assert!(may_be_called(&template, BASE, None));
        assert!(may_be_called(&template, BASE, Some("organizations")));
        assert!(may_be_called(&format!("{BASE}/{OWN}/v2.0"), BASE, Some(OWN)));
        assert!(!may_be_called(&template, BASE, Some(OWN)));
        assert!(!may_be_called("https://evil/{tenantid}/v2.0", BASE, None));
    }
}
