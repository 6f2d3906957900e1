//! Writes mails into the outbox. What a mail says is sealed there, because it contains a link or a
//! code that nobody else may read before it is sent.

use std::sync::Arc;

use crate::domain::mail::{Mail, SealedMail};
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::keys::mail_key::MailKey;
use crate::outbox;
use crate::store::Tx;

/// Writes mails into the outbox. It exists only where mails can be sent.
#[derive(Clone, Debug)]
pub struct Mailer(Arc<MailKey>);

impl Mailer {
    /// A mailer that seals with this key.
    #[must_use]
    pub fn new(key: Arc<MailKey>) -> Self {
        Self(key)
    }

    /// Writes a mail in the caller's transaction. It is sent after the commit: at once if the
    /// caller nudges the loops ([`Wake`](crate::outbox::Wake)), and otherwise within about a
    /// second.
    pub async fn send(&self, tx: &Tx, mail: Mail) -> Result<(), Fault> {
        let json = serde_json::to_string(&mail);
        let json = json.map_err(|error| Fault::internal("writing a mail", error))?;
        let sealed = self.0.seal(Secret::new(json).expose().as_bytes())?;
        let Mail { user, client, expires_at, .. } = mail;
        let content = mail.content.as_str().to_owned();
        outbox::enqueue(tx, [SealedMail { content, user, client, sealed, expires_at }]).await
    }

    /// Opens a mail; `None` if it was sealed by another installation.
    pub(super) fn unseal(&self, mail: &SealedMail) -> Option<Mail> {
        let json = self.0.unseal(&mail.sealed)?;
        serde_json::from_slice(json.expose()).ok()
    }
}
