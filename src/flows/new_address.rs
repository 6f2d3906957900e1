//! A person changes the address of their account: they ask on the account page, prove the new
//! address by a link or a code, and the old address can take the change back.

use chrono::{DateTime, Utc};

use crate::accounts::browsers::SignedInUser;
use crate::accounts::mail_limits::{AskedMail, MailTo};
use crate::accounts::mail_secrets::{self, MailRecipient};
use crate::accounts::new_address::{self, AddressMails, AddressRefused, NewAddressPayload};
use crate::accounts::{notices, session_endings};
use crate::domain::address::neighbourhood;
use crate::domain::audit::{Event, EventKind};
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::mail_secret::{MailPurpose, MailSecretOwner};
use crate::domain::secret::Plain;
use crate::domain::session::BrowserId;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::domain::{person, urls};
use crate::flows::context::Flows;
use crate::flows::fresh_proof::{FreshProof, NotFresh};
use crate::flows::interaction::Caller;
use crate::flows::mail_to_account::evenly;
use crate::flows::outcome::Advanced;
use crate::flows::recovery;
use crate::flows::submitted::AccountForm;
use crate::mail::Mailer;
use crate::store::{Reader, Tx, audit_events, mail_secrets as stored};

/// Why no code was sent to the new address.
#[derive(Debug)]
pub enum AddressNotAsked {
    /// The person has to prove again who they are.
    NotFresh(NotFresh),
    /// The text is not an address.
    Malformed,
    /// The account has this address already, and it is verified.
    Same,
    /// This server sends no mails.
    NoMail,
}

impl From<AddressNotAsked> for Error<AddressNotAsked> {
    fn from(refused: AddressNotAsked) -> Self {
        Self::Refused(refused)
    }
}

/// Sends a link and a code to the new address. If another account has it, its owner is told and
/// the page shows the same.
pub async fn ask(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    typed: &str,
    language: Language,
) -> Result<(), Error<AddressNotAsked>> {
    let mailer = flows.mailer.as_ref().ok_or(AddressNotAsked::NoMail)?;
    let proof = FreshProof::check(flows, caller, form, language.as_str()).await;
    let proof = proof.map_err(|error| error.map(AddressNotAsked::NotFresh))?;
    let key = person::email_key(typed).ok_or(AddressNotAsked::Malformed)?;
    let user = &proof.person().user;
    if user.verified_email().and_then(person::email_key).as_ref() == Some(&key) {
        return Err(AddressNotAsked::Same.into());
    }
    Box::pin(evenly(async {
        let tx = flows.store.begin(flows.clock.now()).await?;
        let sent = send(&tx, flows, caller, (mailer, proof), (typed.trim(), &key, language)).await;
        tx.settle(sent.map_err(Error::<AddressNotAsked>::from)).await
    }))
    .await?;
    flows.notices.nudge();
    Ok(())
}

async fn send(
    tx: &Tx,
    flows: &Flows,
    caller: Caller<'_>,
    (mailer, proof): (&Mailer, FreshProof<'_>),
    (email, key, language): (&str, &str, Language),
) -> Result<(), Fault> {
    let (user, browser) = (&proof.person().user, &proof.person().session.browser);
    let (purpose, place) = (MailPurpose::NewAddress, neighbourhood(caller.address));
    let asked = AskedMail { purpose, browser, typed: key, place: &place, known: None };
    let counts = flows.mail_limits.admit(tx, asked).await?;
    let before = waits_for(tx, (&user.id, browser), tx.now()).await?;
    if !counts && before.and_then(|email| person::email_key(&email)).as_deref() == Some(key) {
        return Ok(());
    }
    if proof.lock(flows, tx).await?.is_none() {
        return Ok(());
    }
    if !counts {
        // The page is the same, so it needs a secret, which is mailed to nobody. It takes the place
        // of the one before, so there are no more than the limits allow.
        stored::delete_of_browser(tx, purpose, browser).await?;
    }
    let payload = NewAddressPayload { email: email.to_owned() };
    let owner = MailRecipient::Account(&user.id);
    let secret = mail_secrets::issue(tx, purpose, owner, Some(browser), &payload).await?;
    let code = secret.code.as_ref().map(|code| code.expose().to_owned()).unwrap_or_default();
    let is_taken = new_address::is_taken(tx, &user.id, key).await?;
    let to = MailTo { purpose, address: key, is_held: is_taken, known: None };
    if !counts || !flows.mail_limits.allow(tx, to).await? {
        return Ok(());
    }
    let content = if is_taken {
        MailContent::SignUpExisting {}
    } else {
        MailContent::NewAddress {
            link: secret.url(&flows.url.url(urls::CONFIRM_ADDRESS)),
            code: code.into(),
        }
    };
    let mail = Mail {
        to: email.to_owned(),
        language: notices::language_of(user, language),
        user: Some(user.id.clone()).filter(|_| !is_taken),
        client: None,
        content,
        expires_at: Some(secret.stored.expires_at),
    };
    mailer.send(tx, mail).await?;
    let event = Event::new(EventKind::AddressRequested).user(&user.id).from(caller.origin);
    audit_events::insert(tx, &[event]).await
}

/// The address to which a code was sent that this person asked for in this browser, as long as it
/// counts.
pub async fn asked_for(flows: &Flows, person: &SignedInUser) -> Result<Option<String>, Fault> {
    let (user, browser) = (&person.user.id, &person.session.browser);
    waits_for(&*flows.store, (user, browser), flows.clock.now()).await
}

async fn waits_for(
    reader: &impl Reader,
    (user, browser): (&UserId, &BrowserId),
    now: DateTime<Utc>,
) -> Result<Option<String>, Fault> {
    let newest = stored::find_newest(reader, MailPurpose::NewAddress, browser).await?;
    let counts = newest.filter(|secret| {
        let is_theirs =
            matches!(&secret.owner, MailSecretOwner::Account(owner, _) if owner == user);
        is_theirs && secret.spent_at.is_none() && now < secret.expires_at
    });
    let payload = counts.as_ref().map(mail_secrets::payload::<NewAddressPayload>).transpose()?;
    Ok(payload.map(|payload| payload.email))
}

/// Takes the new address by the code that the person typed on their account page.
pub async fn confirm_by_code(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
    typed: &str,
) -> Result<(), Error<AddressRefused>> {
    let person = form.person();
    let tx = flows.store.begin(flows.clock.now()).await?;
    let secret = match new_address::spend_code(&tx, &person.session.browser, typed).await {
        Ok(secret) => secret,
        // The attempt counts.
        Err(error) => return tx.settle(Err(error)).await,
    };
    let taken = async {
        let is_theirs =
            matches!(&secret.owner, MailSecretOwner::Account(user, _) if *user == person.user.id);
        if !is_theirs {
            return Err(AddressRefused::Secret.into());
        }
        let undo_page = flows.url.url(urls::UNDO_ADDRESS);
        new_address::take(&tx, &secret, mails(flows, caller, &undo_page)?).await
    };
    let taken = taken.await;
    tx.settle_or_undo(taken).await?;
    flows.notices.nudge();
    Ok(())
}

/// Takes the new address by the button of the page behind the link.
pub async fn confirm_by_link(
    flows: &Flows,
    caller: Caller<'_>,
    link: &str,
) -> Result<User, Error<AddressRefused>> {
    let tx = flows.store.begin(flows.clock.now()).await?;
    let taken = async {
        let link = Plain::presented(link);
        let secret = new_address::spend_link(&tx, MailPurpose::NewAddress, &link).await?;
        let undo_page = flows.url.url(urls::UNDO_ADDRESS);
        new_address::take(&tx, &secret, mails(flows, caller, &undo_page)?).await
    };
    let taken = taken.await;
    let user = tx.settle_or_undo(taken).await?;
    flows.notices.nudge();
    Ok(user)
}

fn mails<'a>(
    flows: &'a Flows,
    caller: Caller<'a>,
    undo_page: &'a str,
) -> Result<AddressMails<'a>, Error<AddressRefused>> {
    let mailer = flows.mailer.as_ref().ok_or(AddressRefused::Secret)?;
    Ok(AddressMails { mailer, undo_page, from: caller.notice_origin() })
}

/// Takes a change of the address back by the button of the page behind the link. Everything that
/// was opened ends, and the person chooses a new password.
pub async fn take_back(
    flows: &Flows,
    caller: Caller<'_>,
    link: &str,
    language: Language,
) -> Result<Advanced, Error<AddressRefused>> {
    let link = Plain::presented(link);
    let tx = flows.store.begin(flows.clock.now()).await?;
    let given_back = async {
        let secret = new_address::spend_link(&tx, MailPurpose::UndoAddress, &link).await?;
        let (mailer, from) = (flows.mailer.as_ref(), caller.notice_origin());
        let (user, ending) = new_address::give_back(&tx, &secret, mailer, from).await?;
        let whose = (&user.id, &link);
        let advanced = recovery::begin(&tx, flows, caller, whose, (None, language)).await?;
        Ok((advanced, ending))
    };
    let given_back = given_back.await;
    let (advanced, ending) = match tx.settle_or_undo(given_back).await {
        Err(Error::Refused(refused)) => {
            let begun = recovery::begun_before(flows, caller, &link).await?;
            return begun.ok_or(refused.into());
        }
        other => other?,
    };
    // The address is given back already, even if this step fails.
    session_endings::first_step(&flows.store, &flows.clock, &ending).await;
    flows.notices.nudge();
    Ok(advanced)
}
