//! Sign-up: a person proves their address, and gets to the form for a new account
//! ([`new_account`](super::new_account)).
//!
//! Before the address is proven, nothing exists that could harm its owner, and no page tells whether
//! the address has an account: its owner learns that by a mail.

use chrono::{DateTime, Utc};

use crate::accounts::address_claims;
use crate::accounts::browsers::new_browser_session;
use crate::accounts::mail_limits::{AskedMail, MailTo};
use crate::accounts::mail_secrets::{self, MailRecipient, MailSecretRefused};
use crate::accounts::passkeys::adding::NotAdded;
use crate::accounts::password_rules::PasswordRefused;
use crate::accounts::sign_up::mail_address;
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::interaction::{Handle, Interaction, InteractionId, Purpose};
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::mail_secret::{MailPurpose, MailSecret};
use crate::domain::newcomer::Newcomer;
use crate::domain::return_page::ReturnPage;
use crate::domain::secret::{MailLink, Plain, Secret};
use crate::domain::session::BrowserId;
use crate::domain::sign_up_request::SignUpRequest;
use crate::domain::urls;
use crate::domain::verdict::{Error, Fault};
use crate::flows::context::Flows;
use crate::flows::interaction::{self, Caller};
use crate::flows::lookup;
use crate::flows::mail_to_account::evenly;
use crate::flows::outcome::{Advanced, InteractionError, NextStep};
use crate::flows::sign_up_offer::{SignUpOffer, offer};
use crate::flows::submitted::{SameOrigin, Submitted};
use crate::store::{Tx, audit_events, interactions};

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
    /// There is no passkey, or it came too late.
    Passkey(NotAdded),
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

pub(super) fn lost(error: Error<InteractionError>) -> Error<NotSignedUp> {
    error.map(NotSignedUp::InteractionError)
}

pub(super) type Result<T> = std::result::Result<T, Error<NotSignedUp>>;

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
        purpose.unwrap_or(Purpose::Account { page: ReturnPage::default(), ui_locales: None });
    let begun = Interaction::new(purpose, Some(browser), now);
    Ok(Interaction {
        id,
        newcomer: Some(Box::new(newcomer)),
        expires_at: begun.expires_at.max(secret.expires_at),
        is_stored: true,
        ..begun
    })
}
