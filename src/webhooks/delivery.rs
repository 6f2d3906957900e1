//! Sends the messages of webhooks.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};

use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::message::Queued;
use crate::domain::verdict::Fault;
use crate::domain::webhook::{Webhook, WebhookMessage};
use crate::keys::webhook_secrets::{Signed, WebhookSecrets};
use crate::outbound::Outbound;
use crate::outbox::{Attempt, Delivery};
use crate::store::{Store, webhooks};

/// The parts that are used to send messages to webhooks.
#[derive(Clone, Debug)]
pub struct WebhookDelivery {
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// Opens the secrets.
    pub secrets: Arc<WebhookSecrets>,
    /// Sends HTTP requests to other servers.
    pub outbound: Outbound,
}

impl Delivery for WebhookDelivery {
    type Message = WebhookMessage;

    /// Ten attempts in three days.
    const PAUSES: &'static [i64] = &[5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000];

    const GIVEN_UP: EventKind = EventKind::WebhookGivenUp;

    async fn send(&self, queued: &Queued<WebhookMessage>) -> Result<Attempt, Fault> {
        let message = &queued.message;
        let is_taken = match webhooks::find(&*self.store, &message.webhook).await? {
            Some(webhook) => self.is_taken(&webhook, message).await?,
            // It was deleted: there is nobody to tell.
            None => true,
        };
        metrics::counter!("mapae_webhook_messages_total", "taken" => if is_taken { "true" } else { "false" }).increment(1);
        Ok(if is_taken { Attempt::Accepted } else { Attempt::Postponed })
    }

    fn about(&self, event: Event, message: &WebhookMessage) -> Event {
        event.detail(format!("{} to {}", message.event, message.webhook.as_str()))
    }
}

impl WebhookDelivery {
    /// Only a status from 200 to 299 counts as success.
    async fn is_taken(&self, webhook: &Webhook, message: &WebhookMessage) -> Result<bool, Fault> {
        let id = webhook.id.as_str();
        match self.outbound.status_of(self.request(webhook, message)?).await {
            Ok(200..=299) => Ok(true),
            Ok(status) => {
                tracing::warn!(webhook = id, status, "a webhook refused a message");
                Ok(false)
            }
            Err(failure) => {
                tracing::warn!(webhook = id, %failure, "a message could not be sent to a webhook");
                Ok(false)
            }
        }
    }

    /// Each attempt is signed anew: its timestamp says when it was made.
    fn request(
        &self,
        webhook: &Webhook,
        message: &WebhookMessage,
    ) -> Result<Request<Vec<u8>>, Fault> {
        let now = self.clock.now();
        let (id, timestamp, body) = (&*message.event, now.timestamp(), &*message.body);
        let signed = Signed { id, timestamp, body };
        let signature = self.secrets.sign(&webhook.id, webhook.signing(now), &signed)?;
        Request::post(&webhook.url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.clone().into_bytes())
            .map_err(|error| Fault::internal("writing a message to a webhook", error))
    }
}
