//! Why a login at a provider failed.

use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::outbound::document_cache::{FetchError, Unfetched};

/// Why a login at a provider failed. The texts are for the operator; pages and apps only see the
/// kind of error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The provider is down or slow, or was so often a short time ago. The person may try again.
    #[error("{}", excerpt(.0).up_to(MOST))]
    Unavailable(String),
    /// The answer of the provider, or a token that was presented, is not valid.
    #[error("{reason}: {}", excerpt(.detail).up_to(MOST))]
    Refused {
        /// The reason for the audit event.
        reason: FailureReason,
        /// Details for the log.
        detail: String,
    },
    /// The provider does not accept the client id or the credential that are registered here.
    #[error("the registration is not good: {0}")]
    Misconfigured(String),
    /// The person has not consented to the scopes that the provider needs. They can be asked again.
    #[error("they have not agreed to {}", excerpt(.0))]
    Unagreed(String),
    /// Nothing proves for which app such a token was issued, so any app at the provider could have
    /// got it (token substitution, OpenID Connect Core §16.11).
    #[error("nothing proves for whom such a token was issued")]
    Unprovable,
}

/// The longest detail in an error text. It may quote a provider or a presented token.
const MOST: usize = 300;

impl FetchError for UpstreamError {}

impl From<Unfetched> for UpstreamError {
    fn from(Unfetched(detail): Unfetched) -> Self {
        Self::Unavailable(detail)
    }
}

impl UpstreamError {
    pub(super) fn refused(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self::Refused { reason, detail: detail.into() }
    }

    /// RFC 9207 §2.4: the authorization response comes from another issuer.
    #[must_use]
    pub fn another_issuer() -> Self {
        Self::refused(FailureReason::WrongIssuer, "the answer came from another issuer")
    }

    /// The token was issued for an app whose tokens are not accepted here.
    pub(super) fn another_app() -> Self {
        Self::refused(FailureReason::WrongAudience, "it was issued for another app")
    }

    /// Removes these secrets from the texts, because some providers repeat the request in their
    /// error.
    pub(super) fn without(self, secrets: &[&str]) -> Self {
        let clean = |text: String| {
            let secrets = secrets.iter().filter(|secret| !secret.is_empty());
            secrets.fold(text, |text, secret| text.replace(secret, "…"))
        };
        match self {
            Self::Unavailable(detail) => Self::Unavailable(clean(detail)),
            Self::Refused { reason, detail } => Self::Refused { reason, detail: clean(detail) },
            Self::Misconfigured(detail) => Self::Misconfigured(clean(detail)),
            Self::Unagreed(scopes) => Self::Unagreed(scopes),
            Self::Unprovable => Self::Unprovable,
        }
    }

    /// The reason for the audit event.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        match self {
            Self::Unavailable(_) => FailureReason::Unavailable,
            Self::Refused { reason, .. } => *reason,
            Self::Misconfigured(_) => FailureReason::Misconfigured,
            Self::Unagreed(_) => FailureReason::PersonRefused,
            Self::Unprovable => FailureReason::Unprovable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_quoted_does_not_decide_how_long_a_line_is() {
        let long = "x".repeat(9000);
        for error in [
            UpstreamError::Unavailable(long.clone()),
            UpstreamError::refused(FailureReason::CodeRefused, long.clone()),
            UpstreamError::Unagreed(long.clone()),
        ] {
            let said = error.to_string();
            assert!((100..400).contains(&said.chars().count()) && said.ends_with('…'), "{said}");
        }
    }
}
