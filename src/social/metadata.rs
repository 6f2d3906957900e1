//! What an OpenID provider says of itself, OpenID Connect Discovery §3.

use serde::Deserialize;

use super::origin;
use super::registration::is_source;
use super::site::Site;
use super::tenants::Tenants;
use super::trouble::Trouble;

/// What of its metadata is used.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207 §3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Asks for it.
    pub(super) async fn fetch(site: &Site, tenants: Option<Tenants<'_>>) -> Result<Self, Trouble> {
        let bad = |why: String| Trouble::Misconfigured(why);
        let issuer = tenants.map_or_else(|| site.base().to_owned(), |some| some.issuer());
        // Discovery §4.1: a slash at the end of the issuer is not doubled.
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let (status, document) = site.channel.get(&url, None).await?;
        if status != 200 {
            return Err(bad(format!("the metadata is answered with status {status}")));
        }
        let metadata: Self = serde_json::from_value(document)
            .map_err(|error| bad(format!("the metadata: {error}")))?;
        // Discovery §4.3
        let stated = &metadata.issuer;
        if !tenants.map_or(*stated == issuer, |some| some.may_be_called(stated)) {
            return Err(bad(format!("the metadata names another issuer, {stated}")));
        }
        let page = &metadata.authorization_endpoint;
        // URLs have hosts that would end the policy of our pages, or widen it.
        let names_a_source =
            origin(page).is_some_and(|origin| is_source(&origin) && !origin.contains('*'));
        if !site.channel.leads_somewhere(page) || !names_a_source {
            return Err(bad("the authorization_endpoint is no web address".to_owned()));
        }
        Ok(metadata)
    }

    /// Whether a client may authenticate by HTTP Basic, which is what is meant where nothing is said
    /// (OpenID Connect Core §9).
    pub(super) fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        methods.is_none_or(|all| all.iter().any(|one| one == "client_secret_basic"))
    }
}
