//! Providers of social login: redirects people to a provider, and finds out who they are when they
//! return to the callback.
//!
//! A provider is a [`Provider`]. OpenID providers differ by a row of [`profiles`], and others have
//! a file of their own. What a provider says is used only after it was verified, and nothing of it
//! is stored here: [`accounts`](crate::accounts) turns identities into accounts. [`registry`] has
//! the providers that this server uses.

mod apple;
mod build;
mod call_limit;
mod channel;
mod circuit_breaker;
mod claims;
mod code_flow;
mod credential_check;
mod deadline;
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
pub mod outside_issuers;
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
pub use metadata::check_metadata;
pub use provider::{
    PresentedToken, Provider, ProviderAnswer, UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse, UpstreamToken, VerifiedIdentity,
};
pub use validation::{Problems, check};
