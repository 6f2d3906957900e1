//! Microsoft: one registration may serve many tenants, and each tenant is an issuer of its own.

use std::borrow::Cow;

use serde_json::Value;

use super::error::UpstreamError;
use super::upstream::Upstream;
use crate::domain::failure_reason::FailureReason;

/// The tenant name that stands for every kind of account.
const COMMON: &str = "common";
/// The tenant of personal accounts.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// The placeholder for the tenant in the issuer of metadata that is for several tenants.
const PLACE: &str = "{tenantid}";

pub(super) fn is_tenant(tenant: &str) -> bool {
    is_word(tenant) || id(tenant).is_some()
}

fn is_word(tenant: &str) -> bool {
    matches!(tenant, COMMON | "organizations" | "consumers")
}

/// The id of a tenant in lower case, as Microsoft writes it in tokens. Portals and scripts also
/// show it in capitals.
fn id(tenant: &str) -> Option<String> {
    let id = uuid::Uuid::try_parse(tenant).ok()?.to_string();
    id.eq_ignore_ascii_case(tenant).then_some(id)
}

/// The tenants whose people are admitted.
#[derive(Clone, Debug)]
pub(super) struct Tenants<'a> {
    /// The beginning of the tenants' issuers.
    base: &'a str,
    /// The id of one tenant, or a word for several.
    which: Cow<'a, str>,
}

impl<'a> Tenants<'a> {
    /// The tenants of a registration.
    pub(super) fn of(upstream: &'a Upstream) -> Self {
        Self::new(upstream.issuer(), upstream.registration.metadata.tenant.as_deref())
    }

    /// The tenants in the settings; every kind of account, if none is set.
    fn new(base: &'a str, which: Option<&'a str>) -> Self {
        let which = which.unwrap_or(COMMON);
        Self { base, which: id(which).map_or(Cow::Borrowed(which), Cow::Owned) }
    }

    /// The issuer whose metadata is fetched.
    pub(super) fn issuer(&self) -> String {
        self.issuer_of(&self.which)
    }

    fn issuer_of(&self, tenant: &str) -> String {
        format!("{}/{tenant}/v2.0", self.base)
    }

    /// Whether the metadata may have this issuer. It is a template if there are several tenants.
    pub(super) fn may_be_called(&self, stated: &str) -> bool {
        let tenant = match self.which.as_ref() {
            COMMON | "organizations" => PLACE,
            "consumers" => PERSONAL,
            own => own,
        };
        stated == self.issuer_of(tenant)
    }

    /// Whether this is the issuer of any tenant, admitted or not.
    pub(super) fn issues(&self, issuer: &str) -> bool {
        let tenant = issuer.strip_prefix(self.base).and_then(|rest| rest.strip_prefix('/'));
        tenant.and_then(|rest| rest.strip_suffix("/v2.0")).is_some_and(is_tenant)
    }

    /// The issuer that a token with these claims must have: that of its own tenant, which must be
    /// admitted.
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
        // Other spellings of an id are not accepted.
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
