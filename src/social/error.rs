//! Why a login at a provider came to nothing.

use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;

/// Why a login at a provider came to nothing. The texts are for the operator: no page and no app
/// sees more than the kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It is down or slow, or was so often just now: another try makes sense.
    #[error("{}", excerpt(.0).up_to(MOST))]
    Unavailable(String),
    /// What it said, or what was presented as said by it, does not hold.
    #[error("{reason}: {}", excerpt(.detail).up_to(MOST))]
    Refused {
        /// For the audit.
        reason: FailureReason,
        /// For the log.
        detail: String,
    },
    /// It does not know us as we are registered.
    #[error("the registration is not good: {0}")]
    Misconfigured(String),
    /// The person has not agreed to what it needs to tell about them: they can be asked.
    #[error("they have not agreed to {}", excerpt(.0))]
    Unagreed(String),
    /// Nothing proves for whom such a token was issued, so any app there could have got it (token
    /// substitution, OpenID Connect Core §16.11).
    #[error("nothing proves for whom such a token was issued")]
    Unprovable,
}

/// Our words around those of a provider or of whoever presented a token.
const MOST: usize = 300;

impl UpstreamError {
    pub(super) fn refused(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self::Refused { reason, detail: detail.into() }
    }

    /// RFC 9207 §2.4: the authorization response is not this provider's.
    #[must_use]
    pub fn another_issuer() -> Self {
        Self::refused(FailureReason::WrongIssuer, "the answer came from another issuer")
    }

    /// A token that was issued for an app whose tokens do not count here.
    pub(super) fn another_app() -> Self {
        Self::refused(FailureReason::WrongAudience, "it was issued for another app")
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
            Self::Unagreed(scopes) => Self::Unagreed(scopes),
            Self::Unprovable => Self::Unprovable,
        }
    }

    /// Why, for the audit.
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
