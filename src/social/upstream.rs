//! This server at one provider: how it is registered there, and the channel to it.

use std::sync::Arc;

use super::apple;
use super::channel::Channel;
use super::error::UpstreamError;
use super::profiles::{self, ProviderProfile, RequiredCredential};
use super::provider::UpstreamAuthorizationRequest;
use crate::domain::provider::{Audience, Credential, Registration};
use crate::domain::secret::Secret;

/// This server at one provider.
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

    /// Who we are there.
    pub(super) fn client_id(&self) -> &str {
        &self.registration.metadata.client_id
    }

    /// Its issuer: the usual one, or where the operator says that it is.
    pub(super) fn issuer(&self) -> &str {
        self.custom_issuer().unwrap_or(self.profile.issuer)
    }

    /// Where it is instead of at its usual place.
    pub(super) fn custom_issuer(&self) -> Option<&str> {
        self.registration.metadata.issuer.as_deref()
    }

    /// Where its own interface is: beside the issuer where that is not the usual one.
    pub(super) fn api(&self) -> &str {
        self.custom_issuer().unwrap_or(self.profile.api)
    }

    /// Further audiences there that the operator trusts, so that they may stand beside ours.
    pub(super) fn additional_audiences(&self, is_meant: fn(&Audience) -> bool) -> Vec<&str> {
        let audiences = self.registration.metadata.audiences.iter();
        audiences.filter(|one| is_meant(one)).map(|one| one.id.as_str()).collect()
    }

    /// What we prove by who we are.
    pub(super) fn secret(&self) -> Option<&Secret> {
        match &self.registration.credential {
            Credential::Secret(secret) => Some(secret),
            Credential::None | Credential::Key { .. } => None,
        }
    }

    /// The secret of this moment for this client id of the operator's there, which Apple has for each
    /// of their apps.
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

    /// Whether a code that was sent to no redirect URI belongs to a further client id: only with a
    /// key can we be all of them.
    pub(super) fn has_native_codes(&self) -> bool {
        self.profile.credential == RequiredCredential::Key
    }

    /// By what it refuses a code that it does not know, besides `invalid_grant`.
    pub(super) fn unknown_code_errors(&self) -> &'static [&'static str] {
        self.profile.unknown_code_errors
    }

    /// What is asked for.
    pub(super) fn scopes(&self) -> &str {
        self.registration.metadata.scopes.as_deref().unwrap_or(self.profile.scopes)
    }

    /// What makes it ask the person again, if that is wished.
    pub(super) fn reauthentication(
        &self,
        request: UpstreamAuthorizationRequest<'_>,
    ) -> &'static [(&'static str, &'static str)] {
        if request.again { self.profile.reauthentication } else { &[] }
    }

    /// Whether it says when the person proved who they are, where that is wished.
    pub(super) fn requires_auth_time(&self) -> bool {
        self.profile.requires_auth_time
    }
}
