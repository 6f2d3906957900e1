//! What this server uses to talk to one provider: its registration there, and the channel.

use std::sync::Arc;

use super::apple;
use super::channel::Channel;
use super::error::UpstreamError;
use super::profiles::{self, ProviderProfile, RequiredCredential};
use super::provider::UpstreamAuthorizationRequest;
use crate::domain::provider::{Audience, Credential, Registration};
use crate::domain::secret::Secret;

/// The registration of this server at one provider, and the channel to it.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) registration: Registration,
    pub(super) channel: Arc<Channel>,
    profile: &'static ProviderProfile,
}

impl Upstream {
    pub(super) fn new(registration: Registration, channel: Channel) -> Self {
        let profile = profiles::of(registration.metadata.preset);
        Self { registration, channel: Arc::new(channel), profile }
    }

    /// The client id of this server at the provider.
    pub(super) fn client_id(&self) -> &str {
        &self.registration.metadata.client_id
    }

    /// The issuer of the provider: the usual one, or the one that the operator set.
    pub(super) fn issuer(&self) -> &str {
        self.custom_issuer().unwrap_or(self.profile.issuer)
    }

    /// The issuer that the operator set, if it is not the usual one.
    pub(super) fn custom_issuer(&self) -> Option<&str> {
        self.registration.metadata.issuer.as_deref()
    }

    /// The base URL of the provider's own API. If the operator set an issuer, it is that.
    pub(super) fn api(&self) -> &str {
        self.custom_issuer().unwrap_or(self.profile.api)
    }

    /// Further audiences that the operator trusts, so that they may be in `aud` next to this
    /// server's client ids.
    pub(super) fn additional_audiences(&self, is_meant: fn(&Audience) -> bool) -> Vec<&str> {
        let audiences = self.registration.metadata.audiences.iter();
        audiences.filter(|one| is_meant(one)).map(|one| one.id.as_str()).collect()
    }

    /// The client secret, if the credential is one.
    pub(super) fn secret(&self) -> Option<&Secret> {
        match &self.registration.credential {
            Credential::Secret(secret) => Some(secret),
            Credential::None | Credential::Key { .. } => None,
        }
    }

    /// The current client secret for this client id of the operator. Apple has a different one for
    /// each app.
    pub(super) fn secret_of(&self, client_id: &str) -> Result<Option<Secret>, UpstreamError> {
        match &self.registration.credential {
            Credential::None => Ok(None),
            Credential::Secret(secret) => Ok(Some(secret.clone())),
            Credential::Key { .. } => {
                let now = self.channel.clock().now().timestamp();
                let secret =
                    apple::client_secret(&self.registration, client_id, self.issuer(), now);
                secret.map(Some)
            }
        }
    }

    /// Whether a code without a redirect URI was issued to the client id of an app. Only with a key
    /// can this server authenticate as each of the operator's apps.
    pub(super) fn has_native_codes(&self) -> bool {
        self.profile.credential == RequiredCredential::Key
    }

    /// The errors with which it refuses an unknown code, besides `invalid_grant`.
    pub(super) fn unknown_code_errors(&self) -> &'static [&'static str] {
        self.profile.unknown_code_errors
    }

    /// The scopes that are requested.
    pub(super) fn scopes(&self) -> &str {
        self.registration.metadata.scopes.as_deref().unwrap_or(self.profile.scopes)
    }

    /// The parameters that make the provider ask the person again, if the request wants that.
    pub(super) fn reauthentication(
        &self,
        request: UpstreamAuthorizationRequest<'_>,
    ) -> &'static [(&'static str, &'static str)] {
        if request.again { self.profile.reauthentication } else { &[] }
    }

    /// Whether the provider has to say when the person proved who they are, if they had to do so
    /// again.
    pub(super) fn requires_auth_time(&self) -> bool {
        self.profile.requires_auth_time
    }
}
