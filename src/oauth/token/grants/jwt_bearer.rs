//! `urn:ietf:params:oauth:grant-type:jwt-bearer`, RFC 7523 §2.1: the id token of a provider, or the grant of
//! an issuer that the client may show (ID-JAG). The `typ` of the assertion alone tells which, and neither
//! is ever taken for the other.

use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::grant::{Cx, Grant, required, resources, scope};
use crate::oauth::token::id_jag::redeeming;
use crate::oauth::token::mint::Entitlement;
use crate::oauth::token::upstream_tokens::{Exchange, exchange};
use crate::social::UpstreamToken;

/// The parameters of the request, RFC 7523 §2.1.
#[derive(Debug)]
pub struct JwtBearer {
    assertion: Secret,
    nonce: Option<String>,
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl Grant for JwtBearer {
    const TYPE: GrantType = GrantType::JwtBearer;

    fn parse(form: &Form) -> Result<Self, Refusal> {
        Ok(Self {
            assertion: required(form, "assertion", Reason::AssertionMissing)?.to_owned().into(),
            nonce: form.get("nonce").map(str::to_owned),
            scope: scope(form)?,
            resources: resources(form),
        })
    }

    async fn redeem(self, cx: &Cx<'_>) -> Result<Entitlement> {
        if redeeming::is_id_jag(self.assertion.expose()) {
            let Self { assertion, scope, resources, .. } = self;
            let presented = redeeming::Presented { assertion: &assertion, scope, resources };
            return redeeming::redeem(cx, presented).await;
        }
        let requested = Exchange {
            token: UpstreamToken::Id(self.assertion.expose()),
            issuer: None,
            nonce: self.nonce.as_deref(),
            scope: self.scope,
            resources: self.resources,
        };
        exchange(cx, requested).await
    }
}
