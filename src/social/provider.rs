//! The interface of a provider of social login, with the types that it takes and returns.

use std::fmt;
use std::pin::Pin;

use chrono::{DateTime, Utc};

use super::error::UpstreamError;
use crate::domain::identity::Identity;

/// The future answer of a provider.
pub type ProviderAnswer<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, UpstreamError>> + Send + 'a>>;

/// A provider of social login.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The URL to which a person is redirected for signing in.
    fn start<'a>(&'a self, request: UpstreamAuthorizationRequest<'a>)
    -> ProviderAnswer<'a, String>;

    /// Finds out who the person is that returned with a code.
    fn finish<'a>(
        &'a self,
        response: UpstreamAuthorizationResponse<'a>,
    ) -> ProviderAnswer<'a, Identity>;

    /// Finds out whose token this is. An app got it from the provider, for one of `accepted`.
    fn prove<'a>(&'a self, presented: PresentedToken<'a>) -> ProviderAnswer<'a, VerifiedIdentity>;

    /// Whether this provider issues tokens with this issuer.
    fn issues(&self, issuer: &str) -> bool;

    /// Whether an authorization response with this `iss` is from this provider. This is checked for
    /// errors, too (RFC 9207 §2.4). A response without `iss` is accepted, unless the provider
    /// promises to send one.
    fn answers_as<'a>(&'a self, iss: Option<&'a str>) -> ProviderAnswer<'a, bool> {
        Box::pin(std::future::ready(Ok(iss.is_none_or(|iss| self.issues(iss)))))
    }

    /// Whether a code is redeemed with the redirect URI that it was sent to, RFC 6749 §4.1.3.
    fn names_redirect_uri(&self) -> bool {
        true
    }

    /// Whether the provider failed so often that it is not called for a while.
    fn is_failing(&self) -> bool;

    /// Whether the provider can be reached and accepts this client. The result is text for the
    /// operator.
    fn check<'a>(&'a self, redirect_uri: &'a str) -> ProviderAnswer<'a, Vec<String>>;
}

/// The parameters of an authorization request to a provider, RFC 6749 §4.1.1.
#[derive(Clone, Copy)]
pub struct UpstreamAuthorizationRequest<'a> {
    /// The callback of this server.
    pub redirect_uri: &'a str,
    /// `state`.
    pub state: &'a str,
    /// `nonce`.
    pub nonce: &'a str,
    /// The PKCE verifier.
    pub verifier: &'a str,
    /// A hint about the account that the person will use.
    pub login_hint: Option<&'a str>,
    /// The language of the person.
    pub language: &'a str,
    /// Whether the person has to prove again who they are.
    pub again: bool,
    /// The scopes to request instead of the usual ones: those that the person had not consented to.
    pub scopes: Option<&'a str>,
}

/// The parameters with which a person returns to the callback, RFC 6749 §4.1.2.
#[derive(Clone, Copy)]
pub struct UpstreamAuthorizationResponse<'a> {
    /// `code`.
    pub code: &'a str,
    /// Apple's `user`.
    pub user: Option<&'a str>,
    /// The callback of this server.
    pub redirect_uri: &'a str,
    /// `state`.
    pub state: &'a str,
    /// The nonce of the request.
    pub nonce: &'a str,
    /// The PKCE verifier of the request.
    pub verifier: &'a str,
    /// If the person had to prove again who they are: the earliest time at which they may have done
    /// so.
    pub since: Option<DateTime<Utc>>,
}

/// What an app presents that it got from a provider.
#[derive(Clone, Copy, Debug)]
pub struct PresentedToken<'a> {
    /// The token.
    pub token: UpstreamToken<'a>,
    /// The client ids at the provider for which the token may have been issued.
    pub accepted: &'a [&'a str],
    /// The nonce that the app sent to the provider.
    pub nonce: Option<&'a str>,
}

/// A token of a provider.
#[derive(Clone, Copy)]
pub enum UpstreamToken<'a> {
    /// An id token.
    Id(&'a str),
    /// An access token.
    Access(&'a str),
    /// An authorization code.
    Code {
        /// The code.
        code: &'a str,
        /// The redirect URI that the code was sent to.
        redirect_uri: Option<&'a str>,
        /// The PKCE verifier.
        verifier: Option<&'a str>,
        /// The `state` that the code came with, for providers that need it.
        state: Option<&'a str>,
    },
}

impl fmt::Debug for UpstreamAuthorizationRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest").field("again", &self.again).finish_non_exhaustive()
    }
}

impl fmt::Debug for UpstreamAuthorizationResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationResponse").field("since", &self.since).finish_non_exhaustive()
    }
}

/// The longest token or code that is sent to a provider, in bytes. A longer one would not fit into
/// a URL or header that the provider accepts.
const LONGEST: usize = 4096;

impl UpstreamToken<'_> {
    /// Whether it is too long, so that the provider is not asked.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        match self {
            // An id token is not sent to the provider.
            Self::Id(_) => false,
            Self::Access(token) => token.len() > LONGEST,
            Self::Code { code, redirect_uri, verifier, state } => {
                let every = [Some(*code), *redirect_uri, *verifier, *state];
                every.into_iter().flatten().any(|text| text.len() > LONGEST)
            }
        }
    }
}

impl fmt::Debug for UpstreamToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id(_) => "Id",
            Self::Access(_) => "Access",
            Self::Code { .. } => "Code",
        })
    }
}

/// The identity of a person, and the token that must not be accepted again.
#[derive(Clone, Debug)]
pub struct VerifiedIdentity {
    /// The identity.
    pub identity: Identity,
    /// The fingerprint of the token, and until when the token could be presented again.
    pub once: Option<([u8; 32], DateTime<Utc>)>,
}

impl From<Identity> for VerifiedIdentity {
    fn from(identity: Identity) -> Self {
        Self { identity, once: None }
    }
}
