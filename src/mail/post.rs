//! Sends mails: puts them into words and hands them over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use url::Url;

use super::address::{Mailbox, address_of};
use super::failure::{MailFailure, MailStep};
use super::folder;
use super::message::{MessageHead, message};
use super::server_url::MailServer;
use super::settings::MailSettings;
use super::smtp::Smtp;
use crate::domain::mail::{Mail, MailRenderer};
use crate::domain::urls::Issuer;
use crate::domain::verdict::{Error, OrRejected, reject};

/// Where mails are handed over.
#[derive(Debug)]
enum Transport {
    Smtp(Smtp),
    Folder(PathBuf),
}

/// Sends mails.
#[derive(Clone, Debug)]
pub struct Post {
    transport: Arc<Transport>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    renderer: Arc<dyn MailRenderer>,
}

impl From<MailFailure> for Error<MailFailure> {
    fn from(failure: MailFailure) -> Self {
        Self::Refused(failure)
    }
}

impl Post {
    /// The post of these settings; `None` if nothing is mailed. The mail server is trusted by the
    /// authorities of the system and by those in this file.
    pub fn new(
        settings: &MailSettings,
        issuer: &Issuer,
        ca_file: Option<&Path>,
        renderer: Arc<dyn MailRenderer>,
    ) -> OrRejected<Option<Self>> {
        let transport = match settings.server.clone() {
            None => return Ok(None),
            Some(MailServer::Folder(folder)) => Transport::Folder(folder),
            Some(MailServer::Smtp(server)) => match Smtp::new(server, ca_file) {
                Ok(smtp) => Transport::Smtp(smtp),
                Err(unusable) => return reject(unusable),
            },
        };
        let url = Url::parse(issuer.as_str()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let MailSettings { from, reply_to, .. } = settings.clone();
        let from = from.unwrap_or_else(|| Mailbox::no_reply(host));
        Ok(Some(Self { transport: Arc::new(transport), from, reply_to, renderer }))
    }

    /// Sends a mail. The name is the same for every attempt, so that a mail that arrives twice can
    /// be recognised. The result is what the mail server answered.
    pub async fn send(
        &self,
        name: &str,
        now: DateTime<Utc>,
        mail: &Mail,
    ) -> Result<String, Error<MailFailure>> {
        let unwritable = "nothing can be sent to this address";
        let to =
            address_of(&mail.to).ok_or_else(|| MailFailure::new(MailStep::Address, unwritable))?;
        let rendered = self.renderer.render(mail)?;
        let head = MessageHead {
            id: format!("{name}@{}", self.from.domain()),
            date: now,
            from: self.from.named(&rendered.service),
            reply_to: self.reply_to.as_ref().map(Mailbox::parsed),
            to,
        };
        let message = message(head, &rendered)?;
        let answer = match &*self.transport {
            Transport::Smtp(smtp) => smtp.send(&message).await,
            Transport::Folder(folder) => folder::write(folder, name, &message).await,
        };
        Ok(answer?)
    }

    /// Finds out whether mails can be handed over, and sends none. The result is for the operator.
    pub async fn check(&self) -> Result<String, MailFailure> {
        match &*self.transport {
            Transport::Smtp(smtp) => smtp.check().await,
            Transport::Folder(folder) => folder::check(folder).await,
        }
    }

    /// Closes the connections that were kept for more mails.
    pub async fn rest(&self) {
        if let Transport::Smtp(smtp) = &*self.transport {
            smtp.rest().await;
        }
    }
}
