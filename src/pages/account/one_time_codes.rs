//! The section about one-time codes, and the recovery codes that stand in for them.

use chrono::{DateTime, Utc};

use crate::domain::recovery_code::FEW;
use crate::pages::frame::Frame;

/// The section with the one-time codes of the person.
#[derive(Clone, Copy, Debug)]
pub struct OneTimeCodes<'a> {
    /// Since when there are one-time codes; `None` if there are none.
    pub since: Option<DateTime<Utc>>,
    /// How many recovery codes are left.
    pub left: u64,
    /// What the form for new recovery codes carries.
    pub new: &'a str,
}

impl OneTimeCodes<'_> {
    /// How many recovery codes are left, in words.
    pub(super) fn left_text(&self, frame: &Frame<'_>) -> String {
        frame.tn("codes-left", "left", self.left)
    }

    /// Whether few recovery codes are left.
    pub(super) fn is_low(&self) -> bool {
        self.left <= FEW
    }
}
