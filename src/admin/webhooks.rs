//! What an operator does with webhooks.

use super::authority::{ChangeClients, ChangeSecrets, May, ReadClients};
use super::refused::{AdminResult, Refused, invalid, not_found, unchanged};
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::message::{Message, Queued};
use crate::domain::secret::Secret;
use crate::domain::verdict::{Error, Fault};
use crate::domain::version::Version;
use crate::domain::webhook::{
    self, BadPattern, EventPattern, MOST_PATTERNS, OVERLAP, Webhook, WebhookId, WebhookMessage,
};
use crate::keys::webhook_secrets::{NewWebhookSecret, WebhookSecrets};
use crate::outbound;
use crate::store::outbox::Lane;
use crate::store::{Reader, Store, Tx, audit_events, outbox, webhooks};

/// A webhook to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewWebhook<'a> {
    /// Where the messages are sent.
    pub url: &'a str,
    /// The events that it is told of: kinds, `area.*`, or `*`.
    pub events: &'a [String],
    /// Whether the operator allows private addresses (`outbound.allow_private`).
    pub allow_private: bool,
}

/// A webhook that is changed.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it was when the caller saw it. If it is something else now, nothing is changed.
    pub version: Option<&'a Version>,
}

impl<'a> Target<'a> {
    /// The webhook of this id, whatever it is now.
    #[must_use]
    pub fn of(id: &'a str) -> Self {
        Self { id, version: None }
    }
}

/// What a webhook is now.
#[must_use]
pub fn version(webhook: &Webhook) -> Version {
    let events: Vec<_> = webhook.events.iter().map(EventPattern::as_str).collect();
    let until = webhook.replaced.as_ref().map(|replaced| replaced.until);
    Version::of(&serde_json::json!([webhook.id, webhook.url, events, webhook.sealed_secret, until]))
}

/// Makes a webhook. The secret is shown now and never again.
pub async fn create(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    secrets: &WebhookSecrets,
    new: NewWebhook<'_>,
) -> AdminResult<(Webhook, Secret)> {
    let (url, events) = checked(&new)?;
    let id = WebhookId::generate();
    let NewWebhookSecret { shown, sealed } = secrets.generate(&id)?;
    let tx = may.acting(store).begin(clock.now()).await?;
    let (replaced, created_at, last_attempt) = (None, tx.now(), None);
    let made =
        Webhook { id, url, events, sealed_secret: sealed, replaced, created_at, last_attempt };
    webhooks::insert(&tx, &made).await?;
    let event = Event::new(EventKind::WebhookCreated).detail(made.id.as_str());
    audit_events::insert(&tx, &[event]).await?;
    tx.commit().await?;
    Ok((made, shown))
}

fn checked(new: &NewWebhook<'_>) -> AdminResult<(String, Vec<EventPattern>)> {
    // The normal form: names of hosts in ASCII, spaces escaped.
    let url = url::Url::parse(new.url).map(String::from).unwrap_or_default();
    if !webhook::is_short_enough(&url) || !outbound::may_call(&url, new.allow_private) {
        return invalid(
            "the URL of a webhook is an https URL of a public address, without a user name; \
             outbound.allow_private allows private addresses, and http on this machine",
        );
    }
    let read = |text: &String| text.parse();
    let events: Result<Vec<EventPattern>, BadPattern> = new.events.iter().map(read).collect();
    match events {
        Ok(events) if (1..=MOST_PATTERNS).contains(&events.len()) => Ok((url, events)),
        Ok(_) => invalid(format!("a webhook is told of one to {MOST_PATTERNS} kinds of events")),
        Err(bad) => invalid(bad.to_string()),
    }
}

/// Every webhook, the oldest first.
pub async fn list(_may: &May<ReadClients>, reader: &impl Reader) -> AdminResult<Vec<Webhook>> {
    Ok(webhooks::list_all(reader).await?)
}

/// One webhook.
pub async fn find(_may: &May<ReadClients>, reader: &impl Reader, id: &str) -> AdminResult<Webhook> {
    match webhooks::find(reader, &WebhookId::from_stored(id.to_owned())).await? {
        Some(webhook) => Ok(webhook),
        None => unknown(id),
    }
}

/// How many messages that wait for a webhook are counted.
pub const COUNTED: u64 = 1000;

/// What waits for a webhook, counted up to [`COUNTED`].
pub async fn waiting(
    _may: &May<ReadClients>,
    reader: &impl Reader,
    webhook: &Webhook,
) -> Result<Lane, Fault> {
    outbox::lane(reader, WebhookMessage::KIND, webhook.id.as_str(), COUNTED).await
}

fn unknown<T>(id: &str) -> AdminResult<T> {
    not_found(format!("there is no webhook {id:?}"))
}

async fn lock(tx: &Tx, target: Target<'_>) -> AdminResult<Webhook> {
    let found = webhooks::lock(tx, &WebhookId::from_stored(target.id.to_owned())).await?;
    unchanged(found, target.version, version, || unknown(target.id))
}

/// Makes a new secret. The one before it signs as well for a day, so that the receiver can change
/// without losing a message.
pub async fn rotate_secret(
    may: &May<ChangeSecrets>,
    store: &Store,
    clock: &Clock,
    secrets: &WebhookSecrets,
    target: Target<'_>,
) -> AdminResult<Secret> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let rotated = rotate(&tx, secrets, target).await;
    tx.settle(rotated).await
}

async fn rotate(tx: &Tx, secrets: &WebhookSecrets, target: Target<'_>) -> AdminResult<Secret> {
    let webhook = lock(tx, target).await?;
    let NewWebhookSecret { shown, sealed } = secrets.generate(&webhook.id)?;
    let replaced = Some((webhook.sealed_secret, tx.now() + OVERLAP));
    webhooks::set_secrets(tx, &webhook.id, sealed, replaced).await?;
    let event = Event::new(EventKind::WebhookSecretRotated).detail(webhook.id.as_str());
    audit_events::insert(tx, &[event]).await?;
    Ok(shown)
}

/// How many messages one transaction removes.
const STEP: u64 = 2000;

/// Deletes a webhook. What waits for it is not sent any more.
pub async fn delete(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    target: Target<'_>,
) -> AdminResult {
    let tx = may.acting(store).begin(clock.now()).await?;
    let deleted = remove(&tx, target).await;
    let id = tx.settle(deleted).await?;
    // What other servers write until they know of it is dropped when it is to be sent.
    loop {
        let tx = store.begin(clock.now()).await?;
        let dropped = outbox::drop_some(&tx, WebhookMessage::KIND, id.as_str(), STEP).await?;
        tx.commit().await?;
        if dropped < STEP {
            return Ok(());
        }
    }
}

async fn remove(tx: &Tx, target: Target<'_>) -> AdminResult<WebhookId> {
    let webhook = lock(tx, target).await?;
    webhooks::delete(tx, &webhook.id).await?;
    let event = Event::new(EventKind::WebhookDeleted).detail(webhook.id.as_str());
    audit_events::insert(tx, &[event]).await?;
    Ok(webhook.id)
}

/// Sends the message about an event again: to this webhook, or to every webhook that is told of such
/// events. Returns how many are told.
pub async fn replay(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    event: &str,
    only: Option<&str>,
) -> AdminResult<usize> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let told = tell_again(&tx, event, only).await;
    tx.settle(told).await
}

async fn tell_again(tx: &Tx, event: &str, only: Option<&str>) -> AdminResult<usize> {
    let Some(told) = audit_events::find_told(tx, event).await? else {
        return not_found(format!(
            "there is no event {event:?}: its time in the audit may be over"
        ));
    };
    let every = webhooks::subscriptions(tx).await?;
    let messages: Vec<_> = if let Some(id) = only {
        let named = every.iter().find(|one| one.webhook.as_str() == id);
        let Some(one) = named else { return unknown(id) };
        // Whoever names the webhook may send it what it missed before it was told of such events.
        vec![Queued::new(told.to(&one.webhook))]
    } else {
        let matching = every.iter().filter(|one| one.matches(&told.kind));
        matching.map(|one| Queued::new(told.to(&one.webhook))).collect()
    };
    outbox::insert(tx, &messages).await?;
    let event = Event::new(EventKind::WebhookReplayed).detail(told.id);
    audit_events::insert(tx, &[event]).await?;
    Ok(messages.len())
}

/// Sends what waits for a webhook at once, and not only after the pause of its last attempt: its
/// receiver is back. Returns how many messages that are.
pub async fn retry(
    may: &May<ChangeClients>,
    store: &Store,
    clock: &Clock,
    id: &str,
) -> AdminResult<u64> {
    let tx = may.acting(store).begin(clock.now()).await?;
    let hurried = hurry(&tx, id).await;
    tx.settle(hurried).await
}

async fn hurry(tx: &Tx, id: &str) -> Result<u64, Error<Refused>> {
    let webhook = lock(tx, Target::of(id)).await?;
    let waiting = outbox::hurry(tx, WebhookMessage::KIND, webhook.id.as_str()).await?;
    let event = Event::new(EventKind::WebhookReplayed).detail(webhook.id.as_str());
    audit_events::insert(tx, &[event]).await?;
    Ok(waiting)
}
