//! Letting somebody in who proved who they are, and taking the next step with them.

use crate::accounts::browsers::{self, BrowserState, NewSession};
use crate::accounts::federation::{self, RefusalRecord};
use crate::domain::audit::Event;
use crate::domain::failure_reason::FailureReason;
use crate::domain::interaction::{Interaction, InteractionId, Pending};
use crate::domain::provider::{FEDERATED, Slug};
use crate::domain::secret::{BrowserToken, Plain};
use crate::domain::session::{BrowserId, Session};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::flows::advance;
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, InteractionError, Outcome};
use crate::store::{Tx, audit_events, interactions};

/// Somebody who proved who they are, at the door.
#[derive(Debug)]
pub(super) struct CompletedSignIn<'a> {
    /// What they are in the middle of.
    pub(super) id: &'a InteractionId,
    /// Who they are.
    pub(super) user: &'a UserId,
    /// How they proved it.
    pub(super) amr: &'a [&'a str],
    /// The issuer of the provider that they came by.
    pub(super) issuer: Option<&'a str>,
    /// Whether they want to stay signed in.
    pub(super) keep: bool,
    /// That they did.
    pub(super) event: Event,
}

/// Opens a session and takes the next step. Whom a provider vouched for before, in this very
/// interaction, is linked to the account that was proven now, if it is the one that was asked for.
pub(super) async fn complete_sign_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    entry: CompletedSignIn<'_>,
) -> Outcome<Advanced> {
    let found = interactions::lock(tx, entry.id).await?;
    let open = found.filter(|interaction| interaction.ended_at.is_none());
    let mut interaction = open.ok_or(InteractionError::Finished(None))?;
    let browser = interaction.browser.clone().ok_or(InteractionError::WrongBrowser)?;
    let linked = match interaction.pending.take() {
        Some(pending) => link(tx, flows, caller, &entry, &interaction, *pending).await?,
        None => None,
    };
    // Both were proven; where providers are the only way it is theirs that counts.
    let only = flows.providers.are_the_only_way(interaction.purpose.client());
    let linked = linked.as_ref().filter(|_| only);
    let by_provider = linked.map(|(slug, _)| [FEDERATED, slug.as_str()]);
    let proof = NewSession {
        user: entry.user,
        amr: by_provider.as_ref().map_or(entry.amr, |amr| amr),
        provider_issuer: linked.map_or(entry.issuer, |(_, issuer)| Some(issuer)),
        kept: entry.keep,
        user_agent: caller.user_agent,
        origin: caller.origin,
    };
    let (session, mut cookie, started) =
        browsers::sign_in(tx, &flows.sessions, &browser, proof, |session| {
            token(flows, entry.id, session)
        })
        .await?;
    cookie.known = Some(known(flows, caller, entry.user, tx));
    audit_events::insert(tx, &[entry.event, started]).await?;
    interactions::set_session(tx, entry.id, &session.id).await?;
    interaction.session = Some(session.id);
    let browser_state = signed_in_user(tx, browser).await?;
    let advanced = next(tx, flows, &browser_state, interaction).await?;
    Ok(Advanced { cookie: Some(cookie), ..advanced })
}

/// What makes the browser known to this person, besides those whom it is known to.
pub(super) fn known(flows: &Flows, caller: Caller<'_>, user: &UserId, tx: &Tx) -> String {
    flows.password.known_browsers.remember(caller.known.unwrap_or_default(), user, tx.now())
}

/// What the browser proves itself by after this sign-in. A second click finds the same one: whichever
/// of two answers the browser throws away, the other one is good.
pub(super) fn token(flows: &Flows, id: &InteractionId, session: &Session) -> Plain<BrowserToken> {
    let at = session.auth_time.timestamp_millis();
    flows.browsers.token(&format!("{} {} {at}", id.as_str(), session.id.as_str()))
}

/// Links whom a provider vouched for; the provider and its issuer, if it did.
async fn link(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    entry: &CompletedSignIn<'_>,
    interaction: &Interaction,
    pending: Pending,
) -> Result<Option<(Slug, String)>, Fault> {
    let Pending { user, provider, identity, expires_at } = pending;
    let client = interaction.purpose.client();
    let counts = user == *entry.user
        && tx.now() < expires_at
        && flows.providers.find(&provider, client).is_some();
    if !counts {
        return Ok(None);
    }
    if !federation::link(tx, &user, &provider, &identity, caller.origin).await? {
        let refusal = RefusalRecord {
            provider: &provider,
            reason: FailureReason::BelongsToAnotherAccount,
            client,
            user: Some(&user),
            origin: caller.origin,
        };
        federation::record_refusal_in(tx, refusal).await?;
        return Ok(None);
    }
    Ok(Some((provider, identity.issuer)))
}

/// Whether this interaction asks for the proof of another account than this one.
pub(super) async fn asks_for_another(
    tx: &Tx,
    flows: &Flows,
    id: &InteractionId,
    user: &UserId,
) -> Result<bool, Fault> {
    let found = interactions::lock(tx, id).await?;
    let pending = found.as_ref().and_then(|found| interaction::pending(flows, found));
    Ok(pending.is_some_and(|pending| pending.user != *user))
}

/// Who is signed in in the browser now, seen from within the transaction.
pub(super) async fn signed_in_user(tx: &Tx, browser: BrowserId) -> Result<BrowserState, Fault> {
    BrowserState::in_browser(tx, browser, tx.now()).await
}

/// The next step for whoever is there now.
pub(super) async fn next(
    tx: &Tx,
    flows: &Flows,
    browser_state: &BrowserState,
    interaction: Interaction,
) -> Outcome<Advanced> {
    let asked = interaction::asked(flows, &interaction.purpose).await?;
    let consents = advance::allowed(tx, browser_state, asked.as_ref()).await?;
    let progress = advance::Progress { interaction, asked };
    advance::step(tx, flows, browser_state, &consents, progress, false).await
}
