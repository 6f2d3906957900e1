//! The section with the passkeys, as the page shows it.

use crate::domain::passkey::{Passkey, authenticator};
use crate::flows::my_passkeys::MyPasskeys;
use crate::pages::{PasskeyProblem, PasskeysSection, ShownPasskey};
use crate::web::passkey_form::passkey_form;

/// The section with these passkeys.
pub(super) fn section(mine: &MyPasskeys, problem: Option<PasskeyProblem>) -> PasskeysSection<'_> {
    PasskeysSection {
        all: mine.all.iter().map(shown).collect(),
        removable: mine.removable,
        addable: mine.addable,
        form: mine.prompt.as_ref().map(|prompt| passkey_form(prompt, "")),
        problem,
    }
}

fn shown(passkey: &Passkey) -> ShownPasskey<'_> {
    ShownPasskey {
        id: passkey.handle(),
        name: passkey.name.as_deref(),
        kind: authenticator(passkey.aaguid),
        backed_up: passkey.backed_up,
        since: passkey.created_at,
        used_at: passkey.used_at,
    }
}
