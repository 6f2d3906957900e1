//! The message about what happened at a provider.

use super::frame::Frame;
use crate::domain::upstream_outcome::UpstreamOutcome;

/// What happened at a provider, and which one it is.
#[derive(Clone, Copy, Debug)]
pub struct ProviderNotice<'a> {
    /// What happened.
    pub outcome: UpstreamOutcome,
    /// The name of the provider; `None`: there is no such provider.
    pub provider: Option<&'a str>,
}

impl ProviderNotice<'_> {
    /// Whether it is a plain note and no error: the person cancelled, or the provider is
    /// unavailable.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.outcome, UpstreamOutcome::Cancelled | UpstreamOutcome::Unavailable)
    }

    /// The text on the sign-in page.
    pub(super) fn at_sign_in(&self, frame: &Frame<'_>) -> Option<String> {
        match (self.outcome, self.provider) {
            (UpstreamOutcome::Cancelled, Some(name)) => {
                Some(frame.t1("social-cancelled", "provider", name))
            }
            (UpstreamOutcome::Unavailable, Some(name)) => {
                Some(frame.t1("social-unavailable", "provider", name))
            }
            (UpstreamOutcome::Refused, Some(name)) => {
                Some(frame.t1("social-refused", "provider", name))
            }
            (UpstreamOutcome::Failed, Some(name)) => {
                Some(frame.t1("social-failed", "provider", name))
            }
            (UpstreamOutcome::Unknown, _) => Some(frame.t("social-unknown")),
            _ => None,
        }
    }

    /// The text on the account page.
    pub(super) fn at_account(&self, frame: &Frame<'_>) -> Option<String> {
        match (self.outcome, self.provider) {
            (UpstreamOutcome::Cancelled, Some(name)) => {
                Some(frame.t1("link-cancelled", "provider", name))
            }
            (UpstreamOutcome::Unavailable, Some(name)) => {
                Some(frame.t1("link-unavailable", "provider", name))
            }
            (UpstreamOutcome::Refused, Some(name)) => {
                Some(frame.t1("link-refused", "provider", name))
            }
            (UpstreamOutcome::Failed, Some(name)) => {
                Some(frame.t1("link-failed", "provider", name))
            }
            (UpstreamOutcome::Taken, Some(name)) => Some(frame.t1("link-taken", "provider", name)),
            (UpstreamOutcome::Unknown, _) => Some(frame.t("link-unknown")),
            (UpstreamOutcome::LastWayIn, _) => Some(frame.t("link-last-way-in")),
            _ => None,
        }
    }
}
