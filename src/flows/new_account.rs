//! The form for a new account: a person chooses a password or makes a passkey, and has an account. The
//! interaction in which they came goes on with it.

use sha2::{Digest, Sha256};

use crate::accounts::address_claims;
use crate::accounts::attempt_limits::{Bucket, Throttled};
use crate::accounts::hashing_queue::Lane;
use crate::accounts::passkeys::adding::{CreatedPasskey, NotAdded};
use crate::accounts::password_rules::ChosenPassword;
use crate::accounts::sign_up::{
    MadeAccount, NewAccount, chosen_username, mail_address, make, shown_name,
};
use crate::accounts::throttle::Counted;
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::client::ClientId;
use crate::domain::interaction::{Interaction, UnfinishedSignIn};
use crate::domain::language::Language;
use crate::domain::mail_secret::MailPurpose;
use crate::domain::newcomer::Newcomer;
use crate::domain::sign_up_mode::UsernameMode;
use crate::domain::terms::Acceptance;
use crate::domain::user::User;
use crate::domain::verdict::Error;
use crate::domain::{hex, person, redirect_uri};
use crate::flows::complete_sign_in::{CompletedSignIn, complete_sign_in, finish_sign_in};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::new_way_in::{self, NewPasskey, NewWayIn};
use crate::flows::outcome::{Advanced, NextStep};
use crate::flows::sign_in::{self, NotSignedIn, PasswordForm};
use crate::flows::sign_up::{NotSignedUp, Result, SignUpProblem, lost};
use crate::flows::sign_up_offer::{SignUpOffer, offer};
use crate::flows::submitted::Submitted;
use crate::flows::terms;
use crate::store::{Tx, audit_events, interactions, known_addresses, users};

/// Whether the user name is asked for: where the address is not proven, it must not be the name.
#[must_use]
pub fn asks_for_username(flows: &Flows, newcomer: Option<&Newcomer>) -> bool {
    let proven = newcomer.filter(|newcomer| newcomer.proven_by.is_some());
    let can_be_name = proven.is_some_and(|it| person::username_key(&it.email).is_some());
    flows.sign_up.username == UsernameMode::Ask || !can_be_name
}

/// The fields of the form for a new account.
#[derive(Clone, Copy)]
pub struct AccountDetails<'a> {
    /// The address, where it is not proven by mail.
    pub email: &'a str,
    /// The name that people see.
    pub name: &'a str,
    /// The user name, where it is asked for.
    pub username: &'a str,
    /// The password, or the passkey.
    pub way_in: NewWayIn<'a>,
    /// Whether they want to stay signed in.
    pub keep: bool,
    /// The documents that they accept.
    pub accepted: &'a [Acceptance],
    /// The language of the page.
    pub language: Language,
}

impl std::fmt::Debug for AccountDetails<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountDetails").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// The names of an account that was not made yet.
#[derive(Clone, Debug)]
struct Names {
    email: String,
    is_proven: bool,
    username: String,
    name: String,
}

/// Makes the account, opens a session, and takes the next step.
pub async fn create(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    details: AccountDetails<'_>,
) -> Result<Advanced> {
    if is_made(form) {
        return Box::pin(again(flows, caller, form, details)).await;
    }
    let made = Box::pin(make_account(flows, caller, form, details)).await;
    let Err(Error::Refused(refused)) = made else { return made };
    // Of two clicks at the same time, the other one may have been first.
    let form = form.anew(flows).await.map_err(lost)?;
    if is_made(&form) {
        return Box::pin(again(flows, caller, &form, details)).await;
    }
    Err(refused.into())
}

async fn make_account(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    details: AccountDetails<'_>,
) -> Result<Advanced> {
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let names = names(flows, &interaction, details).await?;
    if flows.terms.without(details.accepted).iter().any(|document| document.required) {
        return Err(SignUpProblem::Terms.into());
    }
    let chosen = match details.way_in {
        NewWayIn::Password(password) => {
            let refused = |refused| Error::from(SignUpProblem::Password(refused));
            Chosen::Password(ChosenPassword::parse(password).map_err(refused)?)
        }
        NewWayIn::Passkey(new) => {
            let created = new_way_in::check(flows, &interaction, new).await;
            Chosen::Passkey(Box::new(created.map_err(not_added)?), mark(new))
        }
    };
    check_address(flows, &names).await?;
    let attempt = Attempt::begin(flows, caller, &names).await?;
    let chosen = match hashed(flows, &names, chosen).await {
        Ok(chosen) => chosen,
        Err(error) => return Err(attempt.failed(error)),
    };
    let tx = flows.store.begin(flows.clock.now()).await?;
    let made = admit(&tx, flows, caller, &interaction, (names.clone(), chosen), details);
    let made = Box::pin(made).await;
    if let Err(Error::Refused(refused)) = made {
        // The account may be written in part.
        tx.abandon().await;
        // Somebody else may have proven the address and made an account meanwhile.
        check_address(flows, &names).await?;
        return Err(attempt.failed(refused.into()));
    }
    let advanced = tx.settle(made).await?;
    flows.notices.nudge();
    Ok(advanced)
}

/// What the person chose to sign in with: a password, or its hash, or a passkey.
enum Chosen<P> {
    Password(P),
    /// With the mark by which a second click is known.
    Passkey(Box<CreatedPasskey>, String),
}

async fn hashed(
    flows: &Flows,
    names: &Names,
    chosen: Chosen<ChosenPassword>,
) -> Result<Chosen<String>> {
    let password = match chosen {
        Chosen::Password(password) => password,
        Chosen::Passkey(created, mark) => return Ok(Chosen::Passkey(created, mark)),
    };
    if flows.password.hasher.is_overloaded(Lane::Stranger) {
        return Err(SignUpProblem::Busy.into());
    }
    let about = vec![names.username.clone(), names.email.clone(), names.name.clone()];
    let hash = flows.password_rules.hash(password, about).await.map_err(|error| {
        error.map(|refused| NotSignedUp::Problem(SignUpProblem::Password(refused)))
    })?;
    Ok(Chosen::Password(hash))
}

fn not_added(error: Error<NotAdded>) -> Error<NotSignedUp> {
    error.map(|not| NotSignedUp::Problem(SignUpProblem::Passkey(not)))
}

/// The hash of what the form of a passkey brings. It tells a second click from everything else: the
/// challenge was in one page of this browser alone.
fn mark(new: NewPasskey<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"new passkey ");
    hash.update(new.challenge);
    hash.update(b" ");
    hash.update(new.answer);
    hex::lower(&hash.finalize())
}

/// Whether the account was made in this interaction before.
fn is_made(form: &Submitted) -> bool {
    form.interaction().session.is_some() || form.interaction().unfinished.is_some()
}

/// What the person wants to be called.
async fn names(
    flows: &Flows,
    interaction: &Interaction,
    details: AccountDetails<'_>,
) -> Result<Names> {
    let newcomer = interaction.newcomer.as_deref();
    let proven = newcomer.filter(|newcomer| newcomer.proven_by.is_some());
    let email = if let Some(newcomer) = proven {
        newcomer.email.clone()
    } else {
        let client = interaction::client(flows, &interaction.purpose).await?;
        let client = client.as_ref().map(|client| &client.client);
        let offer = offer(flows, &interaction.purpose, client);
        if offer != SignUpOffer::Open || flows.mailer.is_some() {
            return Err(NotSignedUp::Elsewhere.into());
        }
        mail_address(details.email).ok_or(SignUpProblem::Email)?.0
    };
    let name = shown_name(details.name).ok_or(SignUpProblem::Name)?;
    let username = if asks_for_username(flows, newcomer) {
        chosen_username(details.username).ok_or(SignUpProblem::Username)?
    } else {
        email.clone()
    };
    Ok(Names { email, is_proven: proven.is_some(), username, name })
}

/// Says early whether the address that the person has proven got an account meanwhile.
async fn check_address(flows: &Flows, names: &Names) -> Result<()> {
    let Some(key) = person::email_key(&names.email).filter(|_| names.is_proven) else {
        return Ok(());
    };
    match address_claims::holder(&*flows.store, &key, flows.clock.now()).await? {
        Some(_) => Err(SignUpProblem::AccountExists.into()),
        None => Ok(()),
    }
}

/// An attempt to make an account. It is counted until it is known whether it failed.
#[derive(Debug)]
struct Attempt {
    name: Option<Counted>,
    place: Option<Counted>,
}

impl Attempt {
    /// Counts an attempt, and says early what it would be refused for.
    async fn begin(flows: &Flows, caller: Caller<'_>, names: &Names) -> Result<Self> {
        let name = check_username(flows, caller, names).await?;
        let place = if names.is_proven { None } else { Some(check_place(flows, caller).await?) };
        Ok(Self { name, place })
    }

    /// Keeps what an attempt counts that failed for this reason.
    fn failed(self, error: Error<NotSignedUp>) -> Error<NotSignedUp> {
        let kept = match &error {
            Error::Refused(NotSignedUp::Problem(SignUpProblem::UsernameTaken)) => self.name,
            Error::Refused(NotSignedUp::Problem(SignUpProblem::Password(_))) => self.place,
            _ => None,
        };
        if let Some(counted) = kept {
            counted.keep();
        }
        error
    }
}

/// Says early whether the user name is taken. Each such answer counts, so that nobody can ask for
/// many names.
async fn check_username(
    flows: &Flows,
    caller: Caller<'_>,
    names: &Names,
) -> Result<Option<Counted>> {
    if names.username == names.email {
        return Ok(None);
    }
    let key = person::username_key(&names.username).ok_or(SignUpProblem::Username)?;
    let limits = flows.password.throttle.limits;
    let counted = count(flows, limits.names_from(&neighbourhood(caller.address))).await?;
    let named = users::find_by_name(&*flows.store, &key, None).await?;
    if named.is_some_and(|user| !user.is_over(flows.clock.now())) {
        counted.keep();
        return Err(SignUpProblem::UsernameTaken.into());
    }
    Ok(Some(counted))
}

async fn count(flows: &Flows, bucket: Bucket) -> Result<Counted> {
    let counted = flows.password.throttle.count(vec![bucket]).await;
    counted.map_err(|error| {
        error.map(|throttled| NotSignedUp::Problem(throttled_problem(flows, throttled)))
    })
}

fn throttled_problem(flows: &Flows, throttled: Throttled) -> SignUpProblem {
    let wait = (throttled.until - flows.clock.now()).num_seconds();
    SignUpProblem::Throttled(u64::try_from(wait).unwrap_or_default().max(1))
}

/// Limits what is tried from one place where no mail proves anything, and says early whether so many
/// accounts were made from it that one more is refused.
async fn check_place(flows: &Flows, caller: Caller<'_>) -> Result<Counted> {
    let place = neighbourhood(caller.address);
    let counted = count(flows, flows.password.throttle.limits.sign_ups_from(&place)).await?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let has_room = flows.mail_limits.has_room_without_mail(&tx, &place).await;
    tx.abandon().await;
    if has_room? { Ok(counted) } else { Err(place_is_full(flows).into()) }
}

fn place_is_full(flows: &Flows) -> SignUpProblem {
    let seconds = flows.mail_limits.address.window.num_seconds();
    SignUpProblem::Throttled(u64::try_from(seconds).unwrap_or_default())
}

async fn admit(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
    (names, chosen): (Names, Chosen<String>),
    details: AccountDetails<'_>,
) -> Result<Advanced> {
    let newcomer = interaction.newcomer.as_deref();
    let Names { email, is_proven, username, name } = names;
    let language = details.language.as_str().to_owned();
    let (password_hash, created) = match chosen {
        Chosen::Password(hash) => (Some(hash), None),
        Chosen::Passkey(created, mark) => (None, Some((created, mark))),
    };
    let id = interaction.id.newcomer();
    let new = NewAccount { id, email, is_proven, username, name, language, password_hash };
    let place = neighbourhood(caller.address);
    if !is_proven && !flows.mail_limits.allow_without_mail(tx, &place).await? {
        return Err(place_is_full(flows).into());
    }
    let user = match make(tx, new, caller.origin).await? {
        MadeAccount::New(user) => *user,
        MadeAccount::AddressTaken => return Err(SignUpProblem::AccountExists.into()),
        MadeAccount::UsernameTaken => return Err(SignUpProblem::UsernameTaken.into()),
    };
    interactions::keep(tx, interaction).await?;
    let found = interactions::lock(tx, &interaction.id).await?;
    if found.is_none_or(|found| {
        found.session.is_some() || found.unfinished.is_some() || found.ended_at.is_some()
    }) {
        return Err(NotSignedUp::Elsewhere.into());
    }
    let client = newcomer.and_then(|newcomer| newcomer.client.as_ref());
    audit_events::insert(tx, &[event_of(caller, interaction, &user)]).await?;
    terms::record(tx, flows, caller, &user.id, details.accepted).await?;
    terms::leave_out(tx, flows, caller, &user.id).await?;
    known_addresses::remember(tx, &user.id, &place).await?;
    let (method, finished_by) = match created {
        None => (Method::Password, None),
        Some((created, mark)) => {
            let kept = created.keep(tx, &user.id, caller.origin).await.map_err(not_added)?;
            (Method::Passkey { backed_up: kept.backed_up }, Some(mark))
        }
    };
    let mut event = Event::new(EventKind::SignInSucceeded).user(&user.id).from(caller.origin);
    event.client = interaction.purpose.client().cloned();
    let entry = CompletedSignIn {
        id: &interaction.id,
        user: user.id.clone(),
        authentication: Authentication::by(method, tx.now()),
        keep: details.keep,
        event,
    };
    // A passkey is a complete sign-in, so no second factor is due after it.
    let advanced = match finished_by {
        None => complete_sign_in(tx, flows, caller, entry).await,
        mark => finish_sign_in(tx, flows, caller, entry, mark).await,
    };
    let advanced = advanced.map_err(lost)?;
    to_front_page(tx, flows, client, advanced).await
}

/// The audit event of a new account.
fn event_of(caller: Caller<'_>, interaction: &Interaction, user: &User) -> Event {
    let newcomer = interaction.newcomer.as_deref();
    let proven_by = newcomer.and_then(|newcomer| newcomer.proven_by);
    let kind = match proven_by {
        Some(MailPurpose::Invitation) => EventKind::InvitationAccepted,
        _ => EventKind::SignUpCompleted,
    };
    let mut event = Event::new(kind).user(&user.id).from(caller.origin);
    let invited_to = newcomer.and_then(|newcomer| newcomer.client.as_ref());
    event.client = interaction.purpose.client().or(invited_to).cloned();
    event
}

/// Whoever was invited to an app is sent to its front page, where it begins its own request.
async fn to_front_page(
    tx: &Tx,
    flows: &Flows,
    client: Option<&ClientId>,
    advanced: Advanced,
) -> Result<Advanced> {
    let (Some(client), NextStep::Account(..)) = (client, &advanced.next) else {
        return Ok(advanced);
    };
    let found = flows.clients.find_in(tx, client).await?;
    let found = found.filter(|found| found.client.is_enabled());
    let mut uris = found.iter().flat_map(|found| &found.client.metadata.redirect_uris);
    let front_page = uris.find_map(|uri| redirect_uri::front_page(uri));
    let next = front_page.map(NextStep::FrontPage);
    Ok(Advanced { next: next.unwrap_or(advanced.next), cookie: advanced.cookie })
}

/// A second click: the account was made by the first one, whose answer the browser dropped. The
/// password is checked, as for every second click on a sign-in; a passkey has to be the same answer
/// of the authenticator, to the same challenge.
async fn again(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    details: AccountDetails<'_>,
) -> Result<Advanced> {
    let password = match details.way_in {
        NewWayIn::Password(password) => password,
        NewWayIn::Passkey(new) => return again_by_passkey(flows, caller, form, new).await,
    };
    let newcomer = form.interaction().newcomer.as_deref();
    let username = match newcomer.filter(|newcomer| newcomer.proven_by.is_some()) {
        Some(newcomer) => newcomer.email.as_str(),
        None => details.username,
    };
    let typed = PasswordForm { username, password: password.expose(), keep: details.keep };
    Box::pin(sign_in::sign_in(flows, caller, form, typed)).await.map_err(|error| {
        error.map(|not| match not {
            NotSignedIn::InteractionError(error) => NotSignedUp::InteractionError(error),
            _ => NotSignedUp::Elsewhere,
        })
    })
}

async fn again_by_passkey(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    new: NewPasskey<'_>,
) -> Result<Advanced> {
    let (interaction, browser_state) = (form.interaction(), caller.browser_state);
    // The old cookie belongs to no browser any more.
    if browser_state.browser != interaction.browser && !browser_state.people.is_empty() {
        return Err(NotSignedUp::Elsewhere.into());
    }
    let tx = flows.store.begin(flows.clock.now()).await?;
    let advanced = async {
        let found = interactions::lock(&tx, &interaction.id).await?;
        let found = found.ok_or(NotSignedUp::Elsewhere)?;
        let is_same = |begun: &&UnfinishedSignIn| begun.finished_by == Some(mark(new));
        let user = found.unfinished.as_deref().filter(is_same).map(|begun| begun.user.clone());
        let user = user.ok_or(NotSignedUp::Elsewhere)?;
        sign_in::again(&tx, flows, caller, found, &user).await.map_err(lost)
    };
    let advanced = advanced.await;
    tx.settle(advanced).await
}
