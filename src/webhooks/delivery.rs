//! Sends the messages of webhooks.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};

use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::message::Queued;
use crate::domain::verdict::Fault;
use crate::domain::webhook::{AttemptOutcome, Webhook, WebhookMessage};
use crate::keys::webhook_secrets::{Signed, WebhookSecrets};
use crate::outbound::Outbound;
use crate::outbox::{Attempt, Delivery};
use crate::store::{Store, Tx, webhooks};

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

/// What came of sending a message to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// It was deleted: there is nobody to tell.
    Nobody,
    /// It was tried.
    Attempted {
        /// How that ended.
        outcome: AttemptOutcome,
        /// Whether it is noted.
        is_noted: bool,
    },
}

impl WebhookAnswer {
    fn is_taken(self) -> bool {
        match self {
            Self::Nobody => true,
            Self::Attempted { outcome, .. } => outcome.is_taken(),
        }
    }
}

impl From<WebhookAnswer> for Attempt {
    fn from(answer: WebhookAnswer) -> Self {
        if answer.is_taken() { Self::Accepted } else { Self::Postponed }
    }
}

impl Delivery for WebhookDelivery {
    type Message = WebhookMessage;
    type Answer = WebhookAnswer;

    /// Ten attempts in three days.
    const PAUSES: &'static [i64] = &[5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000];

    const GIVEN_UP: EventKind = EventKind::WebhookGivenUp;

    async fn send(&self, queued: &Queued<WebhookMessage>) -> Result<WebhookAnswer, Fault> {
        let message = &queued.message;
        let answer = match webhooks::find(&*self.store, &message.webhook).await? {
            Some(webhook) => {
                let outcome = self.tell(&webhook, message).await?;
                let is_noted = webhook.is_noted(outcome, self.clock.now());
                WebhookAnswer::Attempted { outcome, is_noted }
            }
            None => WebhookAnswer::Nobody,
        };
        let taken = if answer.is_taken() { "true" } else { "false" };
        metrics::counter!("mapae_webhook_messages_total", "taken" => taken).increment(1);
        Ok(answer)
    }

    /// The row of the webhook is written before that of the message: whoever hurries messages locks
    /// them in this order, too.
    async fn note(
        &self,
        tx: &Tx,
        message: &WebhookMessage,
        answer: &WebhookAnswer,
    ) -> Result<(), Fault> {
        match answer {
            WebhookAnswer::Attempted { outcome, is_noted: true } => {
                webhooks::note_attempt(tx, &message.webhook, *outcome).await
            }
            WebhookAnswer::Attempted { .. } | WebhookAnswer::Nobody => Ok(()),
        }
    }

    fn about(&self, event: Event, message: &WebhookMessage) -> Event {
        event.detail(format!("{} to {}", message.event, message.webhook.as_str()))
    }
}

impl WebhookDelivery {
    async fn tell(
        &self,
        webhook: &Webhook,
        message: &WebhookMessage,
    ) -> Result<AttemptOutcome, Fault> {
        let id = webhook.id.as_str();
        let answered = self.outbound.status_of(self.request(webhook, message)?).await;
        let outcome = answered.map_or_else(AttemptOutcome::Failed, AttemptOutcome::Answered);
        match outcome {
            AttemptOutcome::Answered(_) if outcome.is_taken() => {}
            AttemptOutcome::Answered(status) => {
                tracing::warn!(webhook = id, status, "a webhook refused a message");
            }
            AttemptOutcome::Failed(failure) => {
                tracing::warn!(webhook = id, %failure, "a message could not be sent to a webhook");
            }
        }
        Ok(outcome)
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
