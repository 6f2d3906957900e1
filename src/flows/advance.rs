//! Takes the next step of an interaction. [`decide`] says which step it is.

use crate::accounts::browsers::{BrowserState, SignedInUser, new_browser_session, touch};
use crate::domain::authentication::Acr;
use crate::domain::authorization::AuthorizationRequest;
use crate::domain::client::{ClientId, ClientKind};
use crate::domain::consent::Consent;
use crate::domain::interaction::{Handle, Interaction, Purpose};
use crate::domain::person;
use crate::domain::reason::Reason;
use crate::domain::redirect_uri::is_unclaimed;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller, OfferedFactor, PendingAccount, Subject, View};
use crate::flows::known_passkeys::has_passkey;
use crate::flows::outcome::{Advanced, FlashMessage, InteractionError, NextStep, Outcome};
use crate::flows::sign_up_offer::{SignUpOffer, offer};
use crate::flows::{due_factor, due_terms, lookup};
use crate::oauth::authorize::decide::{AuthorizationStep, Candidate, Facts, decide, seen};
use crate::oauth::authorize::request::{CheckedRequest, Untrusted};
use crate::oauth::authorize::response::{AuthorizationAnswer, ReturnAddress};
use crate::oauth::authorize::{codes, pushed};
use crate::oauth::error::Refusal;
use crate::oauth::refused;
use crate::store::{Reader, Tx, consents, identities, interactions, users};

/// An interaction that is being worked on, with its authorization request if it has one.
pub(super) struct Progress {
    pub(super) interaction: Interaction,
    pub(super) asked: Option<CheckedRequest>,
}

/// Takes the next step.
pub(super) async fn on(flows: &Flows, caller: Caller<'_>, progress: Progress) -> Outcome<Advanced> {
    let browser_state = caller.browser_state;
    let known = known(flows, &*flows.store, browser_state, progress.asked.as_ref()).await?;
    let advanced =
        if let Some(advanced) = without_writing(flows, browser_state, &known, &progress, false)? {
            advanced
        } else {
            let tx = flows.store.begin(flows.clock.now()).await?;
            let advanced = step_of(&tx, flows, browser_state, &known, progress, false).await;
            tx.settle(advanced).await?
        };
    for signed_in_user in &browser_state.people {
        touch(&flows.store, &signed_in_user.session, flows.clock.now()).await?;
    }
    Ok(advanced)
}

/// The next step, if it writes nothing to the database: a page, or a refusal of an interaction that
/// is not stored.
fn without_writing(
    flows: &Flows,
    browser_state: &BrowserState,
    known: &[KnownPerson],
    progress: &Progress,
    allowed_now: bool,
) -> Outcome<Option<Advanced>> {
    let Progress { interaction, asked } = progress;
    let waits = |next: fn(Handle) -> NextStep| wait(flows, interaction, next).map(Some);
    let Some(asked) = asked else {
        return match own_page(flows, browser_state, known, interaction) {
            OwnPage::NewPassword => waits(NextStep::NewPassword),
            OwnPage::SignIn(_) => waits(NextStep::SignIn),
            OwnPage::Choose => waits(NextStep::Choose),
            OwnPage::Finish | OwnPage::StepUp(_) => waits(NextStep::SecondFactor),
            OwnPage::KeepAccount(_) => waits(NextStep::KeepAccount),
            OwnPage::Terms(_) => waits(NextStep::Terms),
            OwnPage::Done => Ok(None),
        };
    };
    let facts = facts(flows, browser_state, asked, known, interaction, allowed_now);
    match decided(asked, &facts) {
        AuthorizationStep::SignIn(_) => waits(NextStep::SignIn),
        AuthorizationStep::Finish | AuthorizationStep::StepUp(..) => waits(NextStep::SecondFactor),
        AuthorizationStep::SetUp(_) => waits(NextStep::SetUpFactor),
        AuthorizationStep::SignUp => waits(NextStep::SignUp),
        AuthorizationStep::Choose => waits(NextStep::Choose),
        AuthorizationStep::KeepAccount(_) => waits(NextStep::KeepAccount),
        AuthorizationStep::Terms(_) => waits(NextStep::Terms),
        AuthorizationStep::Consent(_) => waits(NextStep::Consent),
        AuthorizationStep::Refuse(refusal) if !interaction.is_stored => {
            let answer = refused_to(asked, &address(flows, asked)?, &refusal);
            Ok(Some(Advanced { next: NextStep::Answer(answer), cookie: None }))
        }
        AuthorizationStep::Refuse(_) | AuthorizationStep::Issue(_) => Ok(None),
    }
}

/// The next step of a request. One that began before its client was held to a security profile does
/// not go on: it was not pushed, or has no challenge.
fn decided<'a>(asked: &CheckedRequest, facts: &'a Facts<'a>) -> AuthorizationStep<'a> {
    let is_held = asked.client.client.metadata.profile.is_some();
    if is_held && !is_of_profile(&asked.request) {
        return AuthorizationStep::Refuse(Reason::PushRequired.into());
    }
    decide(&asked.request, facts)
}

/// FAPI 2.0 §5.3.2.2: whether the request was pushed, with a challenge.
fn is_of_profile(request: &AuthorizationRequest) -> bool {
    request.pushed.is_some() && request.challenge.is_some()
}

/// What a person sees who came for their own account, or to prove who they are.
#[derive(Clone, Copy, Debug)]
enum OwnPage<'a> {
    /// The sign-in page. If a person is given, that person has to sign in again.
    SignIn(Option<&'a SignedInUser>),
    /// The choice of an account.
    Choose,
    /// The page for the second factor of a sign-in that has begun.
    Finish,
    /// The page for a second factor that the session of this person lacks.
    StepUp(&'a SignedInUser),
    /// The page on which this person, who deletes their account, may keep it.
    KeepAccount(&'a SignedInUser),
    /// The page for a new password, after they proved their address.
    NewPassword,
    /// The documents that this person is asked to accept.
    Terms(&'a SignedInUser),
    /// None: they have proven enough.
    Done,
}

fn own_page<'a>(
    flows: &Flows,
    browser_state: &'a BrowserState,
    known: &[KnownPerson],
    interaction: &Interaction,
) -> OwnPage<'a> {
    if matches!(interaction.purpose, Purpose::Recover { .. }) {
        return OwnPage::NewPassword;
    }
    if interaction.unfinished(flows.clock.now()).is_some() {
        return OwnPage::Finish;
    }
    let chosen = interaction.session.as_ref().and_then(|session| browser_state.signed_in(session));
    let people = browser_state.people.as_slice();
    if let Purpose::Confirm { user, .. } = &interaction.purpose
        && chosen.is_none()
    {
        return OwnPage::SignIn(people.iter().find(|one| one.user.id == *user));
    }
    let person = match (chosen, people) {
        (Some(chosen), _) => chosen,
        (None, [only]) => only,
        (None, []) => return OwnPage::SignIn(None),
        (None, _) => return OwnPage::Choose,
    };
    let mut standing = people.iter().zip(known);
    let owes_terms =
        standing.any(|(one, known)| one.session.id == person.session.id && known.owes_terms);
    if !due_factor::is_lacking(flows, browser_state, person, None) {
        let is_asked = matches!(interaction.purpose, Purpose::Account { .. });
        if person.is_leaving() {
            OwnPage::KeepAccount(person)
        } else if is_asked && owes_terms {
            OwnPage::Terms(person)
        } else {
            OwnPage::Done
        }
    } else if due_factor::reach(&person.user, false) < Acr::Two {
        // Who has no one-time codes signs in again: with a passkey, or sets up the codes then.
        OwnPage::SignIn(Some(person))
    } else {
        OwnPage::StepUp(person)
    }
}

/// Takes the next step within a transaction, so that the step and its answer are committed or
/// undone together.
pub(super) async fn step(
    tx: &Tx,
    flows: &Flows,
    browser_state: &BrowserState,
    progress: Progress,
    allowed_now: bool,
) -> Outcome<Advanced> {
    let known = known(flows, tx, browser_state, progress.asked.as_ref()).await?;
    step_of(tx, flows, browser_state, &known, progress, allowed_now).await
}

/// The same for people of whom this is known.
async fn step_of(
    tx: &Tx,
    flows: &Flows,
    browser_state: &BrowserState,
    known: &[KnownPerson],
    progress: Progress,
    allowed_now: bool,
) -> Outcome<Advanced> {
    if let Some(advanced) = without_writing(flows, browser_state, known, &progress, allowed_now)? {
        return Ok(advanced);
    }
    let Progress { mut interaction, asked } = progress;
    let Some(asked) = asked else { return to_account(tx, browser_state, interaction).await };
    let facts = facts(flows, browser_state, &asked, known, &interaction, allowed_now);
    let answer = match decided(&asked, &facts) {
        AuthorizationStep::Issue(session) => {
            let address = address(flows, &asked)?;
            let signed_in_user =
                browser_state.signed_in(session).ok_or(InteractionError::WrongBrowser)?;
            let session = &signed_in_user.session;
            if pushed::spend(tx, &asked.request, &interaction.id).await? {
                let code = codes::issue(tx, &asked.request, &facts.wanted, session).await?;
                interaction.session = Some(session.id.clone());
                address.code(&code)
            } else {
                interaction.session = None;
                refused_to(&asked, &address, &Reason::RequestUriUsed.into())
            }
        }
        AuthorizationStep::Refuse(refusal) => {
            refused_to(&asked, &address(flows, &asked)?, &refusal)
        }
        AuthorizationStep::SignIn(_)
        | AuthorizationStep::Finish
        | AuthorizationStep::StepUp(..)
        | AuthorizationStep::SetUp(_)
        | AuthorizationStep::SignUp
        | AuthorizationStep::Choose
        | AuthorizationStep::KeepAccount(_)
        | AuthorizationStep::Terms(_)
        | AuthorizationStep::Consent(_) => {
            return Err(InteractionError::Unknown.into());
        }
    };
    end(tx, &interaction).await?;
    Ok(Advanced { next: NextStep::Answer(answer), cookie: None })
}

/// The answer to an app whose request is refused, with its log line.
fn refused_to(
    asked: &CheckedRequest,
    address: &ReturnAddress,
    refusal: &Refusal,
) -> AuthorizationAnswer {
    refused::log_redirected(refusal, &asked.client.client.id, &asked.request.redirect_uri);
    address.error(refusal)
}

/// The end of an interaction that leads to a page of my account: the person wanted to see it, or
/// proved again who they are because the page asked for it.
async fn to_account(
    tx: &Tx,
    browser_state: &BrowserState,
    mut interaction: Interaction,
) -> Outcome<Advanced> {
    let chosen =
        interaction.session.clone().filter(|session| browser_state.signed_in(session).is_some());
    let only = browser_state.people.first().map(|only| only.session.id.clone());
    let session = chosen.or(only).ok_or(InteractionError::WrongBrowser)?;
    interaction.session = Some(session.clone());
    end(tx, &interaction).await?;
    let said =
        matches!(interaction.purpose, Purpose::Confirm { .. }).then_some(FlashMessage::Confirmed);
    let page = interaction.purpose.return_page();
    Ok(Advanced { next: NextStep::Account(session, page, said), cookie: None })
}

/// Shows a page and waits for the person.
fn wait(
    flows: &Flows,
    interaction: &Interaction,
    next: fn(Handle) -> NextStep,
) -> Outcome<Advanced> {
    if interaction.browser.is_some() {
        return Ok(Advanced { next: next(lookup::handle(flows, interaction)?), cookie: None });
    }
    let (browser, cookie) = new_browser_session();
    let begun = Interaction { browser: Some(browser), ..interaction.clone() };
    Ok(Advanced { next: next(lookup::handle(flows, &begun)?), cookie: Some(cookie) })
}

async fn end(tx: &Tx, interaction: &Interaction) -> Result<(), Fault> {
    if !interaction.is_stored {
        return Ok(());
    }
    interactions::end(tx, &interaction.id, interaction.session.as_ref()).await
}

/// Ends an interaction with a refusal to its app.
pub(super) async fn refuse(
    tx: &Tx,
    flows: &Flows,
    interaction: Interaction,
    asked: &CheckedRequest,
    refusal: &Refusal,
) -> Outcome<AuthorizationAnswer> {
    let answer = address(flows, asked)?.error(refusal);
    // The person has answered, so a pushed request is used up. If it was before, they get on all the
    // same: there is nothing to give.
    pushed::spend(tx, &asked.request, &interaction.id).await?;
    // Without a session: this tells it apart from an interaction that ended with a code.
    end(tx, &Interaction { session: None, ..interaction }).await?;
    Ok(answer)
}

pub(super) fn address(flows: &Flows, asked: &CheckedRequest) -> Outcome<ReturnAddress> {
    let address = ReturnAddress::of(&flows.url, &asked.client.client, &asked.request);
    address.ok_or_else(|| InteractionError::Untrusted(Untrusted::RedirectUri).into())
}

/// What was read about a person in the browser, for the decision.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownPerson {
    /// Their earlier consent for the app.
    consent: Option<Consent>,
    /// Whether they have a passkey. It is read only if the session is not strong enough.
    has_passkey: bool,
    /// Whether they have to accept a document of the operator.
    owes_terms: bool,
}

/// Reads about each person in the browser what the decision needs.
async fn known(
    flows: &Flows,
    reader: &impl Reader,
    browser_state: &BrowserState,
    asked: Option<&CheckedRequest>,
) -> Result<Vec<KnownPerson>, Fault> {
    let mut found = Vec::with_capacity(browser_state.people.len());
    for signed_in_user in &browser_state.people {
        let consent = match asked {
            Some(asked) if !asked.client.client.metadata.first_party => {
                consents::find(reader, &signed_in_user.user.id, &asked.client.client.id).await?
            }
            _ => None,
        };
        let has_passkey = match asked {
            Some(asked) if needs_more(flows, browser_state, signed_in_user, asked) => {
                let client = Some(&asked.client.client.id);
                has_passkey(flows, reader, client, &signed_in_user.user.id).await?
            }
            _ => false,
        };
        let user = &signed_in_user.user.id;
        // Nobody can be asked then, so only what is required keeps the app from its answer.
        let owes_terms = if asked.is_some_and(|asked| asked.request.prompt.none) {
            due_terms::are_due(flows, reader, user).await?
        } else {
            due_terms::are_open(flows, reader, user).await?
        };
        found.push(KnownPerson { consent, has_passkey, owes_terms });
    }
    Ok(found)
}

/// Whether the session of this person is weaker than what the request or the account asks for.
fn needs_more(
    flows: &Flows,
    browser_state: &BrowserState,
    signed_in_user: &SignedInUser,
    asked: &CheckedRequest,
) -> bool {
    let client = &asked.client.client;
    let reached = signed_in_user.session.authentication.acr();
    asked.request.wanted_acr(&client.metadata).iter().any(|acr| *acr > reached)
        || due_factor::is_lacking(flows, browser_state, signed_in_user, Some(client))
}

fn facts<'a>(
    flows: &Flows,
    browser_state: &'a BrowserState,
    asked: &'a CheckedRequest,
    known: &[KnownPerson],
    interaction: &'a Interaction,
    allowed_now: bool,
) -> Facts<'a> {
    let (client, now) = (&asked.client.client, flows.clock.now());
    let hint = asked.request.login_hint.as_deref();
    let candidate = |(signed_in_user, known): (&'a SignedInUser, &KnownPerson)| {
        let SignedInUser { session, user } = signed_in_user;
        let sub = flows.subjects.of(client, &user.id);
        Candidate {
            session,
            is_hinted: hint.is_some_and(|hint| names(hint, user, &sub)),
            sub,
            is_leaving: signed_in_user.is_leaving(),
            consent: known.consent.clone(),
            reach: due_factor::reach(user, known.has_passkey),
            owes_terms: known.owes_terms,
            is_factor_due: due_factor::is_due_in(flows, browser_state, user, Some(client)),
            is_fresh: session.authentication.is_fresh(now, flows.factors.rules.needed(user)),
        }
    };
    let people = browser_state.people.iter().zip(known);
    let people =
        people.filter(|(signed_in_user, _)| may_come(flows, Some(&client.id), signed_in_user));
    Facts {
        people: people.map(candidate).collect(),
        chosen: interaction.session.as_ref(),
        is_unfinished: interaction.unfinished(now).is_some(),
        received_at: interaction.received_at,
        wanted: asked.request.wanted_acr(&client.metadata),
        first_party: client.metadata.first_party,
        // RFC 8252 §8.6: such a redirect URI does not prove which client it belongs to.
        asks_always: client.kind == ClientKind::Public && is_unclaimed(&asked.request.redirect_uri),
        seen: seen(client, &asked.request.redirect_uri),
        allowed_now,
        may_sign_up: offer(flows, &interaction.purpose, Some(client)) == SignUpOffer::Open,
    }
}

/// Whether a person who is signed in may use this client with the sign-in method of their session.
pub(super) fn may_come(
    flows: &Flows,
    client: Option<&ClientId>,
    signed_in_user: &SignedInUser,
) -> bool {
    let authentication = &signed_in_user.session.authentication;
    let (amr, by) = (authentication.amr(), authentication.provider_issuer());
    client.is_none_or(|client| flows.providers.admit(client, &amr, by))
}

/// The people who are signed in in this browser and may continue with this interaction. One of them
/// can be chosen.
#[must_use]
pub fn eligible<'a>(
    flows: &Flows,
    browser_state: &'a BrowserState,
    purpose: &Purpose,
) -> Vec<&'a SignedInUser> {
    let client = purpose.client();
    browser_state
        .people
        .iter()
        .filter(|signed_in_user| may_come(flows, client, signed_in_user))
        .collect()
}

/// Whether a hint names this person. Of the ids only the `sub` counts by which the client knows them:
/// another one would tell the client whose it is.
fn names(hint: &str, user: &User, sub: &str) -> bool {
    let same = |key: Option<String>, own: Option<String>| key.is_some() && key == own;
    let email = user.email.as_deref().and_then(person::email_key);
    same(person::username_key(hint), person::username_key(&user.username))
        || same(person::email_key(hint), email)
        || hint == sub
}

/// Finds an interaction and what its page shows.
pub async fn view(flows: &Flows, caller: Caller<'_>, handle: &Handle) -> Outcome<View> {
    let interaction = interaction::open(flows, caller, handle).await?;
    shown(flows, caller, interaction).await
}

pub(super) async fn shown(
    flows: &Flows,
    caller: Caller<'_>,
    interaction: Interaction,
) -> Outcome<View> {
    let browser_state = caller.browser_state;
    let signed_in_user = |session: &SessionId| browser_state.signed_in(session).cloned();
    let proof = proof(flows, &interaction).await?;
    let handle = lookup::handle(flows, &interaction)?;
    let Some(asked) = interaction::asked(flows, &interaction.purpose).await? else {
        let known = known(flows, &*flows.store, browser_state, None).await?;
        let own_page = own_page(flows, browser_state, &known, &interaction);
        let subject = match (&interaction.purpose, own_page) {
            (Purpose::Link { .. } | Purpose::Logout(_), _)
            | (_, OwnPage::Done | OwnPage::NewPassword) => Subject::Elsewhere,
            (_, OwnPage::SignIn(person)) => Subject::SignIn(person.cloned().map(Box::new)),
            (_, OwnPage::Choose) => Subject::Choose,
            (_, OwnPage::KeepAccount(person)) => Subject::KeepAccount(Box::new(person.clone())),
            (_, OwnPage::Terms(person)) => Subject::Terms(Box::new(person.clone())),
            (_, OwnPage::Finish) => due_factor::unfinished(flows, &interaction).await?,
            (_, OwnPage::StepUp(person)) => due_factor::of_session(flows, person, Acr::Two).await?,
        };
        return Ok(View { interaction, handle, client: None, subject, proof });
    };
    let known = known(flows, &*flows.store, browser_state, Some(&asked)).await?;
    let facts = facts(flows, browser_state, &asked, &known, &interaction, false);
    let subject = match decided(&asked, &facts) {
        AuthorizationStep::SignIn(session) => {
            Subject::SignIn(session.and_then(signed_in_user).map(Box::new))
        }
        AuthorizationStep::Finish => due_factor::unfinished(flows, &interaction).await?,
        AuthorizationStep::StepUp(session, acr) => {
            let person = browser_state.signed_in(session).ok_or(InteractionError::WrongBrowser)?;
            due_factor::of_session(flows, person, acr).await?
        }
        AuthorizationStep::SetUp(session) => {
            let SignedInUser { user, session } =
                signed_in_user(session).ok_or(InteractionError::WrongBrowser)?;
            Subject::SetUpFactor(Box::new(OfferedFactor { user, session: Some(session) }))
        }
        AuthorizationStep::SignUp => Subject::SignUp,
        AuthorizationStep::Choose => Subject::Choose,
        AuthorizationStep::KeepAccount(session) => {
            let signed_in_user = signed_in_user(session).ok_or(InteractionError::WrongBrowser)?;
            Subject::KeepAccount(Box::new(signed_in_user))
        }
        AuthorizationStep::Terms(session) => {
            let signed_in_user = signed_in_user(session).ok_or(InteractionError::WrongBrowser)?;
            Subject::Terms(Box::new(signed_in_user))
        }
        AuthorizationStep::Consent(session) => {
            let before = browser_state.people.iter().position(|one| one.session.id == *session);
            let before = before.and_then(|at| known.get(at)?.consent.clone());
            let signed_in_user = signed_in_user(session).ok_or(InteractionError::WrongBrowser)?;
            Subject::Consent(Box::new(signed_in_user), before.unwrap_or_default())
        }
        AuthorizationStep::Refuse(_) | AuthorizationStep::Issue(_) => Subject::Elsewhere,
    };
    Ok(View { client: Some(asked.client.clone()), interaction, handle, subject, proof })
}

/// The account that the person has to prove, with its sign-in methods.
async fn proof(flows: &Flows, interaction: &Interaction) -> Result<Option<PendingAccount>, Fault> {
    let Some(pending) = interaction::pending(flows, interaction) else { return Ok(None) };
    let user = users::find(&*flows.store, &pending.user).await?;
    let linked = identities::of_user(&*flows.store, &pending.user).await?;
    let others = linked.into_iter().map(|one| one.provider);
    Ok(Some(PendingAccount {
        user: pending.user.clone(),
        provider: pending.provider.clone(),
        email: pending.identity.verified_email().unwrap_or_default().to_owned(),
        has_password: user.is_some_and(|user| user.password_hash.is_some()),
        linked: others.filter(|slug| *slug != pending.provider).collect(),
    }))
}

/// Changes the language of an interaction.
pub async fn set_language(flows: &Flows, mut view: View, language: &str) -> Result<View, Fault> {
    view.interaction.purpose.set_language(language);
    set_purpose(flows, &mut view).await?;
    Ok(view)
}

/// Stores the changed purpose of a view: in the database, or sealed in a new handle.
pub(super) async fn set_purpose(flows: &Flows, view: &mut View) -> Result<(), Fault> {
    if view.interaction.is_stored {
        let tx = flows.store.begin(flows.clock.now()).await?;
        interactions::set_purpose(&tx, &view.interaction.id, &view.interaction.purpose).await?;
        tx.commit().await?;
    }
    view.handle = lookup::handle(flows, &view.interaction)?;
    Ok(())
}
