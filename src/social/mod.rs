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
mod breaker;
mod cached;
mod channel;
mod claims;
mod code_flow;
mod dialect;
mod facebook;
mod github;
mod google;
mod id_tokens;
mod kakao;
mod limit;
mod line;
mod metadata;
mod naver;
mod openid;
mod plain_oauth;
pub mod presets;
mod provider;
mod registration;
pub mod registry;
mod site;
mod tenants;
mod trial;
mod trouble;
mod turns;

use channel::Channel;
pub use limit::in_time;
use presets::Kind;
pub use provider::{
    Answer, AuthorizationRequest, AuthorizationResponse, Presented, Proven, Provider, Token,
};
pub use registration::{Problems, check};
use site::Site;
pub use trouble::Trouble;
pub use turns::Asker;

/// Who says that they issued a token, and to whom: nobody verified it.
#[derive(Clone, Debug)]
pub struct Stated {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audiences: Vec<String>,
}

/// What an id token says before anybody verified it: only good for finding who should.
#[must_use]
pub fn stated(token: &str) -> Option<Stated> {
    let claims = id_tokens::unverified(token)?;
    let issuer = claims.get("iss")?.as_str()?.to_owned();
    let audiences = id_tokens::audiences(&claims)?.into_iter().map(str::to_owned).collect();
    Some(Stated { issuer, audiences })
}

/// Makes the provider of a registration, unless something is wrong with that.
pub fn provider(
    registration: &Registration,
    outbound: &Outbound,
    clock: &Clock,
) -> Result<Arc<dyn Provider>, Problems> {
    registration::check_grave(registration, outbound.allows_private())?;
    let channel = Channel::new(outbound.clone(), clock.clone());
    let site = Site::new(registration.clone(), channel);
    Ok(match &presets::of(registration.terms.preset).kind {
        Kind::OpenId(dialect) => Arc::new(openid::OpenId::new(site, dialect)),
        Kind::GitHub => Arc::new(github::GitHub::new(site)),
        Kind::Naver => Arc::new(naver::Naver::new(site)),
        Kind::Facebook => Arc::new(facebook::Facebook::new(site)),
    })
}
