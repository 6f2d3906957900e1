//! Why nobody came of a visit to a provider.

use oauth2::basic::BasicErrorResponseType;
use oauth2::{RequestTokenError, StandardErrorResponse};
use serde_json::Value;

use super::line::Broken;
use crate::domain::reason::Reason;
use crate::outbound::Failure;

/// Why nobody came of a visit to a provider. The texts are for the operator: no page and no app
/// sees more than the kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is down or slow, or was so often just now: another try makes sense.
    #[error("the provider cannot be reached: {0}")]
    Unavailable(String),
    /// What it said, or what was presented as said by it, does not hold.
    #[error("{reason}: {detail}")]
    Refused {
        /// For the audit.
        reason: Reason,
        /// For the log.
        detail: String,
    },
    /// It does not know us as we are registered.
    #[error("the registration is not good: {0}")]
    Misconfigured(String),
    /// It cannot prove for whom a token of this kind was issued.
    #[error("nothing proves for whom such a token was issued")]
    Unprovable,
}

impl Trouble {
    pub(super) fn refused(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Refused { reason, detail: detail.into() }
    }

    /// RFC 9207 §2.4: the authorization response is not this provider's.
    #[must_use]
    pub fn another_issuer() -> Self {
        Self::refused(Reason::WrongIssuer, "the answer came from another issuer")
    }

    /// The same without these: some providers repeat what they were asked with.
    pub(super) fn without(self, secrets: &[&str]) -> Self {
        let clean = |text: String| {
            let secrets = secrets.iter().filter(|secret| !secret.is_empty());
            secrets.fold(text, |text, secret| text.replace(secret, "…"))
        };
        match self {
            Self::Unavailable(detail) => Self::Unavailable(clean(detail)),
            Self::Refused { reason, detail } => Self::Refused { reason, detail: clean(detail) },
            Self::Misconfigured(detail) => Self::Misconfigured(clean(detail)),
            Self::Unprovable => Self::Unprovable,
        }
    }

    /// Why, for the audit.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(_) => Reason::Unavailable,
            Self::Refused { reason, .. } => *reason,
            Self::Misconfigured(_) => Reason::Misconfigured,
            Self::Unprovable => Reason::Unprovable,
        }
    }
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Failed(failure @ (Failure::TooLarge | Failure::Malformed)) => {
                Self::refused(Reason::MalformedAnswer, failure.to_string())
            }
            Broken::Failed(failure @ (Failure::NotAllowed | Failure::Untrusted)) => {
                Self::Misconfigured(failure.to_string())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What a token endpoint answered, RFC 6749 §5.2.
type TokenError = RequestTokenError<Broken, StandardErrorResponse<BasicErrorResponseType>>;

impl From<TokenError> for Trouble {
    fn from(error: TokenError) -> Self {
        match error {
            RequestTokenError::Request(broken) => broken.into(),
            RequestTokenError::ServerResponse(response) => match response.error() {
                BasicErrorResponseType::InvalidClient
                | BasicErrorResponseType::UnauthorizedClient => {
                    Self::Misconfigured(response.to_string())
                }
                _ => Self::refused(Reason::CodeRefused, response.to_string()),
            },
            RequestTokenError::Parse(_, body) => in_other_words(&body),
            RequestTokenError::Other(_) => unreadable(),
        }
    }
}

/// The text of what could not be read may hold a token.
fn unreadable() -> Trouble {
    Trouble::refused(Reason::MalformedAnswer, "the token endpoint's answer cannot be read")
}

/// Facebook's `error` is an object with a number: 1 is a wrong secret, 101 a wrong app.
fn in_other_words(body: &[u8]) -> Trouble {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let error = answer.as_ref().and_then(|answer| answer.get("error"));
    match error.and_then(|error| error.get("code")).and_then(Value::as_i64) {
        Some(code @ (1 | 101)) => Trouble::Misconfigured(format!("code {code}")),
        Some(code) => Trouble::refused(Reason::CodeRefused, format!("code {code}")),
        None => unreadable(),
    }
}
