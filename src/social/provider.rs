//! What a provider of social login does, and what goes in and out of it.

use std::fmt;
use std::pin::Pin;

use chrono::{DateTime, Utc};

use super::error::UpstreamError;
use crate::domain::identity::Identity;

/// What a provider answers, in its own time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, UpstreamError>> + Send + 'a>>;

/// A provider of social login.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The URL at which a person signs in there.
    fn start<'a>(&'a self, request: UpstreamAuthorizationRequest<'a>) -> Answer<'a, String>;

    /// Who it is that comes back with a code.
    fn finish<'a>(&'a self, response: UpstreamAuthorizationResponse<'a>) -> Answer<'a, Identity>;

    /// Who it is that a token speaks of, which somebody else got there for one of `accepted`.
    fn prove<'a>(&'a self, presented: PresentedToken<'a>) -> Answer<'a, VerifiedIdentity>;

    /// Whether tokens of this issuer are its own.
    fn issues(&self, issuer: &str) -> bool;

    /// Whether an authorization response with this `iss` is its own, one of an error too (RFC 9207
    /// §2.4). Without one it is, unless the provider promises one.
    fn answers_as<'a>(&'a self, iss: Option<&'a str>) -> Answer<'a, bool> {
        Box::pin(std::future::ready(Ok(iss.is_none_or(|iss| self.issues(iss)))))
    }

    /// Whether a code comes with the redirect URI that it was sent to, RFC 6749 §4.1.3.
    fn names_redirect_uri(&self) -> bool {
        true
    }

    /// Whether it can be reached, and knows us: words for the operator.
    fn check<'a>(&'a self, redirect_uri: &'a str) -> Answer<'a, Vec<String>>;
}

/// What a person leaves with, RFC 6749 §4.1.1.
#[derive(Clone, Copy)]
pub struct UpstreamAuthorizationRequest<'a> {
    /// Where they come back to.
    pub redirect_uri: &'a str,
    /// `state`.
    pub state: &'a str,
    /// `nonce`.
    pub nonce: &'a str,
    /// The verifier of PKCE.
    pub verifier: &'a str,
    /// What is known of their name.
    pub login_hint: Option<&'a str>,
    /// The language that they read.
    pub language: &'a str,
    /// Whether they are to prove anew who they are.
    pub again: bool,
    /// What is asked for, instead of the usual: what they had not agreed to.
    pub scopes: Option<&'a str>,
}

/// What a person comes back with, RFC 6749 §4.1.2.
#[derive(Clone, Copy)]
pub struct UpstreamAuthorizationResponse<'a> {
    /// `code`.
    pub code: &'a str,
    /// Apple's `user`.
    pub user: Option<&'a str>,
    /// Where they came back to.
    pub redirect_uri: &'a str,
    /// `state`.
    pub state: &'a str,
    /// The nonce that they left with.
    pub nonce: &'a str,
    /// The verifier that they left with.
    pub verifier: &'a str,
    /// Since when they must have proven who they are, if they were to do so anew.
    pub since: Option<DateTime<Utc>>,
}

/// What an app presents that it got at a provider.
#[derive(Clone, Copy, Debug)]
pub struct PresentedToken<'a> {
    /// What it is.
    pub token: UpstreamToken<'a>,
    /// The client ids there for which it may have been issued.
    pub accepted: &'a [&'a str],
    /// The nonce that the app gave there.
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
        /// Where it was sent.
        redirect_uri: Option<&'a str>,
        /// The verifier of PKCE.
        verifier: Option<&'a str>,
        /// The `state` that it came with, for whom that matters.
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

/// What is longer is none: it is sent on in an address or a header, and whoever is asked of it would
/// hang up.
const LONGEST: usize = 4096;

impl UpstreamToken<'_> {
    /// Whether nobody need be asked of it.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        match self {
            // It is not sent anywhere.
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

/// Who it is, and what must not be accepted again.
#[derive(Clone, Debug)]
pub struct VerifiedIdentity {
    /// Who.
    pub identity: Identity,
    /// What names the token, and until when it could be presented again.
    pub once: Option<([u8; 32], DateTime<Utc>)>,
}

impl From<Identity> for VerifiedIdentity {
    fn from(identity: Identity) -> Self {
        Self { identity, once: None }
    }
}
