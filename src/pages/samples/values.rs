//! Values of the samples.

use chrono::{DateTime, Duration, Utc};

use crate::pages::hidden_fields::HiddenFields;

/// The hidden fields of a form.
pub(crate) fn hidden() -> HiddenFields<'static> {
    HiddenFields { interaction: "interaction", csrf: "csrf" }
}

/// An instant so many seconds after a fixed one.
pub(crate) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::seconds(1_795_253_040 + seconds)
}
