//! The forms of this server's pages, checked before a step uses them. A step that changes something
//! takes one of these types, and only a check makes one, so a form of another site can never reach
//! a step.

use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::domain::interaction::{Handle, Interaction};
use crate::flows::context::Flows;
use crate::flows::interaction::{Caller, ended_just_now, still_open};
use crate::flows::lookup;
use crate::flows::outcome::{InteractionError, Outcome};

/// Proof that a request was sent by a page of this server.
#[derive(Debug)]
pub struct SameOrigin(());

impl SameOrigin {
    /// Checks the headers in which the browser names the sender: `Sec-Fetch-Site`, or `Origin` if
    /// the browser is too old for it. A request with neither does not come from a browser that
    /// people use today; it still has to have the token of the form.
    #[must_use]
    pub fn check(fetch_site: Option<&[u8]>, origin: Option<&[u8]>, ours: &str) -> Option<Self> {
        let is_ours = match (fetch_site, origin) {
            (Some(site), _) => matches!(site, b"same-origin" | b"none"),
            (None, Some(origin)) => origin == ours.as_bytes(),
            (None, None) => true,
        };
        is_ours.then_some(Self(()))
    }
}

/// A form of an interaction's page. It was sent by a page of this server, with the token that binds
/// it to this interaction in the browser that the interaction belongs to.
#[derive(Clone, Debug)]
pub struct Submitted {
    handle: Handle,
    interaction: Interaction,
}

impl Submitted {
    /// Checks a form: the interaction that it names, and its token.
    pub async fn check(flows: &Flows, _: &SameOrigin, handle: Handle, csrf: &str) -> Outcome<Self> {
        let interaction = lookup::find(flows, &handle).await?;
        let browser = interaction.browser.as_ref().ok_or(InteractionError::WrongBrowser)?;
        if !flows.forms.verifies(csrf, browser, interaction.id.as_str()) {
            return Err(InteractionError::Forged.into());
        }
        Ok(Self { handle, interaction })
    }

    /// The handle by which the browser names the interaction.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The languages in which the person reads the pages of the interaction.
    #[must_use]
    pub fn ui_locales(&self) -> Option<&str> {
        self.interaction.purpose.ui_locales()
    }

    /// The interaction as it was when the form arrived. It may have ended, or belong to another
    /// browser.
    pub(super) fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    /// The same form, with the interaction as it is now.
    pub(super) async fn anew(&self, flows: &Flows) -> Outcome<Self> {
        let interaction = lookup::find(flows, &self.handle).await?;
        Ok(Self { handle: self.handle.clone(), interaction })
    }

    /// The interaction, if it belongs to this browser and is still open.
    pub(super) async fn open(&self, flows: &Flows, caller: Caller<'_>) -> Outcome<Interaction> {
        if !self.is_from(caller) {
            return Err(InteractionError::WrongBrowser.into());
        }
        still_open(flows, self.interaction.clone()).await
    }

    /// The interaction of a form that was sent twice: the browser dropped the answer to the first
    /// click and shows the answer to the second one. In every other case this returns the error
    /// `finished`.
    pub(super) fn answered_just_now(
        &self,
        flows: &Flows,
        caller: Caller<'_>,
        finished: &InteractionError,
    ) -> Outcome<Interaction> {
        if self.is_from(caller) && ended_just_now(flows, &self.interaction) {
            return Ok(self.interaction.clone());
        }
        Err(finished.clone().into())
    }

    fn is_from(&self, caller: Caller<'_>) -> bool {
        self.interaction.browser == caller.browser_state.browser
    }
}

/// A form of a page of my account. It was sent by a page of this server, with the token that binds
/// it to the session of the person whose account it is.
#[derive(Clone, Debug)]
pub struct AccountForm {
    person: SignedInUser,
    page: AccountPage,
}

impl AccountForm {
    /// Checks the token of a form that is on this page of the person's account.
    #[must_use]
    pub fn check(
        flows: &Flows,
        _: &SameOrigin,
        csrf: &str,
        person: SignedInUser,
        page: AccountPage,
    ) -> Option<Self> {
        let (browser, purpose) = (&person.session.browser, purpose(&person));
        flows.forms.verifies(csrf, browser, &purpose).then_some(Self { person, page })
    }

    /// The token in the forms of this person's account.
    #[must_use]
    pub fn token(flows: &Flows, person: &SignedInUser) -> String {
        flows.forms.token(&person.session.browser, &purpose(person))
    }

    /// The person whose account it is.
    #[must_use]
    pub fn person(&self) -> &SignedInUser {
        &self.person
    }

    /// The page that has the form. The person comes back to it.
    #[must_use]
    pub fn page(&self) -> AccountPage {
        self.page
    }
}

fn purpose(person: &SignedInUser) -> String {
    format!("account {}", person.session.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_counts_when_the_browser_says_that_our_own_page_sent_it() {
        let ours = "https://id.example";
        let other: &[u8] = b"https://evil.example";
        for (fetch_site, origin, is_ours) in [
            (Some(&b"same-origin"[..]), None, true),
            (Some(b"none"), None, true),
            (Some(b"same-site"), Some(ours.as_bytes()), false),
            (Some(b"cross-site"), Some(ours.as_bytes()), false),
            (Some(b""), None, false),
            (Some(b"same-origin"), Some(other), true),
            (None, Some(ours.as_bytes()), true),
            (None, Some(other), false),
            (None, Some(b"null"), false),
            (None, Some(b""), false),
            (None, None, true),
        ] {
            let checked = SameOrigin::check(fetch_site, origin, ours);
            assert_eq!(checked.is_some(), is_ours, "{fetch_site:?} {origin:?}");
        }
    }
}
