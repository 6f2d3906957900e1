//! Proof that a person proved recently who they are. Changing a sign-in method requires it, because
//! an old session may be open on a device that its owner left unlocked.

use chrono::{DateTime, Utc};

use crate::accounts::browsers::SignedInUser;
use crate::accounts::held_session;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::outcome::{Advanced, InteractionError};
use crate::flows::start;
use crate::flows::submitted::AccountForm;
use crate::store::Tx;

/// Proof that the person who sent a form of their account page proved who they are, with the strength
/// that their account has, at most five minutes ago.
#[derive(Clone, Copy, Debug)]
pub struct FreshProof<'a>(&'a AccountForm);

/// Why there is no such proof.
#[derive(Debug)]
pub enum NotFresh {
    /// The person has to prove again who they are. This is the first step towards it.
    Confirm(Advanced),
    /// The interaction in which they would prove it cannot begin.
    InteractionError(InteractionError),
}

impl<'a> FreshProof<'a> {
    /// Checks when the person proved who they are. If that was too long ago, an interaction begins
    /// in which they prove it again, in this language.
    pub async fn check(
        flows: &Flows,
        caller: Caller<'_>,
        form: &'a AccountForm,
        language: &str,
    ) -> Result<Self, Error<NotFresh>> {
        let person = form.person();
        if person.is_fresh(flows.factors.rules, flows.clock.now()) {
            return Ok(Self(form));
        }
        match start::begin_confirming(flows, caller, &person.user.id, form.page().into(), language)
            .await
        {
            Ok(advanced) => Err(Error::Refused(NotFresh::Confirm(advanced))),
            Err(error) => Err(error.map(NotFresh::InteractionError)),
        }
    }

    /// Until when the proof of a person who is signed in counts as recent; `None` if they have not
    /// proven enough.
    #[must_use]
    pub fn until(flows: &Flows, person: &SignedInUser) -> Option<DateTime<Utc>> {
        person.session.authentication.fresh_until(flows.factors.rules.needed(&person.user))
    }

    /// Locks the account and holds the session, and looks whether the proof still counts. Whatever
    /// the proof is for is written in this transaction. `None`: the session has ended meanwhile, for
    /// example because the owner of the account recovered it, or the proof is not recent any more.
    /// What is returned is as it is now.
    pub(super) async fn lock(self, flows: &Flows, tx: &Tx) -> Result<Option<SignedInUser>, Fault> {
        let SignedInUser { user, session } = self.person();
        let held = held_session::hold(tx, &user.id, &session.id).await?;
        Ok(held.filter(|held| held.is_fresh(flows.factors.rules, flows.clock.now())))
    }

    /// The person who proved it.
    #[must_use]
    pub fn person(self) -> &'a SignedInUser {
        self.0.person()
    }
}
