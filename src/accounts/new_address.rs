//! A new address for an account. It replaces the old one when it is proven. The old address is told
//! and gets a link that takes the change back for seven days, so a thief of a session cannot keep
//! the account.
//!
//! Of several links of one account the oldest wins: it ends the younger ones, none of which ends or
//! outlives it, and a change back to an address that has a link leaves no younger link behind.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::address_claims::{displace, has_a_right};
use super::deletion;
use super::factor_changes;
use super::mail_secrets::{self, MailRecipient, MailSecretRefused};
use super::notices::{self, NoticeOrigin, language_of};
use super::provider_groups;
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::mail::{Mail, MailContent, MethodChange};
use crate::domain::mail_secret::{MailPurpose, MailSecret, MailSecretOwner};
use crate::domain::person;
use crate::domain::user::{AccountSource, User, UserId};
use crate::domain::verdict::{Error, Fault};
use crate::mail::Mailer;
use crate::store::{Tx, audit_events, identities, mail_secrets as stored, passkeys, users};

use super::session_endings;

/// What the secret of a new address keeps.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewAddressPayload {
    /// The new address, as it was typed.
    pub email: String,
}

/// What the link that takes a change back keeps: the address as it was before. The user name is not
/// in it, since an operator may have given another one meanwhile; older links have one, which does
/// not count.
#[derive(Debug, Serialize, Deserialize)]
struct UndoPayload {
    email: String,
    by_operator: bool,
}

/// Why an address was not taken or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRefused {
    /// The link or the code does not count.
    Secret,
    /// Another account has a right to the address.
    Taken,
}

impl From<AddressRefused> for Error<AddressRefused> {
    fn from(refused: AddressRefused) -> Self {
        Self::Refused(refused)
    }
}

fn of_secret(error: Error<MailSecretRefused>) -> Error<AddressRefused> {
    error.map(|MailSecretRefused| AddressRefused::Secret)
}

/// Whether another account has a right to the address of this key.
pub async fn is_taken(tx: &Tx, user: &UserId, key: &str) -> Result<bool, Fault> {
    let owner = users::find_owner(tx, key, tx.now()).await?;
    let claimants = users::lock_by_email(tx, key).await?;
    let others = claimants.iter().filter(|claimant| claimant.id != *user);
    Ok(owner.is_some_and(|owner| owner != *user) || others.into_iter().any(has_a_right))
}

/// What is mailed when an address changes.
#[derive(Clone, Copy, Debug)]
pub struct AddressMails<'a> {
    /// Sends mails.
    pub mailer: &'a Mailer,
    /// The URL of the page that takes a change back.
    pub undo_page: &'a str,
    /// The request.
    pub from: NoticeOrigin<'a>,
}

/// Takes the address that this secret proves, and tells the old one. Returns the account.
pub async fn take(
    tx: &Tx,
    secret: &MailSecret,
    mails: AddressMails<'_>,
) -> Result<User, Error<AddressRefused>> {
    let MailSecretOwner::Account(user, _) = &secret.owner else {
        return Err(AddressRefused::Secret.into());
    };
    let NewAddressPayload { email } = mail_secrets::payload(secret)?;
    let user = users::lock(tx, user).await?.filter(User::is_enabled);
    let before = user.ok_or(AddressRefused::Secret)?;
    let key = person::email_key(&email).ok_or(AddressRefused::Secret)?;
    if is_taken(tx, &before.id, &key).await? {
        return Err(AddressRefused::Taken.into());
    }
    for claimant in users::lock_by_email(tx, &key).await? {
        if claimant.id != before.id {
            displace(tx, &claimant, mails.from.origin).await?;
        }
    }
    let after = User {
        username: renamed(tx, &before, &email).await?,
        email: Some(email),
        email_verified: true,
        email_by: AccountSource::Person,
        updated_at: tx.now(),
        ..before.clone()
    };
    write(tx, &after).await?;
    let event = Event::new(EventKind::AddressChanged).user(&after.id).from(mails.from.origin);
    audit_events::insert(tx, &[event]).await?;
    tell_old(tx, (&before, &after), mails).await?;
    Ok(after)
}

/// The user name with another address: where the name is the address, it follows, if the new
/// address can be a name (RFC 8265 §3.3) and is not the name of somebody else.
async fn renamed(tx: &Tx, user: &User, email: &str) -> Result<String, Fault> {
    let is_address = user
        .email
        .as_deref()
        .and_then(person::email_key)
        .is_some_and(|key| person::email_key(&user.username).as_ref() == Some(&key));
    let Some(key) = person::username_key(email).filter(|_| is_address) else {
        return Ok(user.username.clone());
    };
    let named = users::find_by_name(tx, &key, None).await?;
    let is_free = named.is_none_or(|named| named.id == user.id || named.is_over(tx.now()));
    Ok(if is_free { email.to_owned() } else { user.username.clone() })
}

async fn write(tx: &Tx, user: &User) -> Result<(), Fault> {
    if users::update(tx, user).await? {
        return Ok(());
    }
    Err(Fault::unavailable("changing an address", "it was taken at this moment"))
}

/// If a link leads to the address that the account has now, ends the links that are younger than
/// that one: they lead to addresses that came later, which may be those of a thief. Of several such
/// links the oldest counts. `false` when none leads to this address. Call it when the person or an
/// operator changed the address.
pub async fn come_back(tx: &Tx, user: &User) -> Result<bool, Fault> {
    let Some(key) = user.verified_email().and_then(person::email_key) else { return Ok(false) };
    for link in stored::of_user(tx, MailPurpose::UndoAddress, &user.id).await? {
        let UndoPayload { email, .. } = mail_secrets::payload(&link)?;
        if person::email_key(&email).as_ref() == Some(&key) {
            stored::end_since(tx, &user.id, &link).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells the old address. It gets the link that takes the change back, unless the account comes
/// back to an address that has such a link: the address in between may be that of a thief.
async fn tell_old(
    tx: &Tx,
    (before, after): (&User, &User),
    mails: AddressMails<'_>,
) -> Result<(), Fault> {
    let comes_back = come_back(tx, after).await?;
    stored::prolong(tx, MailPurpose::UndoAddress, &after.id).await?;
    if comes_back {
        let (mailer, language) = (Some(mails.mailer), mails.from.language);
        return notices::address_lost(tx, mailer, (before, after), language).await;
    }
    let (Some(old), Some(new)) = (before.verified_email(), &after.email) else { return Ok(()) };
    let payload = UndoPayload {
        email: old.to_owned(),
        by_operator: before.email_by == AccountSource::Operator,
    };
    let owner = MailRecipient::AnyVersion(&before.id);
    let secret = mail_secrets::issue(tx, MailPurpose::UndoAddress, owner, None, &payload).await?;
    let mail = Mail {
        to: old.to_owned(),
        language: language_of(after, mails.from.language),
        user: Some(before.id.clone()),
        client: None,
        content: MailContent::AddressChanged {
            new_address: new.clone(),
            undo_link: secret.url(mails.undo_page),
        },
        expires_at: Some(secret.stored.expires_at),
    };
    mails.mailer.send(tx, mail).await
}

/// How long before a change of the address whoever changed it may have prepared it: what was added
/// within this time is removed when the change is taken back.
const PREPARATION: Duration = Duration::days(7);

/// Gives an account the address back that it had before a change, and takes from the account what
/// whoever changed it may have left there: the password, the sign-in methods that were added since
/// a week before the change, all recovery codes, the links to take back later changes, and a planned
/// deletion. The links to take back earlier changes stay. Both addresses are told. Returns the
/// account, and the ending of everything that was opened.
pub async fn give_back(
    tx: &Tx,
    secret: &MailSecret,
    mailer: Option<&Mailer>,
    from: NoticeOrigin<'_>,
) -> Result<(User, Ending), Error<AddressRefused>> {
    let MailSecretOwner::AnyVersion(user) = &secret.owner else {
        return Err(AddressRefused::Secret.into());
    };
    let UndoPayload { email, by_operator } = mail_secrets::payload(secret)?;
    let user = users::lock(tx, user).await?.filter(|user| user.may_sign_in(tx.now()));
    let before = user.ok_or(AddressRefused::Secret)?;
    let key = person::email_key(&email).ok_or(AddressRefused::Secret)?;
    if is_taken(tx, &before.id, &key).await? {
        return Err(AddressRefused::Taken.into());
    }
    // An address cannot change while a deletion is planned, so this one was planned afterwards.
    deletion::take_back(tx, &before.id, from.origin).await?;
    let restored = User {
        username: renamed(tx, &before, &email).await?,
        email: Some(email),
        email_verified: true,
        email_by: if by_operator { AccountSource::Operator } else { AccountSource::Person },
        password_hash: None,
        password_temporary: false,
        deletion_at: None,
        updated_at: tx.now(),
        ..before.clone()
    };
    write(tx, &restored).await?;
    let since = secret.created_at - PREPARATION;
    let removed = remove_methods(tx, &restored, since, from.origin).await?;
    stored::end_since(tx, &restored.id, secret).await?;
    stored::prolong(tx, MailPurpose::UndoAddress, &restored.id).await?;
    let event = Event::new(EventKind::AddressGivenBack).user(&restored.id).from(from.origin);
    audit_events::insert(tx, &[event]).await?;
    notices::address_given_back(tx, mailer, (&before, &restored), removed, from).await?;
    let ending = Ending::new(&restored.id, EndingScope::Everything, tx.now(), from.origin);
    session_endings::begin(tx, &ending).await?;
    Ok((restored, ending))
}

/// Removes the sign-in methods that were added since an instant, except the password. Recovery codes
/// are removed in any case: nothing says when they were made. Returns what was removed.
async fn remove_methods(
    tx: &Tx,
    user: &User,
    since: DateTime<Utc>,
    origin: &Origin,
) -> Result<Vec<MethodChange>, Fault> {
    let (mut removed, mut events) = (Vec::new(), Vec::new());
    let event = |kind| Event::new(kind).user(&user.id).from(origin);
    for identity in identities::of_user(tx, &user.id).await? {
        if identity.linked_at >= since && identities::delete(tx, &identity).await? {
            provider_groups::take_all(tx, &user.id, &identity.provider, origin).await?;
            removed.push(MethodChange::ProviderDisconnected);
            events.push(event(EventKind::IdentityUnlinked).detail(identity.provider.as_str()));
        }
    }
    for passkey in passkeys::of_user(tx, &user.id).await? {
        if passkey.created_at >= since && passkeys::delete(tx, &passkey).await? {
            removed.push(MethodChange::PasskeyRemoved);
            events.push(event(EventKind::PasskeyRemoved).detail(passkey.handle()));
        }
    }
    audit_events::insert(tx, &events).await?;
    if user.totp_since.is_some_and(|added_at| added_at >= since) {
        factor_changes::remove(tx, EventKind::FactorRemoved, &user.id, None, origin).await?;
        removed.push(MethodChange::OneTimeCodesRemoved);
    } else if factor_changes::remove_recovery_codes(tx, &user.id, origin).await? {
        removed.push(MethodChange::RecoveryCodesRemoved);
    }
    Ok(removed)
}

/// Uses up the secret of a link.
pub async fn spend_link(
    tx: &Tx,
    purpose: MailPurpose,
    link: &crate::domain::secret::Plain<crate::domain::secret::MailLink>,
) -> Result<MailSecret, Error<AddressRefused>> {
    mail_secrets::spend_link(tx, purpose, link).await.map_err(of_secret)
}

/// Uses up a secret by the code that a person typed in the browser that asked.
pub async fn spend_code(
    tx: &Tx,
    browser: &crate::domain::session::BrowserId,
    typed: &str,
) -> Result<MailSecret, Error<AddressRefused>> {
    mail_secrets::spend_code(tx, MailPurpose::NewAddress, browser, typed).await.map_err(of_secret)
}
