//! Opens the session of a person who has proven who they are, and takes the next step with them.

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

/// A person who has just proven who they are, before their session is opened.
#[derive(Debug)]
pub(super) struct CompletedSignIn<'a> {
    /// The interaction that they are working on.
    pub(super) id: &'a InteractionId,
    /// The person.
    pub(super) user: &'a UserId,
    /// How they proved who they are.
    pub(super) amr: &'a [&'a str],
    /// The issuer of the provider, if they signed in with one.
    pub(super) issuer: Option<&'a str>,
    /// Whether they want to stay signed in.
    pub(super) keep: bool,
    /// The audit event of the sign-in.
    pub(super) event: Event,
}

/// Opens a session and takes the next step. If a provider vouched for an identity earlier in this
/// interaction, that identity is linked to the account that was proven now, provided that it is the
/// account that was asked for.
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
    // The person proved the account and the identity at the provider. Where providers are the only
    // sign-in method, the session counts as a sign-in with the provider.
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

/// The value of the cookie that makes the browser known to this person, in addition to the people
/// whom it is known to already.
pub(super) fn known(flows: &Flows, caller: Caller<'_>, user: &UserId, tx: &Tx) -> String {
    flows.password.known_browsers.remember(caller.known.unwrap_or_default(), user, tx.now())
}

/// The token of the browser's cookie after this sign-in. A second click gets the same token, so it
/// does not matter which of the two answers the browser drops.
pub(super) fn token(flows: &Flows, id: &InteractionId, session: &Session) -> Plain<BrowserToken> {
    let at = session.auth_time.timestamp_millis();
    flows.browsers.token(&format!("{} {} {at}", id.as_str(), session.id.as_str()))
}

/// Links the identity that a provider vouched for. Returns the provider and its issuer, if they
/// were linked.
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

/// The people who are signed in in the browser now, read within the transaction.
pub(super) async fn signed_in_user(tx: &Tx, browser: BrowserId) -> Result<BrowserState, Fault> {
    BrowserState::in_browser(tx, browser, tx.now()).await
}

/// Takes the next step for the people who are signed in now.
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
