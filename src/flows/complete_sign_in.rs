//! Takes the next step with a person who has proven who they are: their session is opened, or a
//! second factor is asked for.

use crate::accounts::browsers::{self, BrowserState, Cookie, NewSession};
use crate::accounts::federation::{self, RefusalRecord};
use crate::accounts::notices;
use crate::accounts::passkeys::adding;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::authentication::{Acr, Authentication};
use crate::domain::client::ClientId;
use crate::domain::failure_reason::FailureReason;
use crate::domain::interaction::{Interaction, InteractionId, Pending, Purpose, UnfinishedSignIn};
use crate::domain::mail::MethodChange;
use crate::domain::passkey::Passkey;
use crate::domain::provider::Slug;
use crate::domain::secret::{BrowserToken, Plain};
use crate::domain::session::{BrowserId, Session};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, InteractionError, Outcome};
use crate::flows::{advance, due_factor};
use crate::store::{Tx, audit_events, interactions, sessions, users};

/// A person who has just proven who they are, before their session is opened.
#[derive(Debug)]
pub(super) struct CompletedSignIn<'a> {
    /// The interaction that they are working on.
    pub(super) id: &'a InteractionId,
    /// The person.
    pub(super) user: UserId,
    /// What they proved.
    pub(super) authentication: Authentication,
    /// Whether they want to stay signed in.
    pub(super) keep: bool,
    /// The audit event of the sign-in.
    pub(super) event: Event,
}

/// Takes the next step with a person who proved a first factor, or a passkey. If a second factor is
/// due, that is asked for, and nothing is opened before; otherwise their session is opened.
pub(super) async fn complete_sign_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    entry: CompletedSignIn<'_>,
) -> Outcome<Advanced> {
    let interaction = still_open(tx, entry.id).await?;
    let user = users::hold(tx, &entry.user).await?.filter(|user| user.may_sign_in(tx.now()));
    let user = user.ok_or(InteractionError::Unknown)?;
    let asked = interaction::asked_in(tx, flows, &interaction.purpose).await?;
    let client = asked.as_ref().map(|asked| &asked.client.client);
    // Who changes how they sign in is asked in every browser.
    let is_due = match &interaction.purpose {
        Purpose::Confirm { .. } => flows.factors.rules.is_due(&user, None),
        _ => due_factor::is_due_in(flows, caller.browser_state, &user, client),
    };
    if !is_due || entry.authentication.acr() >= Acr::Two {
        return finish_sign_in(tx, flows, caller, entry, None).await;
    }
    ask_for_factor(tx, flows, caller, entry, None).await
}

/// Keeps what the person proved, and asks for their second factor. A passkey that they made on the
/// way is added to their account with it.
pub(super) async fn ask_for_factor(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    entry: CompletedSignIn<'_>,
    passkey: Option<Box<Passkey>>,
) -> Outcome<Advanced> {
    let mut interaction = still_open(tx, entry.id).await?;
    let is_known = is_known(flows, caller, &entry.user, tx);
    let begun = UnfinishedSignIn {
        version: users::version(tx, &entry.user).await?,
        user: entry.user,
        authentication: entry.authentication,
        keep: entry.keep,
        finished_by: None,
        is_known,
        passkey,
    };
    interactions::set_unfinished(tx, entry.id, &begun).await?;
    let event = Event { kind: EventKind::FactorAsked, ..entry.event };
    audit_events::insert(tx, &[event]).await?;
    interaction.unfinished = Some(Box::new(begun));
    interaction.session = None;
    next(tx, flows, caller.browser_state, interaction).await
}

async fn still_open(tx: &Tx, id: &InteractionId) -> Outcome<Interaction> {
    let found = interactions::lock(tx, id).await?;
    let open = found.filter(|interaction| interaction.ended_at.is_none());
    open.ok_or_else(|| InteractionError::Finished(None).into())
}

/// Opens the session of a person who has proven everything that is due, and takes the next step. If
/// a provider vouched for an identity earlier in this interaction, that identity is linked to the
/// account that was proven now, provided that it is the account that was asked for. `finished_by`
/// is the mark of the second factor.
pub(super) async fn finish_sign_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    entry: CompletedSignIn<'_>,
    finished_by: Option<String>,
) -> Outcome<Advanced> {
    let (mut interaction, cookie) = open_session(tx, flows, caller, entry, finished_by).await?;
    let browser = interaction.browser.clone().ok_or(InteractionError::WrongBrowser)?;
    let browser_state = signed_in_user(tx, browser, caller).await?;
    interaction.is_stored = true;
    let advanced = next(tx, flows, &browser_state, interaction).await?;
    Ok(Advanced { cookie: Some(cookie), ..advanced })
}

/// Opens the session, without the next step. Returns the interaction, which names the session.
pub(super) async fn open_session(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    entry: CompletedSignIn<'_>,
    finished_by: Option<String>,
) -> Outcome<(Interaction, Cookie)> {
    let mut interaction = still_open(tx, entry.id).await?;
    let browser = interaction.browser.clone().ok_or(InteractionError::WrongBrowser)?;
    let begun = interaction.unfinished.take();
    let was_known = finished_by.is_some()
        && begun.as_deref().is_some_and(|begun| begun.user == entry.user && begun.is_known);
    add_passkey(tx, caller, &entry, begun).await?;
    let linked = match interaction.pending.take() {
        Some(pending) => link(tx, flows, caller, &entry, &interaction, *pending).await?,
        None => None,
    };
    // The person proved the account and the identity at the provider. Where providers are the only
    // sign-in method, the session counts as a sign-in with the provider.
    let only = flows.providers.are_the_only_way(interaction.purpose.client());
    let mut authentication = match linked.filter(|_| only) {
        Some((slug, issuer)) => entry.authentication.by_provider(slug, issuer, tx.now()),
        None => entry.authentication,
    };
    // Who proves again who they are, for a change, does not lose what they proved before.
    if matches!(interaction.purpose, Purpose::Confirm { .. }) {
        let mut open = sessions::of_browser(tx, &browser, tx.now()).await?.into_iter();
        if let Some(before) = open.find(|session| session.user == entry.user) {
            authentication = before.authentication.and(authentication);
        }
    }
    let proof = NewSession {
        user: &entry.user,
        authentication: &authentication,
        kept: entry.keep,
        user_agent: caller.user_agent,
        origin: caller.origin,
    };
    let (session, mut cookie, started) =
        browsers::sign_in(tx, &flows.sessions, &browser, proof, |session| {
            token(flows, entry.id, session)
        })
        .await?;
    let is_known = was_known || is_known(flows, caller, &entry.user, tx);
    let (mailer, from) = (flows.mailer.as_ref(), caller.notice_origin());
    notices::signed_in(tx, mailer, &entry.user, is_known, from).await?;
    cookie.known = Some(known(flows, caller, &entry.user, tx));
    audit_events::insert(tx, &[entry.event, started]).await?;
    interactions::set_session(tx, entry.id, &session.id).await?;
    if finished_by.is_some() {
        let (user, keep) = (entry.user, entry.keep);
        let (passkey, version) = (None, None);
        let finished = UnfinishedSignIn {
            user,
            authentication,
            keep,
            version,
            finished_by,
            is_known,
            passkey,
        };
        interactions::set_finished(tx, entry.id, &finished).await?;
    }
    interaction.session = Some(session.id);
    Ok((interaction, cookie))
}

/// Adds the passkey that the person made before they were asked for their second factor, if they
/// have proven enough by now and nothing changed since.
async fn add_passkey(
    tx: &Tx,
    caller: Caller<'_>,
    entry: &CompletedSignIn<'_>,
    begun: Option<Box<UnfinishedSignIn>>,
) -> Outcome<()> {
    let Some(UnfinishedSignIn { user, version, passkey: Some(passkey), .. }) =
        begun.map(|begun| *begun)
    else {
        return Ok(());
    };
    let is_theirs = user == entry.user && entry.authentication.acr() >= Acr::Two;
    if !is_theirs || users::version(tx, &user).await? != version {
        return Ok(());
    }
    let added = adding::add(tx, &passkey, caller.origin).await;
    added.map_err(|error| error.map(|_| InteractionError::Finished(None)))
}

/// The audit event of a sign-in that succeeded.
pub(super) fn succeeded(
    user: &UserId,
    client: Option<&ClientId>,
    authentication: &Authentication,
    origin: &Origin,
) -> Event {
    let mut event = Event::new(EventKind::SignInSucceeded).user(user).from(origin);
    event.client = client.cloned();
    event.detail = authentication.provider().map(|(slug, _)| slug.as_str().to_owned());
    event
}

/// Whether the account was proven in this browser before.
fn is_known(flows: &Flows, caller: Caller<'_>, user: &UserId, tx: &Tx) -> bool {
    let known_browsers = &flows.password.known_browsers;
    let is_it = |known| known_browsers.find(known, user.as_str(), tx.now()).is_some();
    caller.known.is_some_and(is_it)
}

/// The value of the cookie that makes the browser known to this person, in addition to the people
/// whom it is known to already.
pub(super) fn known(flows: &Flows, caller: Caller<'_>, user: &UserId, tx: &Tx) -> String {
    let known = caller.known.unwrap_or_default();
    flows.password.known_browsers.remember(known, user.as_str(), tx.now())
}

/// The token of the browser's cookie after this sign-in. A second click gets the same token, so it
/// does not matter which of the two answers the browser drops.
pub(super) fn token(flows: &Flows, id: &InteractionId, session: &Session) -> Plain<BrowserToken> {
    let at = session.authentication.latest().timestamp_millis();
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
    let counts = user == entry.user && tx.now() < expires_at;
    let Some(configured) = flows.providers.find(&provider, client).filter(|_| counts) else {
        return Ok(None);
    };
    let registration = &configured.registration;
    if !federation::link(tx, &user, registration, &identity, caller.origin).await? {
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
    let (mailer, change) = (flows.mailer.as_ref(), MethodChange::ProviderConnected);
    notices::changed(tx, mailer, &user, change, caller.notice_origin()).await?;
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
pub(super) async fn signed_in_user(
    tx: &Tx,
    browser: BrowserId,
    caller: Caller<'_>,
) -> Result<BrowserState, Fault> {
    let remembered = caller.browser_state.remembered.clone();
    let browser_state = BrowserState::in_browser(tx, browser, tx.now()).await?;
    Ok(BrowserState { remembered, ..browser_state })
}

/// Takes the next step for the people who are signed in now.
pub(super) async fn next(
    tx: &Tx,
    flows: &Flows,
    browser_state: &BrowserState,
    interaction: Interaction,
) -> Outcome<Advanced> {
    let asked = interaction::asked_in(tx, flows, &interaction.purpose).await?;
    let progress = advance::Progress { interaction, asked };
    advance::step(tx, flows, browser_state, progress, false).await
}
