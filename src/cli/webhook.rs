//! `mapae webhook`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{table, words};
use crate::admin::authority::May;
use crate::admin::webhooks::{self, NewWebhook, Target};
use crate::app;
use crate::domain::outbound_error::OutboundError;
use crate::domain::verdict::{Error, OrRejected};
use crate::domain::webhook::{EventPattern, LastAttempt, Webhook};
use crate::keys::webhook_secrets::WebhookSecrets;

/// Programs that are told of audit events.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Tell a program of events; the secret that signs is shown once
    Create(Create),
    /// Every webhook, with its last attempt
    List,
    /// One webhook: what it is told of, and how the last attempt to tell it ended
    Show(One),
    /// Make a new secret; the old one signs as well for 24 hours
    RotateSecret(One),
    /// Send again: the message of this id, or at once what waits for the webhook of this id
    Replay(Replay),
    /// Delete a webhook; what waits for it is not sent any more
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Where the messages are sent
    #[arg(long)]
    url: String,
    /// A kind of audit events (user.created), all kinds of an area (user.*), or * ; several times
    #[arg(long = "event", value_name = "EVENT", required = true, num_args = 1..)]
    events: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its id, as `webhook list` shows it
    #[arg(value_name = "ID", required_unless_present = "named")]
    id: Option<String>,
    /// The same
    #[arg(long = "id", value_name = "ID", conflicts_with = "id")]
    named: Option<String>,
}

impl One {
    fn id(&self) -> &str {
        self.id.as_deref().or(self.named.as_deref()).unwrap_or_default()
    }
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The id of a message (its `webhook-id`), or of a webhook
    #[arg(value_name = "ID")]
    id: String,
    /// Send the message to this webhook alone
    #[arg(long, value_name = "WEBHOOK")]
    webhook: Option<String>,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let reads = matches!(self, Self::List | Self::Show(_));
        let database_use = if reads { DatabaseUse::Reads } else { DatabaseUse::Changes };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock) = (&*opened, &at.clock);
        match self {
            Self::Create(new) => {
                let secrets = WebhookSecrets::new(&app::master_key(&settings, store).await?)?;
                let allow_private = settings.outbound.allow_private;
                let new = NewWebhook { url: &new.url, events: &new.events, allow_private };
                let made = webhooks::create(&May::operator(), store, clock, &secrets, new).await?;
                let (webhook, secret) = made;
                let mut json = shown(&webhook);
                if let Some(members) = json.as_object_mut() {
                    members.insert("secret".to_owned(), secret.expose().clone().into());
                }
                let words = format!("{}\nsecret: {}", webhook.id.as_str(), secret.expose());
                at.print(&json, &words);
            }
            Self::List => {
                let every = webhooks::list(&May::operator(), store).await?;
                let all: Vec<_> = every.iter().map(shown).collect();
                let rows: Vec<_> = every.iter().map(row).collect();
                let head = ["ID", "EVENTS", "URL", "LAST ATTEMPT"];
                at.print(&json!({ "webhooks": all }), &table(&head, &rows));
            }
            Self::Show(one) => {
                let found = webhooks::find(&May::operator(), store, one.id()).await?;
                at.print(&shown(&found), &lines(&found));
            }
            Self::RotateSecret(one) => {
                let master = app::existing_master_key(&settings, store).await?;
                let (may, secrets) = (May::operator(), WebhookSecrets::new(&master)?);
                let target = Target::of(one.id());
                let secret = webhooks::rotate_secret(&may, store, clock, &secrets, target).await?;
                let json = json!({ "id": one.id(), "secret": secret.expose() });
                at.print(&json, &format!("secret: {}", secret.expose()));
            }
            Self::Replay(one) => replay(at, store, &one).await?,
            Self::Delete(one) => {
                webhooks::delete(&May::operator(), store, clock, Target::of(one.id())).await?;
                at.done(&format!("deleted the webhook {}", one.id()));
            }
        }
        Ok(())
    }
}

async fn replay(at: &Installation, store: &crate::store::Store, one: &Replay) -> OrRejected {
    let (may, clock) = (May::operator(), &at.clock);
    let is_webhook = match webhooks::find(&May::operator(), store, &one.id).await {
        Ok(_) => one.webhook.is_none(),
        Err(Error::Refused(_)) => false,
        Err(Error::Fault(fault)) => return Err(fault.into()),
    };
    let sent = if is_webhook {
        webhooks::retry(&may, store, clock, &one.id).await?
    } else {
        let only = one.webhook.as_deref();
        webhooks::replay(&may, store, clock, &one.id, only).await? as u64
    };
    at.print(&json!({ "messages": sent }), &format!("messages that are sent: {sent}"));
    Ok(())
}

fn shown(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id.as_str(),
        "url": webhook.url,
        "events": webhook.events,
        "replaced_secret_until": webhook.replaced.as_ref().map(|replaced| replaced.until),
        "created_at": webhook.created_at,
        "last_attempt": webhook.last_attempt.map(attempt),
    })
}

fn attempt(last: LastAttempt) -> Value {
    json!({
        "at": last.at,
        "status": last.outcome.status(),
        "failure": last.outcome.failure().map(OutboundError::as_str),
        "failures": last.failures,
        "failing_since": last.failing_since,
    })
}

fn lines(webhook: &Webhook) -> String {
    let mut all = shown(webhook);
    if let Some(members) = all.as_object_mut() {
        members.insert("last_attempt".to_owned(), said(webhook).into());
    }
    words(&all)
}

/// The last attempt in words.
fn said(webhook: &Webhook) -> String {
    let Some(last) = webhook.last_attempt else { return "none yet".to_owned() };
    let LastAttempt { at, outcome, failures, failing_since } = last;
    let ended = format!("{}: {outcome}", at.to_rfc3339());
    match failing_since {
        Some(since) => format!("{ended} ({failures} failed since {})", since.to_rfc3339()),
        None => ended,
    }
}

fn row(webhook: &Webhook) -> Vec<String> {
    let events: Vec<_> = webhook.events.iter().map(EventPattern::as_str).collect();
    let id = webhook.id.as_str().to_owned();
    vec![id, events.join(" "), webhook.url.clone(), said(webhook)]
}
