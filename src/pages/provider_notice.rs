//! What happened on the way by a provider, in words.

use super::frame::Frame;
use crate::domain::note::Note;

/// What happened, and where.
#[derive(Clone, Copy, Debug)]
pub struct ProviderNotice<'a> {
    /// What happened.
    pub note: Note,
    /// What people call the provider; none: one that is not there.
    pub provider: Option<&'a str>,
}

impl ProviderNotice<'_> {
    /// Whether nobody is at fault, or it was their own will: it needs no more than to be said.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.note, Note::Cancelled | Note::Unavailable)
    }

    /// What the sign-in page says.
    pub(super) fn at_sign_in(&self, frame: &Frame<'_>) -> Option<String> {
        match (self.note, self.provider) {
            (Note::Cancelled, Some(name)) => Some(frame.t1("social-cancelled", "provider", name)),
            (Note::Unavailable, Some(name)) => {
                Some(frame.t1("social-unavailable", "provider", name))
            }
            (Note::Refused, Some(name)) => Some(frame.t1("social-refused", "provider", name)),
            (Note::Failed, Some(name)) => Some(frame.t1("social-failed", "provider", name)),
            (Note::Unknown, _) => Some(frame.t("social-unknown")),
            _ => None,
        }
    }

    /// What the account page says.
    pub(super) fn at_account(&self, frame: &Frame<'_>) -> Option<String> {
        match (self.note, self.provider) {
            (Note::Cancelled, Some(name)) => Some(frame.t1("link-cancelled", "provider", name)),
            (Note::Unavailable, Some(name)) => Some(frame.t1("link-unavailable", "provider", name)),
            (Note::Refused, Some(name)) => Some(frame.t1("link-refused", "provider", name)),
            (Note::Failed, Some(name)) => Some(frame.t1("link-failed", "provider", name)),
            (Note::Taken, Some(name)) => Some(frame.t1("link-taken", "provider", name)),
            (Note::Unknown, _) => Some(frame.t("link-unknown")),
            (Note::LastWayIn, _) => Some(frame.t("link-last-way-in")),
            _ => None,
        }
    }
}
