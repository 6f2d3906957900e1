//! Sign-up: a person proves their address, chooses a password, and has an account. The interaction
//! in which they came goes on with it.
//!
//! Before the address is proven, nothing exists that could harm its owner, and no page tells whether
//! the address has an account: its owner learns that by a mail.

use chrono::{DateTime, Utc};

use crate::accounts::address_claims;
use crate::accounts::attempt_limits::{Bucket, Throttled};
use crate::accounts::browsers::new_browser_session;
use crate::accounts::hashing_queue::Lane;
use crate::accounts::mail_limits::{AskedMail, MailTo};
use crate::accounts::mail_secrets::{self, MailRecipient, MailSecretRefused};
use crate::accounts::password_rules::{ChosenPassword, PasswordRefused};
use crate::accounts::sign_up::{
    MadeAccount, NewAccount, chosen_username, mail_address, make, shown_name,
};
use crate::accounts::throttle::Counted;
use crate::domain::account_page::AccountPage;
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::client::ClientId;
use crate::domain::interaction::{Handle, Interaction, InteractionId, Purpose};
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::mail_secret::{MailPurpose, MailSecret};
use crate::domain::newcomer::Newcomer;
use crate::domain::secret::{MailLink, Plain, Secret};
use crate::domain::session::BrowserId;
use crate::domain::sign_up_mode::UsernameMode;
use crate::domain::sign_up_request::SignUpRequest;
use crate::domain::terms::Acceptance;
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::domain::{person, redirect_uri, urls};
use crate::flows::complete_sign_in::{CompletedSignIn, complete_sign_in};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::mail_to_account::evenly;
use crate::flows::outcome::{Advanced, InteractionError, NextStep};
use crate::flows::sign_in::{self, NotSignedIn, PasswordForm};
use crate::flows::sign_up_offer::{SignUpOffer, offer};
use crate::flows::submitted::{SameOrigin, Submitted};
use crate::flows::{lookup, terms};
use crate::store::{Tx, audit_events, interactions, known_addresses, users};

/// Whether the user name is asked for: where the address is not proven, it must not be the name.
#[must_use]
pub fn asks_for_username(flows: &Flows, newcomer: Option<&Newcomer>) -> bool {
    let proven = newcomer.filter(|newcomer| newcomer.proven_by.is_some());
    let can_be_name = proven.is_some_and(|it| person::username_key(&it.email).is_some());
    flows.sign_up.username == UsernameMode::Ask || !can_be_name
}

/// Why a step of the sign-up is not taken.
#[derive(Clone, Debug)]
pub enum NotSignedUp {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// Nobody may make an account here, or the address is not proven yet: the interaction is
    /// decided again.
    Elsewhere,
    /// The link of a mail does not count.
    Link,
    /// The form has to be filled in again.
    Problem(SignUpProblem),
}

/// What is wrong in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpProblem {
    /// The address is missing, or no mail can be sent to it.
    Email,
    /// The code is wrong, was used, has expired, or was tried too often.
    Code,
    /// The name is missing or cannot be shown.
    Name,
    /// The user name is missing or cannot be one.
    Username,
    /// Another account has the user name.
    UsernameTaken,
    /// The password is refused.
    Password(PasswordRefused),
    /// A required document is not accepted.
    Terms,
    /// An account with the proven address was made meanwhile.
    AccountExists,
    /// Too many tries from this place. The person may try again after this many seconds.
    Throttled(u64),
    /// The server has too much to do.
    Busy,
}

impl From<NotSignedUp> for Error<NotSignedUp> {
    fn from(not: NotSignedUp) -> Self {
        Self::Refused(not)
    }
}

impl From<SignUpProblem> for Error<NotSignedUp> {
    fn from(problem: SignUpProblem) -> Self {
        Self::Refused(NotSignedUp::Problem(problem))
    }
}

fn lost(error: Error<InteractionError>) -> Error<NotSignedUp> {
    error.map(NotSignedUp::InteractionError)
}

type Result<T> = std::result::Result<T, Error<NotSignedUp>>;

/// Mails a link and a code to the address that a person typed. Whether the address has an account,
/// or has got too many mails already, is told to nobody here.
pub async fn ask(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    email: &str,
    language: Language,
) -> Result<Advanced> {
    let mut interaction = form.open(flows, caller).await.map_err(lost)?;
    let browser = interaction.browser.clone().ok_or(InteractionError::WrongBrowser);
    let browser = browser.map_err(|error| Error::Refused(NotSignedUp::InteractionError(error)))?;
    let client = interaction::client(flows, &interaction.purpose).await?;
    let client = client.as_ref().map(|client| &client.client);
    if offer(flows, &interaction.purpose, client) != SignUpOffer::Open || flows.mailer.is_none() {
        return Err(NotSignedUp::Elsewhere.into());
    }
    let (email, key) = mail_address(email).ok_or(SignUpProblem::Email)?;
    let now = flows.clock.now();
    interaction.newcomer = Some(Box::new(Newcomer::asking(&email)));
    interaction.expires_at = interaction.expires_at.max(now + MailPurpose::SignUp.life());
    let asking = Asking { interaction: &interaction, browser: &browser, email: &email, key: &key };
    Box::pin(evenly(async {
        let tx = flows.store.begin(now).await?;
        let asked = mail(&tx, flows, caller, asking, language).await;
        tx.settle(asked.map_err(Error::<NotSignedUp>::Fault)).await
    }))
    .await?;
    flows.notices.nudge();
    let next = NextStep::SignUpCode(lookup::handle(flows, &interaction)?);
    Ok(Advanced { next, cookie: None })
}

/// A person who asks for a mail.
#[derive(Clone, Copy)]
struct Asking<'a> {
    interaction: &'a Interaction,
    browser: &'a BrowserId,
    email: &'a str,
    key: &'a str,
}

async fn mail(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    asking: Asking<'_>,
    language: Language,
) -> std::result::Result<(), Fault> {
    let Asking { interaction, browser, email, key } = asking;
    if interaction.is_stored
        && let Some(newcomer) = &interaction.newcomer
    {
        interactions::set_newcomer(tx, &interaction.id, newcomer, interaction.expires_at).await?;
    }
    let place = neighbourhood(caller.address);
    let purpose = MailPurpose::SignUp;
    let asked = AskedMail { purpose, browser, typed: key, place: &place, known: None };
    let Some(mailer) = &flows.mailer else { return Ok(()) };
    if !flows.mail_limits.admit(tx, asked).await? {
        return Ok(());
    }
    // The same is written for every address. The secret of an address with an account is mailed to
    // nobody.
    let holder = address_claims::holder(tx, key, tx.now()).await?;
    let kept = SignUpRequest {
        email: email.to_owned(),
        purpose: Some(interaction.purpose.clone()),
        client: None,
    };
    let recipient = MailRecipient::Address(key);
    let issued = mail_secrets::issue(tx, purpose, recipient, Some(browser), &kept).await?;
    let to = MailTo { purpose, address: key, is_held: holder.is_some(), known: None };
    if !flows.mail_limits.allow(tx, to).await? {
        return Ok(());
    }
    let client = interaction.purpose.client();
    let mut event = Event::new(EventKind::SignUpAsked).from(caller.origin);
    event.client = client.cloned();
    event.user = holder.as_ref().map(|holder| holder.id.clone());
    audit_events::insert(tx, &[event]).await?;
    let content = match (&holder, &issued.code) {
        (None, Some(code)) => MailContent::SignUp {
            link: issued.url(&flows.url.url(urls::SIGN_UP_CONFIRM)),
            code: Secret::text(code.expose()),
        },
        _ => MailContent::SignUpExisting {},
    };
    let mail = Mail {
        to: email.to_owned(),
        language,
        user: holder.map(|holder| holder.id),
        client: client.cloned(),
        content,
        expires_at: Some(issued.stored.expires_at),
    };
    mailer.send(tx, mail).await
}

/// A person types the code of the mail, in the browser that asked for it.
pub async fn enter_code(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: &str,
) -> Result<Advanced> {
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let Some(browser) = interaction.browser.clone() else {
        return Err(NotSignedUp::InteractionError(InteractionError::WrongBrowser).into());
    };
    let is_proven = |newcomer: &Newcomer| newcomer.proven_by.is_some();
    if interaction.newcomer.as_deref().is_some_and(is_proven) {
        // The browser dropped the answer to the first click.
        return Ok(to_account_form(interaction.id.handle()));
    }
    let tx = flows.store.begin(flows.clock.now()).await?;
    let entered = async {
        let spent = mail_secrets::spend_code(&tx, MailPurpose::SignUp, &browser, typed).await;
        let secret = spent.map_err(|error| error.map(|MailSecretRefused| SignUpProblem::Code));
        let secret = secret.map_err(|error| error.map(NotSignedUp::Problem))?;
        let asked: SignUpRequest = mail_secrets::payload(&secret)?;
        let newcomer =
            Newcomer { email: asked.email, proven_by: Some(MailPurpose::SignUp), client: None };
        interactions::keep(&tx, &interaction).await?;
        let until = interaction.expires_at;
        interactions::set_newcomer(&tx, &interaction.id, &newcomer, until).await?;
        Ok(to_account_form(interaction.id.handle()))
    };
    let entered = entered.await;
    tx.settle(entered).await
}

fn to_account_form(handle: Handle) -> Advanced {
    Advanced { next: NextStep::NewAccount(handle), cookie: None }
}

/// Whether the link of a mail still counts, as far as the page with its button tells. Looking
/// changes nothing.
pub async fn is_open(
    flows: &Flows,
    purpose: MailPurpose,
    link: &Plain<MailLink>,
) -> std::result::Result<Option<String>, Fault> {
    let found = mail_secrets::look(&*flows.store, purpose, link).await?;
    let found = found.filter(|secret| flows.clock.now() < secret.expires_at);
    let asked = found.as_ref().map(mail_secrets::payload::<SignUpRequest>).transpose()?;
    Ok(asked.map(|asked| asked.email))
}

/// A person presses the button behind the link of a mail, in any browser. The request in which the
/// mail was asked for begins anew there.
pub async fn confirm(
    flows: &Flows,
    caller: Caller<'_>,
    _: &SameOrigin,
    purpose: MailPurpose,
    link: &Plain<MailLink>,
) -> Result<Advanced> {
    let (browser, cookie) = if let Some(browser) = caller.browser_state.browser.clone() {
        (browser, None)
    } else {
        let (browser, cookie) = new_browser_session();
        (browser, Some(cookie))
    };
    let id = interaction::begun_by(link);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let confirmed = async {
        match mail_secrets::spend_link(&tx, purpose, link).await {
            Ok(secret) => {
                let begun = begin(&secret, id.clone(), browser.clone(), tx.now())?;
                interactions::keep(&tx, &begun).await?;
                Ok(())
            }
            Err(Error::Refused(MailSecretRefused)) => {
                // The same browser gets back to the form, until the account was made.
                let found = interaction::begun_before(&tx, link, Some(&browser), tx.now()).await?;
                found.map(drop).ok_or(NotSignedUp::Link.into())
            }
            Err(Error::Fault(fault)) => Err(fault.into()),
        }
    };
    let confirmed = confirmed.await;
    tx.settle(confirmed).await?;
    Ok(Advanced { next: NextStep::NewAccount(id.handle()), cookie })
}

fn begin(
    secret: &MailSecret,
    id: InteractionId,
    browser: BrowserId,
    now: DateTime<Utc>,
) -> std::result::Result<Interaction, Fault> {
    let SignUpRequest { email, purpose, client } = mail_secrets::payload(secret)?;
    let newcomer = Newcomer { email, proven_by: Some(secret.purpose), client };
    let purpose =
        purpose.unwrap_or(Purpose::Account { page: AccountPage::default(), ui_locales: None });
    let begun = Interaction::new(purpose, Some(browser), now);
    Ok(Interaction {
        id,
        newcomer: Some(Box::new(newcomer)),
        expires_at: begun.expires_at.max(secret.expires_at),
        is_stored: true,
        ..begun
    })
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
    /// The password.
    pub password: &'a Secret<String>,
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
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let names = names(flows, &interaction, details).await?;
    if flows.terms.without(details.accepted).iter().any(|document| document.required) {
        return Err(SignUpProblem::Terms.into());
    }
    let refused = |refused| Error::from(SignUpProblem::Password(refused));
    let password = ChosenPassword::parse(details.password).map_err(refused)?;
    check_address(flows, &names).await?;
    let attempt = Attempt::begin(flows, caller, &names).await?;
    if flows.password.hasher.is_overloaded(Lane::Stranger) {
        return Err(SignUpProblem::Busy.into());
    }
    let about = vec![names.username.clone(), names.email.clone(), names.name.clone()];
    let hashed = flows.password_rules.hash(password, about).await.map_err(|error| {
        error.map(|refused| NotSignedUp::Problem(SignUpProblem::Password(refused)))
    });
    let password_hash = match hashed {
        Ok(hash) => hash,
        Err(error) => return Err(attempt.failed(error)),
    };
    let tx = flows.store.begin(flows.clock.now()).await?;
    let made = admit(&tx, flows, caller, &interaction, (names.clone(), password_hash), details);
    match Box::pin(made).await {
        Err(Error::Refused(refused)) => {
            // The account may be written in part.
            tx.abandon().await;
            // Of two clicks at the same time, the other one may have been first.
            let form = form.anew(flows).await.map_err(lost)?;
            if is_made(&form) {
                return Box::pin(again(flows, caller, &form, details)).await;
            }
            // Somebody else may have proven the address and made an account meanwhile.
            check_address(flows, &names).await?;
            Err(attempt.failed(refused.into()))
        }
        other => {
            let advanced = tx.settle(other).await?;
            flows.notices.nudge();
            Ok(advanced)
        }
    }
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
    (names, password_hash): (Names, String),
    details: AccountDetails<'_>,
) -> Result<Advanced> {
    let newcomer = interaction.newcomer.as_deref();
    let Names { email, is_proven, username, name } = names;
    let language = details.language.as_str().to_owned();
    let new = NewAccount { email, is_proven, username, name, language, password_hash };
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
    let mut event = Event::new(EventKind::SignInSucceeded).user(&user.id).from(caller.origin);
    event.client = interaction.purpose.client().cloned();
    let entry = CompletedSignIn {
        id: &interaction.id,
        user: user.id.clone(),
        authentication: Authentication::by(Method::Password, tx.now()),
        keep: details.keep,
        event,
    };
    let advanced = complete_sign_in(tx, flows, caller, entry).await.map_err(lost)?;
    to_front_page(flows, client, advanced).await
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
    flows: &Flows,
    client: Option<&ClientId>,
    advanced: Advanced,
) -> Result<Advanced> {
    let (Some(client), NextStep::Account(..)) = (client, &advanced.next) else {
        return Ok(advanced);
    };
    let found = flows.clients.find(client).await?.filter(|found| found.client.is_enabled());
    let mut uris = found.iter().flat_map(|found| &found.client.metadata.redirect_uris);
    let front_page = uris.find_map(|uri| redirect_uri::front_page(uri));
    let next = front_page.map(NextStep::FrontPage);
    Ok(Advanced { next: next.unwrap_or(advanced.next), cookie: advanced.cookie })
}

/// A second click: the account was made by the first one, whose answer the browser dropped. The
/// password is checked, as for every second click on a sign-in.
async fn again(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    details: AccountDetails<'_>,
) -> Result<Advanced> {
    let newcomer = form.interaction().newcomer.as_deref();
    let username = match newcomer.filter(|newcomer| newcomer.proven_by.is_some()) {
        Some(newcomer) => newcomer.email.as_str(),
        None => details.username,
    };
    let typed = PasswordForm { username, password: details.password.expose(), keep: details.keep };
    Box::pin(sign_in::sign_in(flows, caller, form, typed)).await.map_err(|error| {
        error.map(|not| match not {
            NotSignedIn::InteractionError(error) => NotSignedUp::InteractionError(error),
            _ => NotSignedUp::Elsewhere,
        })
    })
}
