//! `/webhooks`: programs that are told of audit events.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::creation::{self, Made};
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Problem};
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeClients, ChangeSecrets, ReadClients};
use crate::admin::webhooks::{self, NewWebhook, Target};
use crate::domain::outbound_error::OutboundError;
use crate::domain::webhook::{self, EventPattern};
use crate::web::shared::Shared;

/// A webhook, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Webhook {
    /// Its id.
    id: String,
    /// Where the messages are sent.
    url: String,
    /// The events that it is told of: kinds, `area.*`, or `*`.
    events: Vec<String>,
    /// Until when the replaced secret signs as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// How the last attempt to tell it of something ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<LastAttempt>,
}

/// The last attempt to send a message to a webhook. That messages are taken as before is noted once a
/// minute.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LastAttempt {
    /// When it was made.
    at: DateTime<Utc>,
    /// The status that the receiver answered. From 200 to 299 it took the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why there was no answer, like `connection refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    /// How many attempts failed since a message was taken.
    failures: u64,
    /// When the first of these was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<DateTime<Utc>>,
}

impl From<webhook::LastAttempt> for LastAttempt {
    fn from(last: webhook::LastAttempt) -> Self {
        Self {
            at: last.at,
            status: last.outcome.status(),
            failure: last.outcome.failure().map(OutboundError::as_str),
            failures: last.failures,
            failing_since: last.failing_since,
        }
    }
}

impl From<&webhook::Webhook> for Webhook {
    fn from(one: &webhook::Webhook) -> Self {
        Self {
            id: one.id.as_str().to_owned(),
            url: one.url.clone(),
            events: one.events.iter().map(EventPattern::to_string).collect(),
            replaced_secret_until: one.replaced.as_ref().map(|replaced| replaced.until),
            created_at: one.created_at,
            last_attempt: one.last_attempt.map(LastAttempt::from),
        }
    }
}

/// A webhook that was made, with its secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// The secret that signs: `whsec_` and base64.
    secret: String,
}

/// A webhook to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookToMake {
    /// Where the messages are sent.
    url: String,
    /// The events that it is told of: kinds, `area.*`, or `*`.
    events: Vec<String>,
}

/// A new secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewWebhookSecret {
    /// The secret that signs: `whsec_` and base64.
    secret: String,
}

/// A message to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// The id of the message: its `webhook-id`. Without it, what waits is sent at once.
    #[serde(default)]
    message: Option<String>,
}

/// A message to send again to whoever is told of such events.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageForAll {
    /// The id of the message: its `webhook-id`.
    message: String,
}

/// How many messages are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Messages {
    /// So many.
    messages: u64,
}

fn target<'a>(id: &'a str, seen: &'a Seen) -> Target<'a> {
    Target { id, version: seen.0.as_ref() }
}

/// Webhooks, page by page
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", params(Paging), responses(
    (status = 200, body = Page<Webhook>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<Webhook>>> {
    let every = webhooks::list(&may, &*shared.flows.store).await?;
    let items = every.iter().map(Webhook::from).collect();
    Ok(Shown::of(asked.page(items, |one: &Webhook| one.id.clone())?))
}

/// Tell a program of events. The secret is in this answer and in no other
#[utoipa::path(post, path = "/webhooks", tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = WebhookToMake, responses(
        (status = 201, body = MadeWebhook, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    let (shared, may) = (&*shared, &may);
    creation::once(shared, may, request, |new: WebhookToMake| async move {
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let allow_private = shared.allows_private;
        let wanted = NewWebhook { url: &new.url, events: &new.events, allow_private };
        let made = webhooks::create(may, store, clock, &shared.webhook_secrets, wanted).await?;
        let (webhook, secret) = made;
        let again = Webhook::from(&webhook);
        let location = location(shared, &["webhooks", &again.id]);
        let now = MadeWebhook { webhook: Webhook::from(&webhook), secret: secret.expose().clone() };
        Ok(Made::of(now, location, webhooks::version(&webhook)).again(&again))
    })
    .await
}

/// One webhook
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = Webhook, headers(("ETag" = String))),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Webhook>> {
    let found = webhooks::find(&may, &*shared.flows.store, &id).await?;
    Ok(Shown::of(Webhook::from(&found)).version(webhooks::version(&found)))
}

/// Delete a webhook. What waits for it is not sent any more
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    webhooks::delete(&may, &flows.store, &flows.clock, target(&id, &seen)).await?;
    Ok(done())
}

/// Make a new secret. The old one signs as well for 24 hours
#[utoipa::path(post, path = "/webhooks/{id}/secret", tag = "webhooks",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 200, body = NewWebhookSecret), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn rotate_secret(
    Caller(may): Caller<ChangeSecrets>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<Shown<NewWebhookSecret>> {
    let (flows, secrets) = (&shared.flows, &shared.webhook_secrets);
    let target = target(&id, &seen);
    let secret = webhooks::rotate_secret(&may, &flows.store, &flows.clock, secrets, target).await?;
    Ok(Shown::of(NewWebhookSecret { secret: secret.expose().clone() }))
}

/// Send a message again, or at once what waits
#[utoipa::path(post, path = "/webhooks/{id}/replay", tag = "webhooks",
    params(("id" = String, Path)), request_body = Message, responses(
        (status = 200, body = Messages), (status = 404, body = Problem),
    ))]
pub(super) async fn replay(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Sent(sent): Sent<Message>,
) -> ApiResult<Shown<Messages>> {
    let flows = &shared.flows;
    let (store, clock) = (&flows.store, &flows.clock);
    let messages = match &sent.message {
        Some(event) => webhooks::replay(&may, store, clock, event, Some(&id)).await? as u64,
        None => webhooks::retry(&may, store, clock, &id).await?,
    };
    Ok(Shown::of(Messages { messages }))
}

/// Send a message again to every webhook that is told of such events
#[utoipa::path(post, path = "/webhooks/replay", tag = "webhooks", request_body = MessageForAll,
    responses((status = 200, body = Messages), (status = 404, body = Problem)))]
pub(super) async fn replay_to_all(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Sent(sent): Sent<MessageForAll>,
) -> ApiResult<Shown<Messages>> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let messages = webhooks::replay(&may, store, clock, &sent.message, None).await? as u64;
    Ok(Shown::of(Messages { messages }))
}
