//! Who proved recently who they are. Changing a way in asks for that: a session alone, on a device
//! that somebody left unlocked, changes nothing.

use chrono::Duration;

use crate::accounts::browsers::SignedInUser;
use crate::domain::verdict::Error;
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::outcome::{Advanced, InteractionError};
use crate::flows::start;
use crate::flows::submitted::AccountForm;

/// How old a proof may be.
const FRESH: Duration = Duration::minutes(10);

/// Proof that the person who sent a form of their account page proved recently who they are.
#[derive(Clone, Copy, Debug)]
pub struct FreshProof<'a>(&'a AccountForm);

/// Why there is none.
#[derive(Debug)]
pub enum NotFresh {
    /// They prove again who they are: this leads there.
    Confirm(Advanced),
    /// The interaction that was to do so cannot begin.
    InteractionError(InteractionError),
}

impl<'a> FreshProof<'a> {
    /// Checks when the person proved who they are; one who did so too long ago begins to do so again,
    /// in this language.
    pub async fn check(
        flows: &Flows,
        caller: Caller<'_>,
        form: &'a AccountForm,
        language: &str,
    ) -> Result<Self, Error<NotFresh>> {
        let person = form.person();
        if flows.clock.now() - person.session.auth_time < FRESH {
            return Ok(Self(form));
        }
        match start::begin_confirming(flows, caller, &person.user.id, language).await {
            Ok(advanced) => Err(Error::Refused(NotFresh::Confirm(advanced))),
            Err(error) => Err(error.map(NotFresh::InteractionError)),
        }
    }

    /// Who proved it.
    #[must_use]
    pub fn person(self) -> &'a SignedInUser {
        self.0.person()
    }
}
