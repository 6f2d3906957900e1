//! Microsoft: many tenants behind one door, each an issuer of its own.

use std::borrow::Cow;

use serde_json::Value;

use super::error::UpstreamError;
use super::upstream::Upstream;
use crate::domain::failure_reason::FailureReason;

/// Whoever has an account of any kind.
const COMMON: &str = "common";
/// The tenant of personal accounts.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// What stands for the tenant in the issuer of the metadata of several.
const PLACE: &str = "{tenantid}";

pub(super) fn is_tenant(tenant: &str) -> bool {
    is_word(tenant) || id(tenant).is_some()
}

fn is_word(tenant: &str) -> bool {
    matches!(tenant, COMMON | "organizations" | "consumers")
}

/// The id of a tenant as Microsoft writes it: in lower case. Portals and scripts show capitals too.
fn id(tenant: &str) -> Option<String> {
    let id = uuid::Uuid::try_parse(tenant).ok()?.to_string();
    id.eq_ignore_ascii_case(tenant).then_some(id)
}

/// The tenants that are let in.
#[derive(Clone, Debug)]
pub(super) struct Tenants<'a> {
    /// Where their issuers begin.
    base: &'a str,
    /// One of them, or a word for several.
    which: Cow<'a, str>,
}

impl<'a> Tenants<'a> {
    /// Those of a registration.
    pub(super) fn of(upstream: &'a Upstream) -> Self {
        Self::new(upstream.issuer(), upstream.registration.metadata.tenant.as_deref())
    }

    /// Those of the settings; whoever has an account, if these say nothing.
    fn new(base: &'a str, which: Option<&'a str>) -> Self {
        let which = which.unwrap_or(COMMON);
        Self { base, which: id(which).map_or(Cow::Borrowed(which), Cow::Owned) }
    }

    /// The issuer whose metadata they have.
    pub(super) fn issuer(&self) -> String {
        self.issuer_of(&self.which)
    }

    fn issuer_of(&self, tenant: &str) -> String {
        format!("{}/{tenant}/v2.0", self.base)
    }

    /// Whether the metadata may call its issuer this: a template where there are several.
    pub(super) fn may_be_called(&self, stated: &str) -> bool {
        let tenant = match self.which.as_ref() {
            COMMON | "organizations" => PLACE,
            "consumers" => PERSONAL,
            own => own,
        };
        stated == self.issuer_of(tenant)
    }

    /// Whether this is the issuer of a tenant, let in or not.
    pub(super) fn issues(&self, issuer: &str) -> bool {
        let tenant = issuer.strip_prefix(self.base).and_then(|rest| rest.strip_prefix('/'));
        tenant.and_then(|rest| rest.strip_suffix("/v2.0")).is_some_and(is_tenant)
    }

    /// The issuer that a token with these claims must name: that of its own tenant, which must be
    /// let in.
    pub(super) fn issuer_named(&self, claims: Option<&Value>) -> Result<String, UpstreamError> {
        let refused = |why: &str| UpstreamError::refused(FailureReason::WrongIssuer, why);
        let own = claims.and_then(|claims| claims.get("tid")).and_then(Value::as_str);
        let own = own.and_then(id).ok_or_else(|| refused("the token names no tenant"))?;
        let is_let_in = match self.which.as_ref() {
            COMMON => true,
            "organizations" => own != PERSONAL,
            "consumers" => own == PERSONAL,
            only => own == only,
        };
        if is_let_in { Ok(self.issuer_of(&own)) } else { Err(refused("the tenant is another one")) }
    }
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
            let found = Tenants::new(BASE, tenant).issuer_named(Some(&json!({ "tid": tid })));
            let expected = expected.then(|| format!("{BASE}/{tid}/v2.0"));
            assert_eq!(found.ok(), expected, "{tenant:?} {tid}");
        }
        assert!(Tenants::new(BASE, None).issuer_named(None).is_err());
        assert!(Tenants::new(BASE, None).issuer_named(Some(&json!({}))).is_err());
    }

    #[test]
    fn a_tenant_id_in_capitals_is_the_same_tenant() {
        let capitals = OWN.to_uppercase();
        assert!(is_tenant(&capitals) && !is_tenant("COMMON"));
        let own = Tenants::new(BASE, Some(&capitals));
        let issuer = format!("{BASE}/{OWN}/v2.0");
        assert_eq!(own.issuer(), issuer);
        assert!(own.may_be_called(&issuer) && own.issues(&issuer));
        for tid in [OWN, &capitals] {
            assert_eq!(own.issuer_named(Some(&json!({ "tid": tid }))).as_ref(), Ok(&issuer));
        }
        assert!(own.issuer_named(Some(&json!({ "tid": PERSONAL }))).is_err());
        // Only as it is written everywhere.
        assert!(!is_tenant(&OWN.replace('-', "")) && !is_tenant(&format!("{{{OWN}}}")));
    }

    #[test]
    fn metadata_of_several_tenants_names_a_template() {
        let template = format!("{BASE}/{{tenantid}}/v2.0");
        assert!(Tenants::new(BASE, None).may_be_called(&template));
        assert!(Tenants::new(BASE, Some("organizations")).may_be_called(&template));
        assert!(Tenants::new(BASE, Some(OWN)).may_be_called(&format!("{BASE}/{OWN}/v2.0")));
        assert!(!Tenants::new(BASE, Some(OWN)).may_be_called(&template));
        assert!(!Tenants::new(BASE, None).may_be_called("https://evil/{tenantid}/v2.0"));
    }
}
