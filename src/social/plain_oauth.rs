//! Providers that speak OAuth 2 without OpenID Connect: what they have in common.

use super::code_flow::{CodeFlow, CodeRequest};
use super::provider::AuthorizationRequest;
use super::site::Site;
use super::trouble::Trouble;

/// A provider by OAuth 2 alone, RFC 6749 §4.1.
#[derive(Debug)]
pub(super) struct PlainOAuth {
    pub(super) site: Site,
    /// The authorization endpoint.
    pub(super) authorize: String,
    /// The token endpoint.
    pub(super) token: String,
}

impl PlainOAuth {
    pub(super) fn new(site: Site, authorize: String, token: String) -> Self {
        Self { site, authorize, token }
    }

    fn flow(&self) -> CodeFlow<'_> {
        CodeFlow {
            authorize: &self.authorize,
            token: &self.token,
            client_id: self.site.client_id(),
            secret: self.site.secret(),
            in_body: true,
        }
    }

    /// The URL at which a person signs in, with more parameters.
    pub(super) fn leave(
        &self,
        request: AuthorizationRequest<'_>,
        more: &[(&str, &str)],
    ) -> Result<String, Trouble> {
        let extra = [self.site.again(request), more].concat();
        self.flow().leave(request, request.scopes.unwrap_or(self.site.scopes()), &extra)
    }

    /// The access token that a code brings.
    pub(super) async fn redeem(&self, request: CodeRequest<'_>) -> Result<String, Trouble> {
        let tokens = self.flow().redeem(&self.site.channel, request).await?;
        tokens.access().map(str::to_owned)
    }

    /// Whether it answers at its token endpoint, and knows us as far as it says so.
    pub(super) async fn check(&self, redirect_uri: &str) -> Result<(), Trouble> {
        self.flow().check(&self.site.channel, redirect_uri, self.site.unknown_code()).await
    }
}
