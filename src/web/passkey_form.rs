//! The forms of pages that ask for a passkey.

use crate::accounts::passkeys::challenge::PasskeyPrompt;
use crate::domain::form::Form;
use crate::flows::new_way_in::NewPasskey;
use crate::pages::PasskeyForm;

/// The form of a page that asks for a passkey. The page is at this address.
pub(super) fn passkey_form<'a>(prompt: &'a PasskeyPrompt, here: &'a str) -> PasskeyForm<'a> {
    PasskeyForm {
        options: &prompt.options,
        challenge: &prompt.challenge,
        begins: prompt.begins_within.num_seconds(),
        again: here,
    }
}

/// The new passkey that a form brings instead of a password.
pub(super) fn new_passkey(form: &Form) -> Option<NewPasskey<'_>> {
    let answer = form.get("credential").filter(|answer| !answer.is_empty())?;
    Some(NewPasskey { challenge: form.get("challenge").unwrap_or_default(), answer })
}
