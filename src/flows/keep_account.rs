//! A person who deletes their account signed in on the sign-in page, and keeps it.

use crate::accounts::deletion;
use crate::domain::interaction::{Interaction, Purpose};
use crate::domain::verdict::Error;
use crate::flows::complete_sign_in::{next, signed_in_user};
use crate::flows::context::Flows;
use crate::flows::interaction::{Caller, Subject};
use crate::flows::outcome::{Advanced, FlashMessage, InteractionError, NextStep, Outcome};
use crate::flows::submitted::Submitted;
use crate::flows::{advance, start};
use crate::store::interactions;

/// The person keeps the account. Then the interaction goes on.
pub async fn keep(flows: &Flows, caller: Caller<'_>, form: &Submitted) -> Outcome<Advanced> {
    let interaction = match form.open(flows, caller).await {
        Err(Error::Refused(finished @ InteractionError::Finished(_))) => {
            // A second click: the browser dropped the answer to the first one.
            let before = form.answered_just_now(flows, caller, &finished)?;
            return on(flows, caller, before).await;
        }
        other => other?,
    };
    let view = advance::shown(flows, caller, interaction.clone()).await?;
    let Subject::KeepAccount(leaving) = view.subject else {
        // Something changed since the page was shown, so the next step is decided again.
        return start::resume(flows, caller, form.handle()).await;
    };
    let tx = flows.store.begin(flows.clock.now()).await?;
    let kept = deletion::take_back(&tx, &leaving.user.id, caller.origin).await;
    tx.settle(kept.map_err(Error::<InteractionError>::from)).await?;
    let session = Some(leaving.session.id.clone());
    on(flows, caller, Interaction { session, ..interaction }).await
}

/// Takes the next step for the people who are signed in now.
async fn on(flows: &Flows, caller: Caller<'_>, interaction: Interaction) -> Outcome<Advanced> {
    let browser = caller.browser_state.browser.clone().ok_or(InteractionError::WrongBrowser)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = async {
        interactions::keep(&tx, &interaction).await?;
        let people = signed_in_user(&tx, browser, caller).await?;
        let is_account = matches!(interaction.purpose, Purpose::Account { .. });
        let interaction = Interaction { is_stored: true, ..interaction };
        let mut advanced = next(&tx, flows, &people, interaction).await?;
        if let (true, NextStep::Account(_, _, said)) = (is_account, &mut advanced.next) {
            *said = Some(FlashMessage::AccountKept);
        }
        Ok(advanced)
    };
    let advanced = advanced.await;
    tx.settle(advanced).await
}
