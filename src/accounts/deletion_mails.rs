//! The mails that tell a person about the end of their account.

use chrono::{DateTime, Utc};

use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::mail::Mailer;
use crate::store::Tx;

/// The account will end at this instant.
pub(super) async fn planned(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &User,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    send(tx, mailer, user, MailContent::DeletionPlanned { at }).await
}

/// The account has ended, and its rows are deleted in this transaction.
pub(super) async fn done(tx: &Tx, mailer: Option<&Mailer>, user: &User) -> Result<(), Fault> {
    send(tx, mailer, user, MailContent::Deleted).await
}

/// Only an address that was proven gets a mail.
async fn send(
    tx: &Tx,
    mailer: Option<&Mailer>,
    user: &User,
    content: MailContent,
) -> Result<(), Fault> {
    let address = user.email.as_ref().filter(|_| user.email_verified);
    let (Some(mailer), Some(to)) = (mailer, address) else { return Ok(()) };
    let mail = Mail {
        to: to.clone(),
        language: Language::choose(user.profile.locale.as_deref(), None, None),
        user: Some(user.id.clone()),
        client: None,
        content,
        expires_at: None,
    };
    mailer.send(tx, mail).await
}
