//! The page for the second factor: of a sign-in that is not finished without it, or of a session
//! that needs a stronger proof.

use sha2::{Digest, Sha256};

use crate::accounts::browsers::{self, Cookie};
use crate::accounts::second_factor::{FactorCheck, TypedFactor};
use crate::accounts::sign_in::{AttemptPlace, PasswordAttempt, SignInRefused};
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::Method;
use crate::domain::client::ClientId;
use crate::domain::hex;
use crate::domain::interaction::{Interaction, Purpose, UnfinishedSignIn};
use crate::domain::recovery_code::RecoveryCode;
use crate::domain::session::Session;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Error;
use crate::flows::advance;
use crate::flows::complete_sign_in::{
    CompletedSignIn, finish_sign_in, next, signed_in_user, succeeded, token,
};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, AskedFactor, Caller, Subject};
use crate::flows::outcome::{Advanced, InteractionError, NextStep, Outcome};
use crate::flows::sign_in::{NotSignedIn, again, is_second_click};
use crate::flows::submitted::Submitted;
use crate::store::{Tx, audit_events, interactions, users};

/// Takes the second factor that a person typed, and the next step.
pub async fn prove(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: TypedFactor<'_>,
    remembers: bool,
) -> Result<Advanced, Error<NotSignedIn>> {
    if is_second_click(flows, caller, form.interaction()) {
        return prove_again(flows, caller, form.interaction(), typed).await.map_err(lost);
    }
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let view = advance::shown(flows, caller, interaction).await.map_err(lost)?;
    let (interaction, Subject::SecondFactor(asked)) = (view.interaction, view.subject) else {
        if finished_with(form.interaction(), typed).is_ok() {
            // A second click, and the interaction goes on for this person.
            return prove_again(flows, caller, form.interaction(), typed).await.map_err(lost);
        }
        // Something changed since the page was shown, so the next step is decided again.
        return Ok(Advanced { next: NextStep::Continue(form.handle().clone()), cookie: None });
    };
    let client = interaction.purpose.client();
    let attempt = attempt(caller, &asked.user, client);
    let checked = flows.factors.look(&asked.user, typed, attempt).await.map_err(refused)?;
    let proven = match checked {
        FactorCheck::Right(proven) => proven,
        FactorCheck::Wrong(wrong) => {
            // Another click with the same factor may have been faster, and used it up.
            let found = interactions::find(&*flows.store, &interaction.id).await?;
            return match found.filter(|found| finished_with(found, typed).is_ok()) {
                Some(found) => prove_again(flows, caller, &found, typed).await.map_err(lost),
                None => Err(refused(wrong.count().await)),
            };
        }
    };
    let finished_by = mark(&asked.user.id, typed);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = async {
        // The account is locked first, as everywhere, and then the interaction: a click with the
        // same factor at the same time waits here until this one has used it up.
        users::hold(&tx, &asked.user.id).await?;
        interactions::keep(&tx, &interaction).await?;
        let found = interactions::lock(&tx, &interaction.id).await?;
        if let Some(found) = found.filter(|found| finished_with(found, typed).is_ok()) {
            return again(&tx, flows, caller, found, &asked.user.id).await.map_err(lost);
        }
        let method = proven.spend(&tx, caller.language).await.map_err(refused)?;
        let factor = Proof { asked: &asked, method, finished_by, remembers };
        accept(&tx, flows, caller, &interaction, factor).await.map_err(lost)
    };
    let advanced = advanced.await;
    tx.settle(advanced).await
}

fn refused(error: Error<SignInRefused>) -> Error<NotSignedIn> {
    error.map(NotSignedIn::Refused)
}

fn lost(error: Error<InteractionError>) -> Error<NotSignedIn> {
    error.map(NotSignedIn::InteractionError)
}

/// A guess of this person's second factor. It is counted as a guess of the password that belongs to
/// their user name.
pub(super) fn attempt<'a>(
    caller: Caller<'a>,
    user: &'a User,
    client: Option<&'a ClientId>,
) -> PasswordAttempt<'a> {
    PasswordAttempt {
        username: &user.username,
        password: "",
        place: AttemptPlace::Address(caller.address),
        browser: caller.known,
        asked_for: Some(&user.id),
        takes_temporary: false,
        client,
        origin: caller.origin,
    }
}

/// A second factor that was proven on the page.
struct Proof<'a> {
    asked: &'a AskedFactor,
    method: Method,
    finished_by: String,
    remembers: bool,
}

async fn accept(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    factor: Proof<'_>,
) -> Outcome<Advanced> {
    let Proof { asked, method, finished_by, remembers } = factor;
    let mut advanced = match &asked.session {
        Some(session) => {
            strengthen(tx, flows, caller, interaction, (session, method, finished_by)).await?
        }
        None => finish(tx, flows, caller, interaction, (method, finished_by)).await?,
    };
    if let Some(cookie) = &mut advanced.cookie
        && remembers
    {
        let before = caller.browser_state.remembered.as_deref();
        cookie.remembered = flows.factors.remember(before, &asked.user, tx.now());
    }
    Ok(advanced)
}

/// The sign-in that is not finished, if it is still the one that the page was about.
pub(super) async fn begun(tx: &Tx, interaction: &Interaction) -> Outcome<UnfinishedSignIn> {
    let found = interactions::lock(tx, &interaction.id).await?.ok_or(InteractionError::Unknown)?;
    let begun = found.unfinished(tx.now()).filter(|_| found.ended_at.is_none());
    // Another tab may have begun with somebody else meanwhile.
    let same = begun.filter(|begun| {
        interaction.unfinished(tx.now()).is_some_and(|before| before.user == begun.user)
    });
    same.cloned().ok_or_else(|| InteractionError::Finished(None).into())
}

/// Opens the session of a sign-in that is finished with this proof.
async fn finish(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    (method, finished_by): (Method, String),
) -> Outcome<Advanced> {
    let begun = begun(tx, interaction).await?;
    let entry = finished(tx, caller, interaction, begun, method).await?;
    finish_sign_in(tx, flows, caller, entry, Some(finished_by)).await
}

/// The sign-in that is finished with this proof.
pub(super) async fn finished<'a>(
    tx: &Tx,
    caller: Caller<'_>,
    interaction: &'a Interaction,
    begun: UnfinishedSignIn,
    method: Method,
) -> Outcome<CompletedSignIn<'a>> {
    let user = users::hold(tx, &begun.user).await?.filter(|user| user.may_sign_in(tx.now()));
    let user = user.ok_or(InteractionError::Unknown)?;
    // The password or a factor was changed since the first factor was proven.
    if users::version(tx, &user.id).await? != begun.version {
        return Err(InteractionError::Finished(None).into());
    }
    let authentication = begun.authentication.with(method, tx.now());
    let client = interaction.purpose.client();
    Ok(CompletedSignIn {
        id: &interaction.id,
        event: succeeded(&user.id, client, &authentication, caller.origin),
        user: user.id,
        authentication,
        keep: begun.keep,
    })
}

/// Adds a proof to the session that needs it, and takes the next step.
async fn strengthen(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    proof: (&Session, Method, String),
) -> Outcome<Advanced> {
    let (interaction, cookie) = strengthened(tx, flows, caller, interaction, proof).await?;
    let browser = interaction.browser.clone().ok_or(InteractionError::WrongBrowser)?;
    let browser_state = signed_in_user(tx, browser, caller).await?;
    let advanced = next(tx, flows, &browser_state, interaction).await?;
    Ok(Advanced { cookie: Some(cookie), ..advanced })
}

/// Adds a proof to the session that needs it.
pub(super) async fn strengthened(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    (session, method, finished_by): (&Session, Method, String),
) -> Outcome<(Interaction, Cookie)> {
    let found = interactions::lock(tx, &interaction.id).await?;
    let found = found.filter(|found| found.ended_at.is_none());
    let mut interaction = found.ok_or(InteractionError::Finished(None))?;
    let browser_state = signed_in_user(tx, session.browser.clone(), caller).await?;
    let current = browser_state.signed_in(&session.id).ok_or(InteractionError::WrongBrowser)?;
    let made = |session: &Session| token(flows, &interaction.id, session);
    let strengthened = browsers::strengthen(tx, current.session.clone(), method, made).await?;
    let (session, cookie) = strengthened.ok_or(InteractionError::WrongBrowser)?;
    let mut event = Event::new(EventKind::SessionStrengthened).user(&session.user);
    event.client = interaction.purpose.client().cloned();
    let event = event.from(caller.origin).detail(session.id.as_str());
    audit_events::insert(tx, &[event]).await?;
    interactions::set_session(tx, &interaction.id, &session.id).await?;
    let finished = UnfinishedSignIn {
        user: session.user.clone(),
        authentication: session.authentication.clone(),
        keep: session.kept,
        version: None,
        finished_by: Some(finished_by),
        is_known: true,
        passkey: None,
    };
    interactions::set_finished(tx, &interaction.id, &finished).await?;
    interaction.session = Some(session.id);
    Ok((interaction, cookie))
}

/// A second click sends the factor again that the first one used up. It gets the same answer.
async fn prove_again(
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    typed: TypedFactor<'_>,
) -> Outcome<Advanced> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = async {
        let found = interactions::lock(&tx, &interaction.id).await?;
        let found = found.ok_or(InteractionError::Finished(None))?;
        let user = finished_with(&found, typed)?;
        again(&tx, flows, caller, found, &user).await
    };
    let advanced = advanced.await;
    tx.settle(advanced).await
}

/// The person whose sign-in was finished with this factor.
pub(super) fn finished_with(found: &Interaction, typed: TypedFactor<'_>) -> Outcome<UserId> {
    let is_same = |begun: &&UnfinishedSignIn| {
        begun.finished_by.as_deref() == Some(mark(&begun.user, typed).as_str())
    };
    let begun = found.unfinished.as_deref().filter(is_same);
    begun.map(|begun| begun.user.clone()).ok_or_else(|| InteractionError::Finished(None).into())
}

/// The hash of a factor that was used up. It tells a second click from everything else.
pub(super) fn mark(user: &UserId, typed: TypedFactor<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(user.as_str().as_bytes());
    match typed {
        TypedFactor::OneTimeCode(typed) => {
            hash.update(b" code ");
            hash.update(typed.chars().filter(char::is_ascii_digit).collect::<String>());
        }
        TypedFactor::RecoveryCode(typed) => {
            hash.update(b" recovery code ");
            hash.update(RecoveryCode::read(typed).map(|code| code.hashed()).unwrap_or_default());
        }
    }
    hex::lower(&hash.finalize())
}

/// The person goes on without the strength that the app would like.
pub async fn skip(flows: &Flows, caller: Caller<'_>, form: &Submitted) -> Outcome<Advanced> {
    let interaction = form.open(flows, caller).await?;
    let mut view = advance::shown(flows, caller, interaction).await?;
    let offered_to = match &view.subject {
        Subject::SetUpFactor(offered) => offered.session.as_ref().map(|session| session.id.clone()),
        _ => None,
    };
    if offered_to.is_some()
        && let Purpose::Authorize(request) = &mut view.interaction.purpose
    {
        request.acr_skipped_in = offered_to;
        advance::set_purpose(flows, &mut view).await?;
    }
    let asked = interaction::asked(flows, &view.interaction.purpose).await?;
    let progress = advance::Progress { interaction: view.interaction, asked };
    advance::on(flows, caller, progress).await
}
