//! The forms of pages that ask for a passkey.

use crate::accounts::passkeys::challenge::PasskeyPrompt;
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
