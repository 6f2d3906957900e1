//! The sign-in page: signing in, choosing an account, and cancelling.

use crate::accounts::browsers::{self, BrowserState, Cookie};
use crate::accounts::sign_in::{AttemptPlace, PasswordAttempt, ProvenPassword, SignInRefused};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::interaction::{Interaction, Pending};
use crate::domain::person;
use crate::domain::reason::Reason;
use crate::domain::session::{Session, SessionId};
use crate::domain::user::UserId;
use crate::domain::verdict::Error;
use crate::flows::complete_sign_in::{
    CompletedSignIn, asks_for_another, complete_sign_in, known, next, signed_in_user, token,
};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::outcome::{Advanced, InteractionError, NextStep, Outcome};
use crate::flows::submitted::Submitted;
use crate::flows::{advance, recovery};
use crate::oauth::error::Refusal;
use crate::store::{Repeats, Tx, audit_events, interactions, users};

/// The fields of the sign-in form.
#[derive(Clone, Copy)]
pub struct PasswordForm<'a> {
    /// The user name or the address.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whether they want to stay signed in.
    pub keep: bool,
}

impl std::fmt::Debug for PasswordForm<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordForm").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// Why the person was not signed in.
#[derive(Clone, Debug)]
pub enum NotSignedIn {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// Only sign-in with a provider is allowed.
    ByProviderOnly,
    /// The password was refused.
    Refused(SignInRefused),
    /// The password is right, but another account has to be proven.
    Another,
}

fn lost(error: Error<InteractionError>) -> Error<NotSignedIn> {
    error.map(NotSignedIn::InteractionError)
}

fn refused(error: Error<SignInRefused>) -> Error<NotSignedIn> {
    error.map(NotSignedIn::Refused)
}

/// Signs a person in and takes the next step.
pub async fn sign_in(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: PasswordForm<'_>,
) -> Result<Advanced, Error<NotSignedIn>> {
    let interaction = form.interaction();
    let is_again = is_second_click(flows, caller, interaction);
    if !is_again {
        form.open(flows, caller).await.map_err(lost)?;
    }
    let client = interaction.purpose.client();
    // Exception: a person whom a provider vouched for may have no other way to prove their older
    // account. The password of that one account is accepted.
    let only = flows.providers.are_the_only_way(client) && !is_again;
    let pending = interaction::pending(flows, interaction);
    if only && pending.is_none() {
        return Err(Error::Refused(NotSignedIn::ByProviderOnly));
    }
    let attempt = PasswordAttempt {
        username: typed.username,
        password: typed.password,
        place: AttemptPlace::Address(caller.address),
        browser: caller.known,
        asked_for: pending.and_then(|pending| asked_for(pending, typed.username)),
        takes_temporary: true,
        client,
        origin: caller.origin,
    };
    let signed_in = flows.password.by_password(attempt).await.map_err(refused)?;
    if only && pending.is_none_or(|pending| pending.user != signed_in.user.id) {
        return Err(Error::Refused(NotSignedIn::Refused(SignInRefused::Wrong)));
    }
    let proven = ProvenSignIn { interaction, signed_in: &signed_in, keep: typed.keep, is_again };
    let mut repeats = Repeats::default();
    loop {
        let tx = flows.store.begin(flows.clock.now()).await?;
        let advanced = Box::pin(admit(&tx, flows, caller, proven)).await;
        let settled = tx.settle(advanced).await;
        if !repeats.wants(&settled) {
            return settled;
        }
    }
}

/// The account that has to be proven, if its address was typed. The provider verified that address,
/// so it counts even if the account itself had not verified it.
fn asked_for<'a>(pending: &'a Pending, username: &str) -> Option<&'a UserId> {
    let address = pending.identity.verified_email().and_then(person::email_key)?;
    (person::email_key(username)? == address).then_some(&pending.user)
}

/// A person who proved a password.
#[derive(Clone, Copy)]
struct ProvenSignIn<'a> {
    /// The interaction as it was before the password was proven.
    interaction: &'a Interaction,
    signed_in: &'a ProvenPassword,
    keep: bool,
    is_again: bool,
}

/// Whether this is a second click: the first one was answered a moment ago, but the browser dropped
/// that answer. It sends the old cookie, which belongs to no browser any more, or the new cookie of
/// that answer.
pub(super) fn is_second_click(
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
) -> bool {
    let is_theirs = caller.browser_state.browser == interaction.browser;
    let is_over = match interaction.ended_at {
        // The person is signed in and on another page now: only a request with the old cookie is a
        // second click.
        None => !is_theirs,
        Some(_) => interaction::ended_just_now(flows, interaction),
    };
    interaction.session.is_some()
        && is_over
        && (is_theirs || caller.browser_state.people.is_empty())
}

async fn admit(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    proven: ProvenSignIn<'_>,
) -> Result<Advanced, Error<NotSignedIn>> {
    let ProvenSignIn { interaction, signed_in, keep, is_again } = proven;
    let (id, user) = (&interaction.id, &signed_in.user.id);
    if interaction::pending(flows, interaction).is_some() {
        // The user is locked for writing before it is locked for reading. Otherwise two of these
        // requests could wait for each other (a deadlock).
        users::lock(tx, user).await?;
    }
    let client = interaction.purpose.client();
    let event = signed_in.record_on_page(tx, client, caller.origin).await.map_err(refused)?;
    interactions::keep(tx, interaction).await?;
    let found = interactions::lock(tx, id).await?;
    let found =
        found.ok_or(Error::Refused(NotSignedIn::InteractionError(InteractionError::Unknown)))?;
    // Two clicks may be handled at the same time, and the other one may have finished first.
    if is_again || found.ended_at.is_some() || found.session != interaction.session {
        audit_events::insert(tx, &[event]).await?;
        // Where the session was opened with a second factor, the password alone is no second click.
        if found.unfinished.as_ref().is_some_and(|begun| begun.finished_by.is_some()) {
            return Err(Error::Refused(NotSignedIn::InteractionError(InteractionError::Finished(
                None,
            ))));
        }
        return again(tx, flows, caller, found, user).await.map_err(lost);
    }
    if asks_for_another(tx, flows, id, user).await? {
        return Err(Error::Refused(NotSignedIn::Another));
    }
    if signed_in.user.password_temporary {
        audit_events::insert(tx, &[event]).await?;
        return Ok(recovery::begin_after_temporary(tx, flows, caller, user, &found).await?);
    }
    let authentication = Authentication::by(Method::Password, tx.now());
    let entry = CompletedSignIn { id, user: user.clone(), authentication, keep, event };
    complete_sign_in(tx, flows, caller, entry).await.map_err(lost)
}

/// Answers a second click like the first one: for the same person, in the same session, and with
/// the same cookie.
pub(super) async fn again(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    found: Interaction,
    user: &UserId,
) -> Outcome<Advanced> {
    let (browser_state, cookie) = same_session(tx, flows, caller, &found, user).await?;
    let advanced = next(tx, flows, &browser_state, found).await?;
    Ok(Advanced { cookie, ..advanced })
}

/// The browser in which the first click opened a session of this person, and its cookie again.
pub(super) async fn same_session(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    found: &Interaction,
    user: &UserId,
) -> Outcome<(BrowserState, Option<Cookie>)> {
    let finished = || InteractionError::Finished(None);
    let browser = found.browser.clone().ok_or_else(finished)?;
    let browser_state = signed_in_user(tx, browser.clone(), caller).await?;
    let signed_in_user =
        found.session.as_ref().and_then(|session| browser_state.signed_in(session));
    let session = signed_in_user.map(|signed_in_user| &signed_in_user.session);
    let is_young = |session: &&Session| {
        tx.now() - session.authentication.latest() <= interaction::SECOND_CLICK
    };
    let session = session.filter(|session| session.user == *user).filter(is_young);
    let token = token(flows, &found.id, session.ok_or_else(finished)?);
    let mut cookie = browsers::same_cookie(tx, &browser, token).await?;
    if let Some(cookie) = &mut cookie {
        cookie.known = Some(known(flows, caller, user, tx));
    }
    if cookie.is_none() && caller.browser_state.browser != Some(browser) {
        return Err(finished().into());
    }
    Ok((browser_state, cookie))
}

/// The person chose an account that is signed in in their browser and may continue. For any other
/// choice they get the sign-in page for another account.
pub async fn choose(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    session: Option<&SessionId>,
) -> Outcome<Advanced> {
    let mut interaction = match form.open(flows, caller).await {
        Err(Error::Refused(finished @ InteractionError::Finished(_))) => {
            // The same choice gets the same answer.
            form.answered_just_now(flows, caller, &finished)
                .ok()
                .filter(|before| before.session.is_some() && before.session.as_ref() == session)
                .ok_or(finished)?
        }
        other => other?,
    };
    let eligible = advance::eligible(flows, caller.browser_state, &interaction.purpose);
    let chosen = session.filter(|chosen| eligible.iter().any(|one| one.session.id == **chosen));
    let Some(chosen) = chosen else {
        return Ok(Advanced {
            next: NextStep::SignInAsAnother(form.handle().clone()),
            cookie: None,
        });
    };
    interaction.session = Some(chosen.clone());
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = async {
        interactions::keep(&tx, &interaction).await?;
        interaction.is_stored = true;
        interactions::set_session(&tx, &interaction.id, chosen).await?;
        next(&tx, flows, caller.browser_state, interaction).await
    };
    let advanced = advanced.await;
    tx.settle(advanced).await
}

/// The person continues without connecting the identity that a provider vouched for.
pub async fn forget_pending(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
) -> Outcome<Advanced> {
    let interaction = form.open(flows, caller).await?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    interactions::set_pending(&tx, &interaction.id, None).await?;
    tx.commit().await?;
    Ok(Advanced { next: NextStep::SignIn(form.handle().clone()), cookie: None })
}

/// The person cancelled: the app gets `access_denied` (RFC 6749 §4.1.2.1), or the error that the
/// provider which they wanted to sign in with is unavailable.
pub async fn turn_back(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    unavailable: bool,
) -> Outcome<Advanced> {
    let refusal = if unavailable {
        // RFC 6749 §4.1.2.1
        Reason::ProviderUnavailable.into()
    } else {
        Reason::SignInCancelled.into()
    };
    let interaction = match form.open(flows, caller).await {
        Err(Error::Refused(finished @ InteractionError::Finished(_))) => {
            return refused_before(flows, caller, form, (finished, refusal)).await;
        }
        other => other?,
    };
    let asked =
        interaction::asked(flows, &interaction.purpose).await?.ok_or(InteractionError::Unknown)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let answer = advance::refuse(&tx, flows, interaction, &asked, &refusal).await;
    let answer = tx.settle(answer).await?;
    Ok(Advanced { next: NextStep::Answer(answer), cookie: None })
}

/// A second click on "no": the app gets the same answer.
pub(super) async fn refused_before(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    (finished, refusal): (InteractionError, Refusal),
) -> Outcome<Advanced> {
    let interaction = form.answered_just_now(flows, caller, &finished)?;
    let asked = interaction::asked(flows, &interaction.purpose).await?;
    // An interaction that ended with a session was answered with "yes".
    let Some(asked) = asked.filter(|_| interaction.session.is_none()) else {
        return Err(finished.into());
    };
    let answer = advance::address(flows, &asked)?.error(&refusal);
    Ok(Advanced { next: NextStep::Answer(answer), cookie: None })
}
