//! Issues the secrets that are sent by mail, and uses them up. A secret counts once, for one
//! purpose, and for one version of an account: when its password, address, state or second factor
//! changes, every older secret has ended.
//!
//! A refusal counts, too: the attempt to type a code is written, so the transaction must be
//! settled and not abandoned.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::mail_secret::{MailCode, MailPurpose, MailSecret, MailSecretOwner};
use crate::domain::secret::{MailLink, Plain, Secret};
use crate::domain::session::BrowserId;
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault};
use crate::store::{Reader, Tx, mail_secrets, users};

/// To whom a new secret belongs.
#[derive(Clone, Copy, Debug)]
pub enum MailRecipient<'a> {
    /// To an account.
    Account(&'a UserId),
    /// To an account, however it changes.
    AnyVersion(&'a UserId),
    /// To whoever has the address of this canonical key, since no account is concerned.
    Address(&'a str),
}

/// A secret that was made just now. Only the mail may carry it.
#[derive(Clone, Debug)]
pub struct IssuedMailSecret {
    /// The secret of the link.
    pub link: Plain<MailLink>,
    /// The code, if the purpose has one and a browser asked.
    pub code: Option<MailCode>,
    /// The stored form.
    pub stored: MailSecret,
}

impl IssuedMailSecret {
    /// The URL with the link's secret, at this URL of a page.
    #[must_use]
    pub fn url(&self, page: &str) -> Secret<String> {
        format!("{page}?secret={}", self.link.expose()).into()
    }
}

/// The refusal of a link or code: it is unknown, was used, has expired, belongs to another purpose
/// or browser or to an older version of the account, or was tried too often. Nobody is told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailSecretRefused;

impl From<MailSecretRefused> for Error<MailSecretRefused> {
    fn from(refused: MailSecretRefused) -> Self {
        Self::Refused(refused)
    }
}

/// Makes a secret. It ends the older secrets of the same purpose that the same browser asked for.
/// The purpose keeps `payload` with it, which must be harmless to whoever reads the database.
pub async fn issue(
    tx: &Tx,
    purpose: MailPurpose,
    recipient: MailRecipient<'_>,
    browser: Option<&BrowserId>,
    payload: &(impl Serialize + Sync),
) -> Result<IssuedMailSecret, Fault> {
    let owner = match recipient {
        MailRecipient::Account(user) => {
            let version = users::lock_secrets_version(tx, user).await?;
            let gone = || Fault::unavailable("making a secret for a mail", "the account is gone");
            MailSecretOwner::Account(user.clone(), version.ok_or_else(gone)?)
        }
        MailRecipient::AnyVersion(user) => MailSecretOwner::AnyVersion(user.clone()),
        MailRecipient::Address(key) => MailSecretOwner::Address(key.to_owned()),
    };
    if let Some(browser) = browser {
        mail_secrets::end_older(tx, purpose, browser).await?;
    }
    let link = Plain::generate();
    let code = browser.filter(|_| purpose.has_code()).map(|browser| {
        let code = MailCode::generate();
        let hash = code.hashed(browser);
        (code, hash)
    });
    let (code, code_hash) = code.unzip();
    let stored = MailSecret {
        link: link.hashed(),
        code: code_hash,
        purpose,
        owner,
        browser: browser.cloned(),
        payload: serde_json::to_string(payload)
            .map_err(|error| Fault::internal("writing what a mail is about", error))?,
        created_at: tx.now(),
        expires_at: tx.now() + purpose.life(),
        spent_at: None,
    };
    mail_secrets::insert(tx, &stored).await?;
    Ok(IssuedMailSecret { link, code, stored })
}

/// Looks at the secret of a link, for the page on which a button uses it up; changes nothing.
/// `None` for an unknown one; an old one is returned, too.
pub async fn look(
    reader: &impl Reader,
    purpose: MailPurpose,
    link: &Plain<MailLink>,
) -> Result<Option<MailSecret>, Fault> {
    mail_secrets::find(reader, purpose, link.hashed()).await
}

/// Whether a secret still counts: it was not used, has not expired, and belongs to the current
/// version of its account.
pub async fn counts(tx: &Tx, secret: &MailSecret) -> Result<bool, Fault> {
    let is_current = match &secret.owner {
        // The account is locked before its secrets, as everywhere, so its version cannot change
        // before this transaction ends.
        MailSecretOwner::Account(user, version) => {
            users::lock_secrets_version(tx, user).await? == Some(*version)
        }
        MailSecretOwner::AnyVersion(user) => users::lock_secrets_version(tx, user).await?.is_some(),
        MailSecretOwner::Address(_) => {
            // As much is read as for an account, so that the time does not tell whether there is one.
            users::lock_secrets_version(tx, &UserId::from_stored(String::new())).await?;
            true
        }
    };
    Ok(is_current && secret.spent_at.is_none() && tx.now() < secret.expires_at)
}

/// Uses up the secret of a link.
pub async fn spend_link(
    tx: &Tx,
    purpose: MailPurpose,
    link: &Plain<MailLink>,
) -> Result<MailSecret, Error<MailSecretRefused>> {
    let found = look(tx, purpose, link).await?.ok_or(MailSecretRefused)?;
    if !counts(tx, &found).await? || !mail_secrets::spend(tx, found.link).await? {
        return Err(MailSecretRefused.into());
    }
    Ok(found)
}

/// Uses up a secret by the code that a person typed in the browser that asked. A wrong code counts
/// as an attempt.
pub async fn spend_code(
    tx: &Tx,
    purpose: MailPurpose,
    browser: &BrowserId,
    typed: &str,
) -> Result<MailSecret, Error<MailSecretRefused>> {
    let found = mail_secrets::find_newest(tx, purpose, browser).await?.ok_or(MailSecretRefused)?;
    // A text that cannot be a code costs no attempt.
    let code = MailCode::read(typed).ok_or(MailSecretRefused)?;
    if !counts(tx, &found).await?
        || !mail_secrets::try_code(tx, found.link, code.hashed(browser)).await?
    {
        return Err(MailSecretRefused.into());
    }
    Ok(found)
}

/// Reads what a purpose kept with a secret.
pub fn payload<T: DeserializeOwned>(secret: &MailSecret) -> Result<T, Fault> {
    serde_json::from_str(&secret.payload)
        .map_err(|error| Fault::internal("reading what a mail is about", error))
}
