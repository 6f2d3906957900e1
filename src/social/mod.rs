//! Providers of social login: where a person goes to sign in, and who they are when they come back.
//!
//! A provider is a [`Provider`]: OpenID providers differ by a row of [`profiles`], others have a file
//! of their own. What any of them says is believed after it was proven, and nothing of it is kept
//! here: identities become accounts in [`accounts`](crate::accounts). [`registry`] has the providers that
//! this server works with.

mod apple;
mod build;
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
mod plain_oauth;
pub mod profiles;
mod provider;
pub mod registry;
mod upstream;
mod validation;

pub use build::provider;
pub use call_limit::Requester;
pub use deadline::with_deadline;
pub use error::UpstreamError;
pub use id_tokens::{UnverifiedClaims, unverified_claims};
pub use provider::{
    Answer, PresentedToken, Provider, UpstreamAuthorizationRequest, UpstreamAuthorizationResponse,
    UpstreamToken, VerifiedIdentity,
};
pub use validation::{Problems, check};
