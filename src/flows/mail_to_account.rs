//! Mails a secret to the account of a name that somebody typed. The answer is the same, after the
//! same time, whether there is such an account or not, and whether the mail was sent or not. What the
//! browser asked for before ends in each case, too.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::accounts::mail_limits::{AskedMail, MailTo};
use crate::accounts::mail_secrets::{self, IssuedMailSecret, MailRecipient};
use crate::accounts::{notices, reachable};
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::mail_secret::MailPurpose;
use crate::domain::person;
use crate::domain::request;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::outcome::{InteractionError, Outcome};
use crate::keys::device_cookies::Mark;
use crate::store::{Tx, audit_events, users};

/// A mail that a person asks for by the name of an account.
pub(super) struct MailToAccount<'a> {
    /// What the secret is for.
    pub(super) purpose: MailPurpose,
    /// The user name or address, as it was typed.
    pub(super) typed: &'a str,
    /// The language of the page.
    pub(super) language: Language,
    /// What the secret keeps.
    pub(super) payload: serde_json::Value,
    /// The audit event when a mail is sent.
    pub(super) event: EventKind,
}

/// The answer to every such request takes this long, which is longer than the work itself. So its
/// time does not tell whether there is an account.
const EVEN: Duration = Duration::from_millis(250);

/// Does some work, and answers no earlier than after [`EVEN`].
pub(super) async fn evenly<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(request::at_most(EVEN))).0
}

/// Sends the mail, if there is an account that it may go to.
pub(super) async fn send(
    flows: &Flows,
    caller: Caller<'_>,
    asked: MailToAccount<'_>,
    content: impl FnOnce(&IssuedMailSecret) -> Option<MailContent>,
) -> Outcome<()> {
    let sent = evenly(async {
        let now = flows.clock.now();
        let found = reachable::find(&*flows.store, asked.typed, now).await?;
        let tx = flows.store.begin(now).await?;
        let sent = send_in(&tx, flows, caller, (asked, found), content).await;
        tx.settle(sent).await
    });
    sent.await?;
    flows.notices.nudge();
    Ok(())
}

/// The owner of a secret that is mailed to nobody. What was typed is not stored, because people type
/// passwords into the wrong field.
const NOBODY: MailRecipient<'static> = MailRecipient::Address("");

async fn send_in(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    (asked, found): (MailToAccount<'_>, Option<User>),
    content: impl FnOnce(&IssuedMailSecret) -> Option<MailContent>,
) -> Outcome<()> {
    let MailToAccount { purpose, typed, language, payload, event } = asked;
    let mailer = flows.mailer.as_ref().ok_or(InteractionError::Unknown)?;
    let browser = caller.browser_state.browser.as_ref().ok_or(InteractionError::WrongBrowser)?;
    let key = person::email_key(typed).or_else(|| person::username_key(typed));
    let known = found.as_ref().and_then(|user| known_mark(flows, caller, &user.id, tx.now()));
    let known = known.as_ref().map(Mark::as_slice);
    let place = neighbourhood(caller.address);
    let typed = key.as_deref().unwrap_or_default();
    let request = AskedMail { purpose, browser, typed, place: &place, known };
    if !flows.mail_limits.admit(tx, request).await? {
        return Ok(());
    }
    let user = match found {
        Some(found) => addressee(tx, flows, (purpose, known), &found).await?,
        None => None,
    };
    // The same is written for every name. The secret of a name without an account is mailed to
    // nobody.
    let owner = user.as_ref().map_or(NOBODY, |user| MailRecipient::Account(&user.id));
    let secret = mail_secrets::issue(tx, purpose, owner, Some(browser), &payload).await?;
    let Some(user) = user else { return Ok(()) };
    let no_code = || Fault::internal("mailing a secret", "it has no code");
    let mail = Mail {
        to: user.email.clone().unwrap_or_default(),
        language: notices::language_of(&user, language),
        user: Some(user.id.clone()),
        client: None,
        expires_at: Some(secret.stored.expires_at),
        content: content(&secret).ok_or_else(no_code)?,
    };
    mailer.send(tx, mail).await?;
    let event = Event::new(event).user(&user.id).from(caller.origin);
    Ok(audit_events::insert(tx, &[event]).await?)
}

/// The account that was found, if the mail may go to it now. It counts as sent then.
async fn addressee(
    tx: &Tx,
    flows: &Flows,
    (purpose, known): (MailPurpose, Option<&[u8]>),
    found: &User,
) -> Result<Option<User>, Fault> {
    // The account is read again, now that it is locked.
    let user = users::lock(tx, &found.id).await?;
    let user = user.filter(|user| reachable::is_reachable(user, tx.now()));
    let Some(user) = user.filter(|user| user.email == found.email) else { return Ok(None) };
    let Some(key) = user.verified_email().and_then(person::email_key) else { return Ok(None) };
    let mail = MailTo { purpose, address: &key, is_held: true, known };
    Ok(flows.mail_limits.allow(tx, mail).await?.then_some(user))
}

/// The mark of the browser, if this account was proven in it before.
fn known_mark(
    flows: &Flows,
    caller: Caller<'_>,
    user: &UserId,
    now: DateTime<Utc>,
) -> Option<Mark> {
    flows.password.known_browsers.find(caller.known?, user.as_str(), now)
}
