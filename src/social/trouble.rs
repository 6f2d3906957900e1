//! Why nobody came of a visit to a provider.

use crate::domain::reason::Reason;

/// The longest text of somebody else that a line of the log or of the audit holds, in characters.
const LONGEST: usize = 100;

/// What somebody else said, as it may stand in a log: short, and on one line.
#[must_use]
pub fn cut(said: &str) -> String {
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    let mut text: String = said.chars().take(LONGEST).map(one_line).collect();
    if said.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

/// Why nobody came of a visit to a provider. The texts are for the operator: no page and no app
/// sees more than the kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is down or slow, or was so often just now: another try makes sense.
    #[error("{0}")]
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
    /// The person has not agreed to what it needs to tell about them: they can be asked.
    #[error("they have not agreed to {0}")]
    Unagreed(String),
    /// Nothing proves for whom such a token was issued, so any app there could have got it (token
    /// substitution, OpenID Connect Core §16.11).
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

    /// A token that was issued for an app whose tokens do not count here.
    pub(super) fn another_app() -> Self {
        Self::refused(Reason::WrongAudience, "it was issued for another app")
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
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(_) => Reason::Unavailable,
            Self::Refused { reason, .. } => *reason,
            Self::Misconfigured(_) => Reason::Misconfigured,
            Self::Unagreed(_) => Reason::PersonRefused,
            Self::Unprovable => Reason::Unprovable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_others_say_is_cut_at_a_hundred_characters_and_stands_on_one_line() {
        assert_eq!(cut("invalid_grant"), "invalid_grant");
        assert_eq!(cut("a\nb\u{1b}[31m"), "a b [31m");
        let long = cut(&"가".repeat(9000));
        assert_eq!(long, format!("{}…", "가".repeat(100)));
        assert_eq!(cut(&"a".repeat(100)), "a".repeat(100));
    }
}
