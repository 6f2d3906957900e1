//! Invitations: an operator lets a person make an account, whatever the settings say about others.

use super::authority::{ChangePeople, May};
use super::refused::{AdminResult, conflict, invalid};
use crate::accounts::address_claims;
use crate::accounts::mail_secrets::{self, MailRecipient};
use crate::accounts::sign_up::mail_address;
use crate::clients::registration;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::mail_secret::MailPurpose;
use crate::domain::secret::Secret;
use crate::domain::sign_up_request::SignUpRequest;
use crate::domain::urls::{self, Issuer};
use crate::mail::Mailer;
use crate::store::{Store, audit_events};

/// The person who is invited.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a> {
    /// Their address.
    pub email: &'a str,
    /// The app to which they are invited.
    pub client: Option<&'a str>,
}

/// Invites a person by mail, or without a mailer returns the link for the operator.
pub async fn invite(
    may: &May<ChangePeople>,
    store: &Store,
    clock: &Clock,
    issuer: &Issuer,
    mailer: Option<&Mailer>,
    guest: Guest<'_>,
) -> AdminResult<Option<Secret<String>>> {
    let Some((email, key)) = mail_address(guest.email) else {
        return invalid("the e-mail address is not valid");
    };
    let client = match guest.client {
        Some(id) => Some(registration::find(store, id).await?.id),
        None => None,
    };
    let tx = may.acting(store).begin(clock.now()).await?;
    if let Some(holder) = address_claims::holder(&tx, &key, tx.now()).await? {
        tx.abandon().await;
        return conflict(format!("the account {:?} has this address", holder.username));
    }
    let recipient = MailRecipient::Address(&key);
    let kept = SignUpRequest { email: email.clone(), purpose: None, client: client.clone() };
    let purpose = MailPurpose::Invitation;
    let issued = mail_secrets::issue(&tx, purpose, recipient, None, &kept).await?;
    let link = issued.url(&issuer.url(urls::SIGN_UP_INVITATION));
    audit_events::insert(&tx, &[event(client.as_ref())]).await?;
    let printed = match mailer {
        Some(mailer) => {
            let content = MailContent::Invitation { link };
            let expires_at = Some(issued.stored.expires_at);
            let language = Language::default();
            let mail = Mail { to: email, language, user: None, client, content, expires_at };
            mailer.send(&tx, mail).await?;
            None
        }
        None => Some(link),
    };
    tx.commit().await?;
    Ok(printed)
}

fn event(client: Option<&ClientId>) -> Event {
    let event = Event::new(EventKind::InvitationMade);
    match client {
        Some(client) => event.client(client),
        None => event,
    }
}
