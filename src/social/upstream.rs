//! This server at one provider: how it is registered there, and the channel to it.

use std::sync::Arc;

use crate::domain::provider::{Audience, Credential, Registration};
use crate::domain::sensitive::Sensitive;
use crate::social::channel::Channel;
use crate::social::error::UpstreamError;
use crate::social::profiles::{self, ProviderProfile, RequiredCredential};
use crate::social::{AuthorizationRequest, apple};

/// This server at one provider.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) registration: Registration,
    pub(super) channel: Arc<Channel>,
    preset: &'static ProviderProfile,
}

impl Upstream {
    pub(super) fn new(registration: Registration, channel: Channel) -> Self {
        let preset = profiles::of(registration.terms.preset);
        Self { registration, channel: Arc::new(channel), preset }
    }

    /// Who we are there.
    pub(super) fn client_id(&self) -> &str {
        &self.registration.terms.client_id
    }

    /// Where it is: at its usual place, or where the operator says.
    pub(super) fn base(&self) -> &str {
        self.custom_issuer().unwrap_or(self.preset.issuer)
    }

    /// Where it is instead of at its usual place.
    pub(super) fn custom_issuer(&self) -> Option<&str> {
        self.registration.terms.issuer.as_deref()
    }

    /// Further audiences there that the operator trusts, so that they may stand beside ours.
    pub(super) fn additional_audiences(&self, is_meant: fn(&Audience) -> bool) -> Vec<&str> {
        let audiences = self.registration.terms.audiences.iter();
        audiences.filter(|one| is_meant(one)).map(|one| one.id.as_str()).collect()
    }

    /// What we prove by who we are.
    pub(super) fn secret(&self) -> Option<&Sensitive> {
        match &self.registration.credential {
            Credential::Secret(secret) => Some(secret),
            Credential::None | Credential::Key { .. } => None,
        }
    }

    /// The secret of this moment for this client id of the operator's there, which Apple has for each
    /// of their apps.
    pub(super) fn secret_of(&self, client_id: &str) -> Result<Option<Sensitive>, UpstreamError> {
        match &self.registration.credential {
            Credential::None => Ok(None),
            Credential::Secret(secret) => Ok(Some(secret.clone())),
            Credential::Key { .. } => {
                let now = self.channel.clock().now().timestamp();
                let secret = apple::client_secret(&self.registration, client_id, self.base(), now);
                secret.map(Some)
            }
        }
    }

    /// Whether a code that was sent to no redirect URI belongs to a further client id: only with a
    /// key can we be all of them.
    pub(super) fn has_native_codes(&self) -> bool {
        self.preset.needs == RequiredCredential::Key
    }

    /// By what it refuses a code that it does not know, besides `invalid_grant`.
    pub(super) fn unknown_code_errors(&self) -> &'static [&'static str] {
        self.preset.unknown_code_errors
    }

    /// What is asked for.
    pub(super) fn scopes(&self) -> &str {
        self.registration.terms.scopes.as_deref().unwrap_or(self.preset.scopes)
    }

    /// What makes it ask the person again, if that is wished.
    pub(super) fn again(
        &self,
        request: AuthorizationRequest<'_>,
    ) -> &'static [(&'static str, &'static str)] {
        if request.again { self.preset.again } else { &[] }
    }

    /// Whether it says when the person proved who they are, where that is wished.
    pub(super) fn requires_auth_time(&self) -> bool {
        self.preset.requires_auth_time
    }
}
