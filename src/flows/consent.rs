//! The consent page: the person allows or denies what the app asks for.

use crate::clients::registration;
use crate::domain::audit::{Event, EventKind};
use crate::domain::consent::Consent;
use crate::domain::interaction::Interaction;
use crate::domain::reason::Reason;
use crate::domain::verdict::Error;
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller, Subject};
use crate::flows::outcome::{Advanced, InteractionError, NextStep, Outcome};
use crate::flows::submitted::Submitted;
use crate::flows::{advance, sign_in, start};
use crate::oauth::authorize::decide::{joined, seen};
use crate::oauth::error::Refusal;
use crate::store::{audit_events, consents, interactions};

/// The person allows what the app asks for. Their consent is stored.
pub async fn allow(flows: &Flows, caller: Caller<'_>, form: &Submitted) -> Outcome<Advanced> {
    let interaction = match form.open(flows, caller).await {
        Err(Error::Refused(finished @ InteractionError::Finished(_))) => {
            return again(flows, caller, form, finished).await;
        }
        other => other?,
    };
    let view = advance::shown(flows, caller, interaction.clone()).await?;
    let Subject::Consent(signed_in_user, before) = view.subject else {
        // Something changed since the page was shown, so the next step is decided again.
        return start::resume(flows, caller, form.handle()).await;
    };
    let asked =
        interaction::asked(flows, &interaction.purpose).await?.ok_or(InteractionError::Unknown)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let verdict = async {
        let seen = seen(&asked.client.client, &asked.request.redirect_uri);
        let consent = Consent { seen, ..joined(Some(&before), &asked.request) };
        let (user, client) = (&signed_in_user.user.id, &asked.client.client.id);
        registration::keep_document(&tx, user, &asked.client.client, caller.origin)
            .await
            .map_err(|error| error.map(|full| InteractionError::TooManyApps(full.0)))?;
        interactions::keep(&tx, &interaction).await?;
        consents::put(&tx, user, client, &consent).await?;
        let event = Event::new(EventKind::ConsentGiven).user(user).client(client);
        let event = event.from(caller.origin).detail(asked.request.scope.to_string());
        audit_events::insert(&tx, &[event]).await?;
        let session = Some(signed_in_user.session.id.clone());
        let interaction = Interaction { session, is_stored: true, ..interaction };
        let progress = advance::Progress { interaction, asked: Some(asked.clone()) };
        advance::step(&tx, flows, caller.browser_state, progress, true).await
    };
    let verdict = verdict.await;
    match verdict {
        // Nothing of the app stays, and the page can be answered again when there is a place.
        full @ Err(Error::Refused(InteractionError::TooManyApps(_))) => {
            tx.settle_or_undo(full).await
        }
        verdict => tx.settle(verdict).await,
    }
}

/// A second click: the browser dropped the answer to the first one.
async fn again(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    finished: InteractionError,
) -> Outcome<Advanced> {
    let interaction = form.answered_just_now(flows, caller, &finished)?;
    let asked = interaction::asked(flows, &interaction.purpose).await?;
    let (Some(session), Some(asked)) = (interaction.session.clone(), asked) else {
        return Err(finished.into());
    };
    let Some(signed_in_user) = caller.browser_state.signed_in(&session) else {
        return Err(finished.into());
    };
    let client = &asked.client.client.id;
    if consents::find(&*flows.store, &signed_in_user.user.id, client).await?.is_none() {
        return Err(finished.into());
    }
    let tx = flows.store.begin(flows.clock.now()).await?;
    let progress = advance::Progress { interaction, asked: Some(asked) };
    let advanced = advance::step(&tx, flows, caller.browser_state, progress, true).await;
    tx.settle(advanced).await
}

/// The person denies it: the app gets the error `access_denied` (RFC 6749 §4.1.2.1).
pub async fn deny(flows: &Flows, caller: Caller<'_>, form: &Submitted) -> Outcome<Advanced> {
    let refusal = Refusal::new(Reason::ConsentDenied);
    let mut interaction = match form.open(flows, caller).await {
        Err(Error::Refused(finished @ InteractionError::Finished(_))) => {
            return sign_in::refused_before(flows, caller, form, (finished, refusal)).await;
        }
        other => other?,
    };
    let asked =
        interaction::asked(flows, &interaction.purpose).await?.ok_or(InteractionError::Unknown)?;
    let view = advance::shown(flows, caller, interaction.clone()).await?;
    let user = match view.subject {
        Subject::Consent(signed_in_user, _) => Some(signed_in_user.user.id),
        // Something changed since the page was shown. The denial counts all the same.
        _ => None,
    };
    let tx = flows.store.begin(flows.clock.now()).await?;
    let verdict = async {
        if user.is_some() {
            interactions::keep(&tx, &interaction).await?;
            interaction.is_stored = true;
        }
        let mut event = Event::new(EventKind::ConsentDenied).client(&asked.client.client.id);
        event.user = user;
        audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
        advance::refuse(&tx, flows, interaction, &asked, &refusal).await
    };
    let verdict = verdict.await;
    let answer = tx.settle(verdict).await?;
    Ok(Advanced { next: NextStep::Answer(answer), cookie: None })
}
