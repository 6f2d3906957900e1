//! A link to a new password for a person who cannot sign in, made by the operator.

use crate::accounts::mail_secrets::{self, MailRecipient};
use crate::accounts::notices;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::mail_secret::MailPurpose;
use crate::domain::secret::Secret;
use crate::domain::urls::{self, Issuer};
use crate::mail::Mailer;
use crate::store::{Store, audit_events};

use super::authority::{ChangePeople, May};
use super::refused::{AdminResult, conflict};
use super::users::{self, Target};

/// What became of the link.
#[derive(Debug)]
pub enum RecoveryLink {
    /// It is mailed to this address.
    Mailed(String),
    /// The operator hands it to the person.
    Shown(Secret<String>),
}

/// Makes a link that works once, for 30 minutes. With a mailer it goes to the verified address of
/// the account.
pub async fn make(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    issuer: &Issuer,
    mailer: Option<&Mailer>,
    target: Target<'_>,
) -> AdminResult<RecoveryLink> {
    let (tx, user) = users::lock(may, store, clock, target).await?;
    let why = if user.disabled_at.is_some() {
        Some("the account is disabled: `user enable` first")
    } else if user.is_over(tx.now()) {
        Some("its person deleted the account, and the time to keep it has passed")
    } else {
        None
    };
    if let Some(why) = why {
        tx.abandon().await;
        return conflict(why);
    }
    let owner = MailRecipient::Account(&user.id);
    let payload = serde_json::json!({});
    let secret = mail_secrets::issue(&tx, MailPurpose::Recovery, owner, None, &payload).await?;
    let link = secret.url(&issuer.url(urls::RECOVER));
    let address = user.verified_email().map(str::to_owned);
    let made = match (mailer, address) {
        (Some(mailer), Some(address)) => {
            let mail = Mail {
                to: address.clone(),
                language: notices::language_of(&user, Language::default()),
                user: Some(user.id.clone()),
                client: None,
                content: MailContent::Recovery { link },
                expires_at: Some(secret.stored.expires_at),
            };
            mailer.send(&tx, mail).await?;
            RecoveryLink::Mailed(address)
        }
        _ => RecoveryLink::Shown(link),
    };
    audit_events::insert(&tx, &[Event::new(EventKind::RecoveryLinkMade).user(&user.id)]).await?;
    tx.commit().await?;
    Ok(made)
}
