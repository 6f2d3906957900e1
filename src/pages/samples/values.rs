//! Values of the samples.

use chrono::{DateTime, Duration, Utc};

use crate::pages::hidden_fields::HiddenFields;
use crate::pages::passkey_form::PasskeyForm;

/// The hidden fields of a form.
pub(crate) fn hidden() -> HiddenFields<'static> {
    HiddenFields { interaction: "interaction", csrf: "csrf" }
}

/// A form for a passkey.
pub(crate) fn passkey() -> PasskeyForm<'static> {
    PasskeyForm {
        options: r#"{"challenge":"Y2hhbGxlbmdl","rpId":"id.example.com","allowCredentials":[]}"#,
        challenge: "challenge",
        begins: 150,
        again: "/page?interaction=i",
    }
}

/// A form for a new passkey.
pub(crate) fn new_passkey() -> PasskeyForm<'static> {
    PasskeyForm {
        options: r#"{"challenge":"Y2hhbGxlbmdl","rp":{"id":"id.example.com"},"user":{"id":"aWQ"}}"#,
        ..passkey()
    }
}

/// An instant so many seconds after a fixed one.
pub(crate) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::seconds(1_795_253_040 + seconds)
}
