//! Webhooks: other programs are told of audit events, by the scheme of Standard Webhooks.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::audit::EventKind;
use super::ids::identifier;
use super::message::Message;
use super::outbound_error::OutboundError;

identifier! {
    /// The identifier of a webhook.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    WebhookId, Uuid::now_v7().to_string()
}

/// How long the replaced secret of a webhook goes on signing beside the new one.
pub const OVERLAP: Duration = Duration::hours(24);
/// The most patterns of a webhook.
pub const MOST_PATTERNS: usize = 100;
/// The longest URL of a webhook.
const LONGEST_URL: usize = 2000;
/// How often it is written that messages are still taken.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// Which audit events a webhook is told of: one kind, all kinds of an area (`user.*`), or all (`*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventPattern(String);

/// The error for a text that matches no audit event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} matches no audit event: write a kind like user.created, all kinds of an area like \
     user.*, or *"
)]
pub struct BadPattern(String);

impl EventPattern {
    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an event of this kind matches.
    #[must_use]
    pub fn matches(&self, kind: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(area) => kind.starts_with(area),
            None => kind == self.0,
        }
    }
}

impl FromStr for EventPattern {
    type Err = BadPattern;

    /// Reads a pattern. It must match an event that there is, so that a typing error is found.
    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let pattern = Self(text.to_owned());
        let is_whole = match text.strip_suffix('*') {
            Some(area) => area.is_empty() || area.ends_with('.') && area.len() > 1,
            None => true,
        };
        let matches_some = EventKind::ALL.iter().any(|kind| pattern.matches(kind.as_str()));
        if is_whole && matches_some { Ok(pattern) } else { Err(BadPattern(pattern.0)) }
    }
}

/// A stored pattern may name a kind of another version of this program.
impl From<String> for EventPattern {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<EventPattern> for String {
    fn from(pattern: EventPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A webhook: who is told of what. The secrets are sealed.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its identifier.
    pub id: WebhookId,
    /// Where the messages are sent.
    pub url: String,
    /// The events that it is told of.
    pub events: Vec<EventPattern>,
    /// The secret that signs.
    pub sealed_secret: Vec<u8>,
    /// The secret before it, and until when it signs as well.
    pub replaced: Option<ReplacedSecret>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What is known of the attempts to tell it of something.
    pub last_attempt: Option<LastAttempt>,
}

/// How an attempt to send a message to a webhook ended. What the receiver wrote is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver answered with this status.
    Answered(u16),
    /// There was no answer.
    Failed(OutboundError),
}

impl AttemptOutcome {
    /// Whether the receiver took the message. Only a status from 200 to 299 says so.
    #[must_use]
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            Self::Failed(_) => None,
        }
    }

    /// Why there was no answer.
    #[must_use]
    pub fn failure(self) -> Option<OutboundError> {
        match self {
            Self::Answered(_) => None,
            Self::Failed(failure) => Some(failure),
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote. `None` for the words of another version of this
    /// program.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let status = text.parse().ok().map(Self::Answered);
        status.or_else(|| OutboundError::parse(text).map(Self::Failed))
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "{status}"),
            Self::Failed(failure) => write!(f, "{failure}"),
        }
    }
}

/// The last attempt to send a message to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// How many attempts failed since a message was taken.
    pub failures: u64,
    /// When the first of these was made.
    pub failing_since: Option<DateTime<Utc>>,
}

/// A secret that was replaced.
#[derive(Clone, Debug)]
pub struct ReplacedSecret {
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// Until when it signs.
    pub until: DateTime<Utc>,
}

impl Webhook {
    /// The sealed secrets that sign at this instant, the newest first.
    pub fn signing(&self, now: DateTime<Utc>) -> impl Iterator<Item = &[u8]> {
        let replaced = self.replaced.as_ref().filter(|replaced| now < replaced.until);
        let replaced = replaced.map(|replaced| replaced.sealed.as_slice());
        std::iter::once(self.sealed_secret.as_slice()).chain(replaced)
    }

    /// Whether the last attempt to tell it of something failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.last_attempt.is_some_and(|last| last.failures > 0)
    }

    /// Whether the outcome of an attempt at this instant is noted. That messages are taken as before
    /// is noted now and then, so that it costs those of a busy webhook nothing.
    #[must_use]
    pub fn is_noted(&self, outcome: AttemptOutcome, now: DateTime<Utc>) -> bool {
        let is_old = |last: LastAttempt| (now - last.at).abs() >= NOTED_EVERY;
        !outcome.is_taken() || self.is_failing() || self.last_attempt.is_none_or(is_old)
    }
}

/// Whether a URL is short enough to be kept.
#[must_use]
pub fn is_short_enough(url: &str) -> bool {
    url.len() <= LONGEST_URL
}

/// What decides whether a webhook is told of an event.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The webhook.
    pub webhook: WebhookId,
    /// The events that it is told of.
    pub events: Vec<EventPattern>,
}

impl Subscription {
    /// Whether it is told of events of this kind. Nobody is told that a message was given up: a
    /// receiver that is away would cause new messages to itself without an end.
    #[must_use]
    pub fn matches(&self, kind: &str) -> bool {
        kind != EventKind::WebhookGivenUp.as_str()
            && self.events.iter().any(|pattern| pattern.matches(kind))
    }
}

/// An audit event, as receivers are told of it.
#[derive(Clone, Debug)]
pub struct ToldEvent {
    /// The id of the event, which is the id of the message as well.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The client concerned.
    pub client: Option<String>,
    /// The person concerned.
    pub user: Option<String>,
    /// The family concerned.
    pub family: Option<String>,
    /// The client address.
    pub address: Option<String>,
    /// The request id.
    pub request_id: Option<String>,
    /// One more word about the event.
    pub detail: Option<String>,
    /// Who caused it in the administration.
    pub actor: Option<String>,
}

impl ToldEvent {
    /// The body of the message: `{type, timestamp, data}`. It has what the audit event has, without
    /// what a change replaced.
    #[must_use]
    pub fn body(&self) -> String {
        let members = [
            ("event_id", Some(&self.id)),
            ("client_id", self.client.as_ref()),
            ("user_id", self.user.as_ref()),
            ("family_id", self.family.as_ref()),
            ("address", self.address.as_ref()),
            ("request_id", self.request_id.as_ref()),
            ("detail", self.detail.as_ref()),
            ("actor", self.actor.as_ref()),
        ];
        let named = |(name, value): (&str, Option<&String>)| {
            Some((name.to_owned(), Value::String(value?.clone())))
        };
        let data: Map<String, Value> = members.into_iter().filter_map(named).collect();
        let timestamp = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({ "type": self.kind, "timestamp": timestamp, "data": data }).to_string()
    }

    /// The message to this webhook.
    #[must_use]
    pub fn to(&self, webhook: &WebhookId) -> WebhookMessage {
        let (webhook, event) = (webhook.clone(), self.id.clone());
        WebhookMessage { webhook, event, body: self.body() }
    }
}

/// A message to a webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// The webhook.
    pub webhook: WebhookId,
    /// The id of the event: `webhook-id`. It is the same for every attempt and when the message is
    /// sent again later.
    pub event: String,
    /// The body.
    pub body: String,
}

impl Message for WebhookMessage {
    const KIND: &'static str = "webhook";

    fn target(&self) -> &str {
        self.webhook.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock;

    #[test]
    fn a_pattern_is_a_kind_an_area_or_everything() {
        for good in ["*", "user.*", "user.created", "sign_in.failed", "client_role.*"] {
            assert_eq!(good.parse::<EventPattern>().unwrap().as_str(), good);
        }
        for bad in
            ["", "user", "user*", "user.", "user.dleted", "us*", ".*", "**", "*.created", "user.* "]
        {
            assert!(bad.parse::<EventPattern>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_matches_its_kinds_alone() {
        let matches = |pattern: &str, kind| pattern.parse::<EventPattern>().unwrap().matches(kind);
        assert!(matches("user.*", "user.created"));
        assert!(!matches("user.*", "client.created"));
        assert!(matches("client.*", "client.created"));
        assert!(!matches("client.*", "client_role.created"));
        assert!(matches("user.created", "user.created"));
        assert!(!matches("user.created", "user.deleted"));
        assert!(EventKind::ALL.iter().all(|kind| matches("*", kind.as_str())));
    }

    #[test]
    fn nobody_is_told_that_a_message_was_given_up() {
        let events = vec![EventPattern("*".to_owned())];
        let all = Subscription { webhook: WebhookId::generate(), events };
        assert!(all.matches("webhook.created"));
        assert!(!all.matches("webhook.given_up"));
    }

    #[test]
    fn a_body_has_what_the_event_has() {
        let event = ToldEvent {
            id: "e1".to_owned(),
            kind: "user.disabled".to_owned(),
            at: clock::from_millis(1_700_000_000_123),
            client: None,
            user: Some("u1".to_owned()),
            family: None,
            address: None,
            request_id: None,
            detail: None,
            actor: Some("operator".to_owned()),
        };
        let body: Value = serde_json::from_str(&event.body()).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "user.disabled",
                "timestamp": "2023-11-14T22:13:20.123Z",
                "data": { "event_id": "e1", "user_id": "u1", "actor": "operator" },
            })
        );
    }

    #[test]
    fn a_replaced_secret_signs_until_its_end() {
        let until = clock::from_millis(1000);
        let webhook = Webhook {
            id: WebhookId::generate(),
            url: "https://example.com/".to_owned(),
            events: Vec::new(),
            sealed_secret: vec![2],
            replaced: Some(ReplacedSecret { sealed: vec![1], until }),
            created_at: clock::from_millis(0),
            last_attempt: None,
        };
        let signing = |at| webhook.signing(clock::from_millis(at)).count();
        assert_eq!([signing(0), signing(999), signing(1000)], [2, 2, 1]);
    }

    #[test]
    fn what_fails_is_noted_each_time_and_what_is_taken_once_a_minute() {
        let (at, taken) = (clock::from_millis(0), AttemptOutcome::Answered(204));
        let failed = AttemptOutcome::Failed(OutboundError::TimedOut);
        let is_noted = |failures, outcome, millis| {
            let last = LastAttempt { at, outcome: taken, failures, failing_since: None };
            let webhook = Webhook {
                id: WebhookId::generate(),
                url: "https://example.com/".to_owned(),
                events: Vec::new(),
                sealed_secret: Vec::new(),
                replaced: None,
                created_at: at,
                last_attempt: Some(last),
            };
            webhook.is_noted(outcome, clock::from_millis(millis))
        };
        assert!(!is_noted(0, taken, 59_999) && is_noted(0, taken, 60_000));
        assert!(is_noted(1, taken, 1) && is_noted(0, failed, 1) && is_noted(1, failed, 1));
        // A clock that was ahead is no reason to note nothing for a long time.
        assert!(is_noted(0, taken, -60_000));
    }

    #[test]
    fn an_outcome_is_read_as_it_was_written() {
        let statuses = [200, 204, 302, 500].map(AttemptOutcome::Answered);
        let failed = OutboundError::ALL.iter().copied().map(AttemptOutcome::Failed);
        for outcome in statuses.into_iter().chain(failed) {
            assert_eq!(AttemptOutcome::parse(&outcome.to_string()), Some(outcome));
        }
        assert_eq!(AttemptOutcome::parse("<b>"), None);
        let taken: Vec<_> = statuses.iter().filter(|one| one.is_taken()).collect();
        assert_eq!(taken, [&statuses[0], &statuses[1]]);
    }
}
