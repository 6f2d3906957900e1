//! A person forgot their password: a link is mailed to their verified address; its button opens an
//! interaction in which they choose a new password, or make a passkey instead. Then they are signed
//! in with it, and a second factor is asked for as always.

use serde::{Deserialize, Serialize};

use crate::accounts::browsers::{BrowserState, Cookie, new_browser_session};
use crate::accounts::hashing_queue::{Busy, Lane};
use crate::accounts::mail_secrets::{self, MailSecretRefused};
use crate::accounts::passkeys::adding::{self, CreatedPasskey, NotAdded, PasskeyOwner};
use crate::accounts::passkeys::challenge::PasskeyPrompt;
use crate::accounts::password_hash::{PasswordCheck, PasswordToCheck};
use crate::accounts::password_rules::{ChosenPassword, PasswordRefused, words_about};
use crate::accounts::{notices, session_endings};
use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::interaction::{Handle, Interaction, Purpose};
use crate::domain::language::Language;
use crate::domain::mail::{MailContent, MethodChange};
use crate::domain::mail_secret::{MailPurpose, MailSecretOwner};
use crate::domain::passkey::{self, Passkey};
use crate::domain::random;
use crate::domain::return_page::ReturnPage;
use crate::domain::secret::{MailLink, Plain, Secret};
use crate::domain::urls;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::flows::complete_sign_in::{
    CompletedSignIn, ask_for_factor, complete_sign_in, known, succeeded,
};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::mail_to_account::{self, MailToAccount};
use crate::flows::my_passkeys;
use crate::flows::new_way_in::{self, NewWayIn};
use crate::flows::outcome::{Advanced, FlashMessage, InteractionError, NextStep, Outcome};
use crate::flows::submitted::Submitted;
use crate::store::{Tx, audit_events, interactions, passkeys, sessions, users};

/// What a link to a new password keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecoveryPayload {
    /// The handle of the interaction in which the person asked. It continues afterwards, if the
    /// link is opened in the same browser.
    interaction: Option<String>,
}

/// The longest handle that is kept with a link.
const LONGEST_HANDLE: usize = 2000;

/// Whether people can get a link to a new password.
#[must_use]
pub fn is_offered(flows: &Flows) -> bool {
    flows.mailer.is_some() && !flows.providers.are_the_only_way(None)
}

/// Mails a link to the account of this name, if there is one whose address is verified.
pub async fn ask(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    typed: &str,
    language: Language,
) -> Outcome<()> {
    form.open(flows, caller).await?;
    if !is_offered(flows) {
        return Err(InteractionError::Unknown.into());
    }
    let handle = form.handle().as_str();
    let interaction = (handle.len() <= LONGEST_HANDLE).then(|| handle.to_owned());
    let payload = serde_json::to_value(RecoveryPayload { interaction })
        .map_err(|error| Fault::internal("writing what a link keeps", error))?;
    let asked = MailToAccount {
        purpose: MailPurpose::Recovery,
        typed,
        language,
        payload,
        event: EventKind::RecoveryRequested,
    };
    let page = flows.url.url(urls::RECOVER);
    let sent = mail_to_account::send(flows, caller, asked, |secret| {
        Some(MailContent::Recovery { link: secret.url(&page) })
    });
    Box::pin(sent).await
}

/// The person pressed the button of the page behind the link. The link is used up, and an
/// interaction begins in which they choose the password.
pub async fn open(
    flows: &Flows,
    caller: Caller<'_>,
    link: &str,
    language: Language,
) -> Result<Advanced, Error<MailSecretRefused>> {
    let link = Plain::presented(link);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let opened = open_in(&tx, flows, caller, &link, language).await;
    match tx.settle_or_undo(opened).await {
        Err(Error::Refused(refused)) => {
            begun_before(flows, caller, &link).await?.ok_or(refused.into())
        }
        other => other,
    }
}

/// The page that a first click on the button led to, for a second one in the same browser.
pub(super) async fn begun_before(
    flows: &Flows,
    caller: Caller<'_>,
    link: &Plain<MailLink>,
) -> Result<Option<Advanced>, Fault> {
    let (browser, now) = (caller.browser_state.browser.as_ref(), flows.clock.now());
    let found = interaction::begun_before(&*flows.store, link, browser, now).await?;
    Ok(found.map(|found| to_new_password(&found, None)))
}

fn to_new_password(interaction: &Interaction, cookie: Option<Cookie>) -> Advanced {
    Advanced { next: NextStep::NewPassword(interaction.id.handle()), cookie }
}

async fn open_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    link: &Plain<MailLink>,
    language: Language,
) -> Result<Advanced, Error<MailSecretRefused>> {
    let secret = mail_secrets::spend_link(tx, MailPurpose::Recovery, link).await?;
    let payload: RecoveryPayload = mail_secrets::payload(&secret)?;
    let is_same_browser = secret.browser == caller.browser_state.browser;
    let MailSecretOwner::Account(user, _) = secret.owner else {
        return Err(MailSecretRefused.into());
    };
    let user = users::lock(tx, &user).await?.filter(|user| user.may_sign_in(tx.now()));
    let user = user.ok_or(MailSecretRefused)?;
    let then = payload.interaction.filter(|_| is_same_browser).map(Handle::from_stored);
    let event = Event::new(EventKind::RecoveryLinkUsed).user(&user.id).from(caller.origin);
    audit_events::insert(tx, &[event]).await?;
    Ok(begin(tx, flows, caller, (&user.id, link), (then, language)).await?)
}

/// Begins the interaction in which a person who proved their address chooses a new password. It
/// counts for the account as it is now.
pub(super) async fn begin(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    (user, link): (&UserId, &Plain<MailLink>),
    (then, language): (Option<Handle>, Language),
) -> Result<Advanced, Fault> {
    let ui_locales = Some(language.as_str().to_owned());
    begin_in(tx, flows, caller, (user, link), (then, ui_locales)).await
}

async fn begin_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    (user, link): (&UserId, &Plain<MailLink>),
    (then, ui_locales): (Option<Handle>, Option<String>),
) -> Result<Advanced, Fault> {
    let version = users::lock_secrets_version(tx, user).await?;
    let gone = || Fault::unavailable("beginning a recovery", "the account is gone");
    let (browser, cookie) = if let Some(browser) = &caller.browser_state.browser {
        (browser.clone(), None)
    } else {
        let (browser, cookie) = new_browser_session();
        (browser, Some(cookie))
    };
    let purpose = Purpose::Recover {
        user: user.clone(),
        version: version.ok_or_else(gone)?,
        then,
        ui_locales,
    };
    let begun = Interaction::new(purpose, Some(browser), flows.clock.now());
    let begun = Interaction { id: interaction::begun_by(link), is_stored: true, ..begun };
    interactions::keep(tx, &begun).await?;
    Ok(to_new_password(&begun, cookie))
}

/// Begins the interaction in which a person who proved a temporary password chooses a new one. What
/// they came for continues afterwards.
pub(super) async fn begin_after_temporary(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    user: &UserId,
    before: &Interaction,
) -> Result<Advanced, Fault> {
    let link = Plain::presented(&random::identifier());
    let ui_locales = before.purpose.ui_locales().map(str::to_owned);
    let then = Some(before.id.handle());
    begin_in(tx, flows, caller, (user, &link), (then, ui_locales)).await
}

/// The data of the page that asks for the new password.
#[derive(Debug)]
pub struct NewPasswordView {
    /// The interaction.
    pub interaction: Interaction,
    /// The account.
    pub user: User,
    /// What the page hands to the browser to make a passkey instead.
    pub passkey: Option<PasskeyPrompt>,
}

/// Finds the interaction of the page that asks for the new password. `service` is the name of this
/// server for people.
pub async fn view(
    flows: &Flows,
    caller: Caller<'_>,
    handle: &Handle,
    service: &str,
) -> Outcome<NewPasswordView> {
    let interaction = interaction::open(flows, caller, handle).await?;
    let user = recovering(flows, &interaction).await?;
    let has = passkeys::of_user(&*flows.store, &user.id).await?;
    let (username, name) = (user.username.as_str(), my_passkeys::name(&user));
    let owner = PasskeyOwner { user: &user.id, username, name, has: &has };
    let passkey = if has.len() < passkey::MOST {
        new_way_in::prompt(flows, &interaction, owner, service)?
    } else {
        None
    };
    Ok(NewPasswordView { interaction, user, passkey })
}

async fn recovering(flows: &Flows, interaction: &Interaction) -> Outcome<User> {
    let Purpose::Recover { user, version, .. } = &interaction.purpose else {
        return Err(InteractionError::Unknown.into());
    };
    if users::version(&*flows.store, user).await? != Some(*version) {
        return Err(InteractionError::Expired(None).into());
    }
    let user = users::find(&*flows.store, user).await?;
    let user = user.filter(|user| user.may_sign_in(flows.clock.now()));
    user.ok_or(InteractionError::Unknown.into())
}

/// Why there is no new way to sign in.
#[derive(Debug)]
pub enum NotRecovered {
    /// The interaction cannot continue.
    InteractionError(InteractionError),
    /// The password is not accepted.
    Password(PasswordRefused),
    /// The password is the temporary one.
    Same,
    /// The server has too much to do.
    Busy,
    /// There is no passkey, or it came too late.
    Passkey(NotAdded),
}

fn lost(error: Error<InteractionError>) -> Error<NotRecovered> {
    error.map(NotRecovered::InteractionError)
}

/// Whether this is the password that the account has.
async fn is_same(
    flows: &Flows,
    user: &User,
    new: &Secret<String>,
) -> Result<bool, Error<NotRecovered>> {
    let (password, stored) = (PasswordToCheck::of(new.expose()), user.password_hash.clone());
    match flows.password.hasher.check(Lane::Known, password, stored).await {
        Ok(checked) => Ok(matches!(checked.check, PasswordCheck::Right(_))),
        Err(Error::Refused(Busy)) => Err(Error::Refused(NotRecovered::Busy)),
        Err(Error::Fault(fault)) => Err(fault.into()),
    }
}

/// What takes the place of what the person forgot.
enum Recovered {
    /// The hash of a password.
    Password(String),
    Passkey(Box<CreatedPasskey>),
}

/// Sets the new password or adds the new passkey, and signs the person in. Everything else that the
/// account opened ends, unless the person wants to keep it.
pub async fn recover(
    flows: &Flows,
    caller: Caller<'_>,
    form: &Submitted,
    new: NewWayIn<'_>,
    keep_sessions: bool,
) -> Result<Advanced, Error<NotRecovered>> {
    let interaction = form.open(flows, caller).await.map_err(lost)?;
    let user = recovering(flows, &interaction).await.map_err(lost)?;
    let password_refused = |error: Error<PasswordRefused>| error.map(NotRecovered::Password);
    let recovered = match new {
        NewWayIn::Password(new) => {
            let chosen = ChosenPassword::parse(new);
            let chosen = chosen.map_err(|refused| password_refused(refused.into()))?;
            // The person proved their address.
            if flows.password.hasher.is_overloaded(Lane::Known) {
                return Err(Error::Refused(NotRecovered::Busy));
            }
            let hash = flows.password_rules.hash(chosen, words_about(&user)).await;
            let hash = hash.map_err(password_refused)?;
            if user.password_temporary && is_same(flows, &user, new).await? {
                return Err(Error::Refused(NotRecovered::Same));
            }
            Recovered::Password(hash)
        }
        NewWayIn::Passkey(new) => {
            let created = new_way_in::check(flows, &interaction, new).await;
            let created = created.map_err(|error| error.map(NotRecovered::Passkey))?;
            Recovered::Passkey(Box::new(created))
        }
    };
    let next = next_interaction(flows, caller, &interaction).await.map_err(lost)?;
    let tx = flows.store.begin(flows.clock.now()).await?;
    let recovery = Recovery { interaction: &interaction, next: &next, recovered, keep_sessions };
    let advanced = Box::pin(recover_in(&tx, flows, caller, recovery)).await;
    let (advanced, ending) = tx.settle(advanced).await.map_err(lost)?;
    if let Some(ending) = ending {
        // What is new is stored already and stays, even if this step fails.
        session_endings::first_step(&flows.store, &flows.clock, &ending).await;
    }
    flows.notices.nudge();
    Ok(advanced)
}

/// The interaction that continues afterwards: that of the app, if it is still open in
/// this browser, or a new one, which leads to the account page.
async fn next_interaction(
    flows: &Flows,
    caller: Caller<'_>,
    interaction: &Interaction,
) -> Outcome<Interaction> {
    if let Purpose::Recover { then: Some(handle), .. } = &interaction.purpose {
        match interaction::open(flows, caller, handle).await {
            Ok(next) if matches!(next.purpose, Purpose::Authorize(_)) => return Ok(next),
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(Error::Fault(fault)) => return Err(fault.into()),
        }
    }
    let ui_locales = interaction.purpose.ui_locales().map(str::to_owned);
    let purpose = Purpose::Account { page: ReturnPage::default(), ui_locales };
    Ok(Interaction::new(purpose, interaction.browser.clone(), flows.clock.now()))
}

/// A password or a passkey that was accepted.
struct Recovery<'a> {
    interaction: &'a Interaction,
    next: &'a Interaction,
    recovered: Recovered,
    keep_sessions: bool,
}

/// Writes the new password or passkey. A passkey that is returned is not added yet: it would stand
/// in for the one-time codes of the account, and who reads the mails of a person must not get rid of
/// these.
async fn write(
    tx: &Tx,
    caller: Caller<'_>,
    account: &mut User,
    recovered: Recovered,
) -> Outcome<(Method, Option<Box<Passkey>>)> {
    let created = match recovered {
        Recovered::Password(hash) => {
            account.password_hash = Some(hash);
            account.password_temporary = false;
            users::update(tx, account).await?;
            return Ok((Method::Password, None));
        }
        Recovered::Passkey(created) => created,
    };
    // Somebody else may know the password that was forgotten.
    account.password_hash = None;
    account.password_temporary = false;
    users::update(tx, account).await?;
    users::bump_version(tx, &account.id).await?;
    let lost = |error: Error<NotAdded>| error.map(|_| InteractionError::Finished(None));
    let passkey = created.spend(tx, &account.id).await.map_err(lost)?;
    let method = Method::Passkey { backed_up: passkey.backed_up };
    if account.totp_since.is_some() {
        return Ok((method, Some(Box::new(passkey))));
    }
    adding::add(tx, &passkey, caller.origin).await.map_err(lost)?;
    Ok((method, None))
}

async fn recover_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    recovery: Recovery<'_>,
) -> Outcome<(Advanced, Option<Ending>)> {
    let Recovery { interaction, next, recovered, keep_sessions } = recovery;
    let Purpose::Recover { user, version, .. } = &interaction.purpose else {
        return Err(InteractionError::Unknown.into());
    };
    // The account is locked first. Of two forms at the same time, and of a form and a change of
    // the account, the second one finds another version.
    let is_current = users::lock_secrets_version(tx, user).await? == Some(*version);
    let account = users::lock(tx, user).await?.filter(|user| user.may_sign_in(tx.now()));
    let Some(mut account) = account.filter(|_| is_current) else {
        return Err(InteractionError::Expired(None).into());
    };
    interactions::keep(tx, next).await?;
    for id in [&interaction.id, &next.id] {
        let found = interactions::lock(tx, id).await?;
        if found.is_none_or(|interaction| interaction.ended_at.is_some()) {
            return Err(InteractionError::Finished(None).into());
        }
    }
    interactions::end(tx, &interaction.id, None).await?;
    let was_temporary = account.password_temporary;
    let (method, later) = write(tx, caller, &mut account, recovered).await?;
    let (change, said) = match method {
        Method::Password if was_temporary => {
            (MethodChange::PasswordChanged, FlashMessage::PasswordChanged)
        }
        Method::Password => (MethodChange::PasswordRecovered, FlashMessage::PasswordChanged),
        _ => (MethodChange::PasskeyRecovered, FlashMessage::PasskeyAdded),
    };
    let mailer = flows.mailer.as_ref();
    notices::changed(tx, mailer, user, change, caller.notice_origin()).await?;
    let kind = match method {
        Method::Password if was_temporary => EventKind::UserPasswordChanged,
        _ => EventKind::RecoveryCompleted,
    };
    let recovered = Event::new(kind).user(user).from(caller.origin);
    audit_events::insert(tx, &[recovered]).await?;
    // The person proved their address, so their browser counts as known, and no notice tells them
    // of a new device. A temporary password proves no address.
    let known = if was_temporary {
        caller.known.unwrap_or_default().to_owned()
    } else {
        known(flows, caller, user, tx)
    };
    // A second factor is asked for in every browser: the mailbox is in the place of the password.
    let browser_state = BrowserState { remembered: None, ..caller.browser_state.clone() };
    let caller = Caller { known: Some(&known), browser_state: &browser_state, ..caller };
    let authentication = Authentication::by(method, tx.now());
    let event = succeeded(user, next.purpose.client(), &authentication, caller.origin);
    let (id, user) = (&next.id, user.clone());
    let entry = CompletedSignIn { id, user, authentication, keep: false, event };
    let mut advanced = match later {
        Some(passkey) => ask_for_factor(tx, flows, caller, entry, Some(passkey)).await?,
        None => complete_sign_in(tx, flows, caller, entry).await?,
    };
    if keep_sessions {
        return Ok((advanced, None));
    }
    if let NextStep::Account(_, _, message) = &mut advanced.next {
        *message = Some(said);
    }
    let (user, browser) = (&account.id, next.browser.as_ref());
    let browser = browser.ok_or(InteractionError::WrongBrowser)?;
    let session = sessions::find_in(tx, browser, user).await?.map(|session| session.id);
    let ending = Ending::new(user, EndingScope::Everything, tx.now(), caller.origin);
    let ending = ending.but(session.as_ref());
    session_endings::begin(tx, &ending).await?;
    Ok((advanced, Some(ending)))
}
