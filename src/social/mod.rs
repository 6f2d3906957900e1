//! Providers of social login: where a person goes to sign in, and who they are when they come back.
//!
//! A provider is a [`Provider`]: OpenID providers differ by a row of [`presets`], others have a file
//! of their own. What any of them says is believed after it was proven, and nothing of it is kept
//! here: identities become accounts in [`accounts`](crate::accounts).

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::domain::provider::Registration;
use crate::outbound::Outbound;

mod apple;
mod call_limit;
mod channel;
mod circuit_breaker;
mod claims;
mod code_flow;
mod credential_check;
mod deadline;
mod document_cache;
mod error;
mod facebook;
mod github;
mod google;
mod id_tokens;
mod kakao;
mod line;
mod metadata;
mod microsoft;
mod naver;
mod openid;
mod openid_profile;
mod plain_oauth;
pub mod profiles;
mod provider;
pub mod registry;
mod upstream;
mod validation;

pub use call_limit::Requester;
use channel::Channel;
pub use deadline::with_deadline;
pub use error::UpstreamError;
use profiles::Protocol;
pub use provider::{
    Answer, AuthorizationRequest, AuthorizationResponse, Presented, Proven, Provider, Token,
};
use upstream::Upstream;
pub use validation::{Problems, check};

/// Who says that they issued a token, and to whom: nobody verified it.
#[derive(Clone, Debug)]
pub struct UnverifiedClaims {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audiences: Vec<String>,
}

/// What an id token says before anybody verified it: only good for finding who should.
#[must_use]
pub fn unverified_claims(token: &str) -> Option<UnverifiedClaims> {
    let claims = id_tokens::unverified(token)?;
    let issuer = claims.get("iss")?.as_str()?.to_owned();
    let audiences = id_tokens::audiences(&claims)?.into_iter().map(str::to_owned).collect();
    Some(UnverifiedClaims { issuer, audiences })
}

/// Makes the provider of a registration, unless something is wrong with that.
pub fn provider(
    registration: &Registration,
    outbound: &Outbound,
    clock: &Clock,
) -> Result<Arc<dyn Provider>, Problems> {
    validation::check_grave(registration, outbound.allows_private())?;
    let channel = Channel::new(outbound.clone(), clock.clone());
    let upstream = Upstream::new(registration.clone(), channel);
    Ok(match &profiles::of(registration.terms.preset).kind {
        Protocol::OpenId(profile) => Arc::new(openid::OpenId::new(upstream, profile)),
        Protocol::GitHub => Arc::new(github::GitHub::new(upstream)),
        Protocol::Naver => Arc::new(naver::Naver::new(upstream)),
        Protocol::Facebook => Arc::new(facebook::Facebook::new(upstream)),
    })
}
