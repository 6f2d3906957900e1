//! What the providers have in common that use OAuth 2 without OpenID Connect.

use super::code_flow::{CodeFlow, CodeRequest};
use super::error::UpstreamError;
use super::provider::UpstreamAuthorizationRequest;
use super::upstream::Upstream;

/// A provider that uses OAuth 2 only, RFC 6749 §4.1.
#[derive(Debug)]
pub(super) struct PlainOAuth {
    pub(super) upstream: Upstream,
    /// The authorization endpoint.
    pub(super) authorize: String,
    /// The token endpoint.
    pub(super) token: String,
}

impl PlainOAuth {
    pub(super) fn new(upstream: Upstream, authorize: String, token: String) -> Self {
        Self { upstream, authorize, token }
    }

    fn flow(&self) -> CodeFlow<'_> {
        CodeFlow {
            authorize: &self.authorize,
            token: &self.token,
            client_id: self.upstream.client_id(),
            secret: self.upstream.secret(),
            in_body: true,
        }
    }

    /// The URL at which a person signs in, with further parameters.
    pub(super) fn authorization_url(
        &self,
        request: UpstreamAuthorizationRequest<'_>,
        more: &[(&str, &str)],
    ) -> Result<String, UpstreamError> {
        let extra = [self.upstream.reauthentication(request), more].concat();
        self.flow().authorization_url(
            request,
            request.scopes.unwrap_or(self.upstream.scopes()),
            &extra,
        )
    }

    /// Redeems a code for an access token.
    pub(super) async fn redeem(&self, request: CodeRequest<'_>) -> Result<String, UpstreamError> {
        let tokens = self.flow().redeem(&self.upstream.channel, request).await?;
        tokens.access().map(str::to_owned)
    }

    /// Whether the token endpoint answers, and whether it accepts this client as far as its answer
    /// shows.
    pub(super) async fn check(&self, redirect_uri: &str) -> Result<(), UpstreamError> {
        self.flow()
            .check(&self.upstream.channel, redirect_uri, self.upstream.unknown_code_errors())
            .await
    }
}
