//! Notices by mail to the owner of an account: that a sign-in method changed, and that somebody
//! signed in on a device that is new for the account. An owner who did not do it learns of it.
//! Notices go to the verified address; an account without one gets none.

use crate::domain::audit::Origin;
use crate::domain::device;
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent, MethodChange};
use crate::domain::person;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::mail::Mailer;
use crate::store::{Tx, first_sign_ins, users};

/// The request that caused a notice.
#[derive(Clone, Copy, Debug)]
pub struct NoticeOrigin<'a> {
    /// Where the request came from.
    pub origin: &'a Origin,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The language of the page. The language in the profile of the person comes first.
    pub language: Language,
}

impl NoticeOrigin<'_> {
    /// The browser and the system, like `Chrome, Windows`.
    fn device(&self) -> Option<String> {
        let user_agent = self.user_agent?;
        let named = [device::browser(user_agent), device::system(user_agent)];
        let named: Vec<_> = named.into_iter().flatten().collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}

/// Tells the person that a sign-in method of their account changed.
pub async fn changed(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &UserId,
    change: MethodChange,
    from: NoticeOrigin<'_>,
) -> Result<(), Fault> {
    let (device, place) = (from.device(), from.origin.address.clone());
    let content = MailContent::SignInMethodChanged { change, device, place };
    notify(tx, mailer, user, content, from.language).await
}

/// Tells both addresses that a change of the address was taken back: the one that the account has
/// again, and the one that it had until then.
pub async fn address_given_back(
    tx: &Tx,
    mailer: Option<&Mailer>,
    (before, after): (&User, &User),
    mut removed: Vec<MethodChange>,
    from: NoticeOrigin<'_>,
) -> Result<(), Fault> {
    // However many passkeys there were, one sentence says so.
    removed.dedup();
    let (device, place) = (from.device(), from.origin.address.clone());
    let content = MailContent::AddressGivenBack { removed, device, place };
    tell(tx, mailer, (after, after.verified_email()), content, from.language).await?;
    address_lost(tx, mailer, (before, after), from.language).await
}

/// Tells the address that an account had until it came back to an earlier one. It says nothing of
/// the place and the device: this address may be that of a thief.
pub async fn address_lost(
    tx: &Tx,
    mailer: Option<&Mailer>,
    (before, after): (&User, &User),
    language: Language,
) -> Result<(), Fault> {
    let lost = lost_address(before, after);
    tell(tx, mailer, (before, lost), MailContent::AddressLost {}, language).await
}

/// Tells the old address that an operator gave the account another one.
pub async fn address_set(
    tx: &Tx,
    mailer: Option<&Mailer>,
    (before, after): (&User, &User),
) -> Result<(), Fault> {
    let Some(new_address) = after.email.clone() else { return Ok(()) };
    let (lost, language) = (lost_address(before, after), Language::default());
    let content = MailContent::AddressSetByOperator { new_address };
    tell(tx, mailer, (before, lost), content, language).await
}

/// The verified address of an account before a change, if the account has another one after it.
fn lost_address<'a>(before: &'a User, after: &User) -> Option<&'a str> {
    let now = after.email.as_deref().and_then(person::email_key);
    before.verified_email().filter(|address| person::email_key(address) != now)
}

/// Tells the person that somebody signed in in a browser in which the account was not proven
/// before. The first sign-in of an account is not reported. Call it for every sign-in in a browser.
pub async fn signed_in(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &UserId,
    is_known: bool,
    from: NoticeOrigin<'_>,
) -> Result<(), Fault> {
    // It is recorded whether anybody is told or not, so the next sign-in is not the first one.
    let is_first = first_sign_ins::is_first(tx, user).await?;
    if mailer.is_none() || is_known || is_first {
        return Ok(());
    }
    let (device, place) = (from.device(), from.origin.address.clone());
    let content = MailContent::NewDevice { device, place };
    notify(tx, mailer, user, content, from.language).await
}

/// Tells the person that few recovery codes are left.
pub async fn recovery_codes_low(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &UserId,
    left: u64,
    language: Language,
) -> Result<(), Fault> {
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    let content = MailContent::RecoveryCodesLow { left };
    notify(tx, mailer, user, content, language).await
}

async fn notify(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &UserId,
    content: MailContent,
    language: Language,
) -> Result<(), Fault> {
    if mailer.is_none() {
        return Ok(());
    }
    let Some(user) = users::find(tx, user).await? else { return Ok(()) };
    tell(tx, mailer, (&user, user.verified_email()), content, language).await
}

/// Mails to a person at this address, if there is one.
async fn tell(
    tx: &Tx,
    mailer: Option<&Mailer>,
    (user, address): (&User, Option<&str>),
    content: MailContent,
    language: Language,
) -> Result<(), Fault> {
    let (Some(mailer), Some(address)) = (mailer, address) else { return Ok(()) };
    let mail = Mail {
        to: address.to_owned(),
        language: language_of(user, language),
        user: Some(user.id.clone()),
        client: None,
        content,
        expires_at: None,
    };
    mailer.send(tx, mail).await
}

/// The language in which a person reads mails: that of their profile, or else this one.
#[must_use]
pub fn language_of(user: &User, otherwise: Language) -> Language {
    user.profile.locale.as_deref().and_then(Language::of_tag).unwrap_or(otherwise)
}
