//! The operator's documents: a person answers those whose current version they have not answered.

use crate::domain::audit::{Event, EventKind};
use crate::domain::interaction::Interaction;
use crate::domain::terms::{Acceptance, TermsAnswer};
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller, Subject};
use crate::flows::outcome::{Advanced, InteractionError};
use crate::flows::submitted::Submitted;
use crate::flows::{advance, due_terms, start};
use crate::store::{Tx, audit_events, interactions, terms_acceptances};

/// Why a person does not get on.
#[derive(Debug)]
pub enum NotAccepted {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// A required document is not accepted.
    Missing,
}

fn lost(error: Error<InteractionError>) -> Error<NotAccepted> {
    error.map(NotAccepted::InteractionError)
}

/// Writes which documents a person accepted in a form. An acceptance of an older version does not
/// count.
pub(super) async fn record(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    user: &UserId,
    accepted: &[Acceptance],
) -> Result<(), Fault> {
    let address = caller.origin.address.as_deref();
    for document in flows.terms.current(accepted) {
        let (id, version) = (document.id.clone(), document.version.clone());
        let event = Event::new(EventKind::TermsAccepted).user(user).from(caller.origin);
        let event = event.detail(format!("{id} {version}"));
        let asked = Acceptance { document: id, version };
        let answer = TermsAnswer { asked, is_accepted: true };
        if terms_acceptances::insert(tx, user, &answer, address).await? {
            audit_events::insert(tx, &[event]).await?;
        }
    }
    Ok(())
}

/// Writes that a person left out what is still open and not required, so that it is asked for again
/// only when it has a new version.
pub(super) async fn leave_out(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    user: &UserId,
) -> Result<(), Fault> {
    let address = caller.origin.address.as_deref();
    for document in due_terms::open_documents(flows, tx, user).await? {
        let (document, version) = (document.id.clone(), document.version.clone());
        let asked = Acceptance { document, version };
        let answer = TermsAnswer { asked, is_accepted: false };
        terms_acceptances::insert(tx, user, &answer, address).await?;
    }
    Ok(())
}

/// The person accepts documents, and the next step is taken.
pub async fn accept(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    accepted: &[Acceptance],
) -> Result<Advanced, Error<NotAccepted>> {
    let interaction = match form.open(flows, caller).await {
        Err(Error::Refused(finished @ InteractionError::Finished(_))) => {
            // The browser dropped the answer to the first click.
            form.answered_just_now(flows, caller, &finished).map_err(lost)?
        }
        other => other.map_err(lost)?,
    };
    let view = advance::shown(flows, caller, interaction.clone()).await.map_err(lost)?;
    let Subject::Terms(signed_in_user) = view.subject else {
        return go_on(flows, caller, form, interaction).await.map_err(lost);
    };
    let (user, session) = (&signed_in_user.user.id, signed_in_user.session.id.clone());
    let asked = interaction::asked(flows, &interaction.purpose).await.map_err(lost)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let verdict = async {
        record(&tx, flows, caller, user, accepted).await?;
        if due_terms::are_due(flows, &tx, user).await? {
            return Err(Error::Refused(NotAccepted::Missing));
        }
        leave_out(&tx, flows, caller, user).await?;
        interactions::keep(&tx, &interaction).await?;
        let interaction =
            Interaction { session: Some(session.clone()), is_stored: true, ..interaction };
        interactions::set_session(&tx, &interaction.id, &session).await?;
        let progress = advance::Progress { interaction, asked };
        let advanced = advance::step(&tx, flows, caller.browser_state, progress, false).await;
        advanced.map_err(lost)
    };
    let verdict = verdict.await;
    tx.settle(verdict).await
}

/// Takes the next step of an interaction whose documents were accepted meanwhile.
async fn go_on(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    interaction: Interaction,
) -> Result<Advanced, Error<InteractionError>> {
    if interaction.ended_at.is_none() {
        return start::resume(flows, caller, form.handle()).await;
    }
    if interaction.session.is_none() {
        return Err(InteractionError::Finished(None).into());
    }
    let asked = interaction::asked(flows, &interaction.purpose).await?;
    let progress = advance::Progress { interaction, asked };
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = advance::step(&tx, flows, caller.browser_state, progress, false).await;
    tx.settle(advanced).await
}
