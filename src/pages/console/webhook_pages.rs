//! Webhooks: programs that are told of audit events.

use chrono::{DateTime, Utc};

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, CopyText, Fact, Field, Form, Look, Part, Row, Tone, Value};
use super::settings;
use super::short_pages::{self, Ending};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::domain::outbound_error::OutboundError;
use crate::domain::webhook::{AttemptOutcome, EventPattern, LastAttempt, Webhook};
use crate::pages::frame::Frame;

/// A webhook, and what waits for it.
#[derive(Clone, Copy, Debug)]
pub struct WebhookLine<'a> {
    /// The webhook.
    pub webhook: &'a Webhook,
    /// How many messages wait for it.
    pub waiting: u64,
    /// Whether there may be more of them.
    pub is_more: bool,
    /// How often the message was sent that was sent most often.
    pub attempts: u64,
}

impl WebhookLine<'_> {
    /// Whether a message that waits was not taken. Its first attempt may still be under way.
    fn was_refused(&self) -> bool {
        self.attempts > 1
    }

    fn is_failing(&self) -> bool {
        self.was_refused() || self.webhook.is_failing()
    }

    fn path(&self, template: &str) -> String {
        urls::of(template, self.webhook.id.as_str())
    }

    fn events(&self) -> String {
        let events: Vec<_> = self.webhook.events.iter().map(EventPattern::as_str).collect();
        events.join(" ")
    }

    fn waiting(&self, frame: &Frame<'_>) -> String {
        let waiting = frame.tn("console-webhook-waiting", "number", self.waiting);
        if self.is_more { format!("{waiting}, {}", frame.t("console-and-more")) } else { waiting }
    }

    fn failure(&self, frame: &Frame<'_>) -> Option<(Tone, String)> {
        self.is_failing().then(|| (Tone::Bad, frame.t("console-webhook-fails")))
    }
}

/// Every webhook.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    webhooks: &[WebhookLine<'_>],
) -> ConsolePage<'a> {
    let mut parts = vec![settings::tabs(&frame, &shell, urls::WEBHOOKS)];
    if shell.may(AdminRight::ChangeClients) {
        let href = shell.href(&frame, urls::WEBHOOK_NEW);
        let new = frame.t("console-new-webhook");
        parts.push(Part::Actions(vec![Action::to("webhook-new", new, Look::Primary, href)]));
    }
    if webhooks.is_empty() {
        parts.push(Part::Text(frame.t("console-webhooks-none")));
    } else {
        let row = |one: &WebhookLine<'_>| {
            let waiting = (one.waiting > 0).then(|| Value::Text(one.waiting(&frame)));
            let failed = one.webhook.last_attempt.filter(|last| last.failures > 0);
            let failed = failed.map(|last| Value::Text(ended(&frame, last.outcome)));
            let lines = [Value::Code(one.events())].into_iter().chain(waiting).chain(failed);
            Row {
                title: one.webhook.url.clone(),
                href: Some(shell.href(&frame, &one.path(urls::WEBHOOK))),
                tags: one.failure(&frame).into_iter().collect(),
                lines: lines.collect(),
                ..Row::default()
            }
        };
        parts.push(Part::Rows(webhooks.iter().map(row).collect()));
    }
    let (title, lead) = (frame.t("console-webhooks"), frame.t("console-webhooks-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

/// What was typed into the form for a new webhook.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewWebhookInput<'a> {
    /// Where the messages are sent.
    pub url: &'a str,
    /// The events that it is told of.
    pub events: &'a str,
}

/// The form for a new webhook.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    typed: NewWebhookInput<'_>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let fields = vec![
        Field::line("url", frame.t("console-webhook-url"), typed.url).required(),
        Field::lines("events", frame.t("console-webhook-events"), typed.events)
            .hint(frame.t("console-webhook-events-hint")),
    ];
    let button = Button::new("webhook-create", frame.t("console-create"), Look::Primary);
    let form = Form::new(format!("{}{}", frame.base, urls::WEBHOOK_NEW), fields, button);
    let (title, back) = (frame.t("console-new-webhook"), frame.t("console-webhooks"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::WEBHOOKS);
    page.refusing(problem).with([Part::Form(form)])
}

/// One webhook.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    one: &WebhookLine<'_>,
    now: DateTime<Utc>,
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if one.was_refused() {
        let words = frame.tn("console-webhook-attempts", "number", one.attempts);
        parts.push(Part::Note(Tone::Bad, words));
    }
    parts.push(Part::Facts(facts(&frame, one, now)));
    let post = |id, label, template| {
        let action = format!("{}{}", frame.base, one.path(template));
        Part::Actions(vec![Action::post(id, label, Look::Secondary, action)])
    };
    if shell.may(AdminRight::ChangeSecrets) {
        let rotate = frame.t("console-new-secret");
        parts.push(Part::Heading(frame.t("console-webhook-secret")));
        parts.push(Part::Text(frame.t("console-webhook-rotate-lead")));
        parts.push(post("webhook-secret-rotate", rotate, urls::WEBHOOK_SECRET));
    }
    if shell.may(AdminRight::ChangeClients) {
        let retry = frame.t("console-replay-waiting");
        let href = shell.href(&frame, &one.path(urls::WEBHOOK_DELETE));
        let delete = frame.t("console-delete");
        parts.push(Part::Heading(frame.t("console-replay")));
        parts.push(Part::Text(frame.t("console-replay-lead")));
        parts.push(post("webhook-retry", retry, urls::WEBHOOK_REPLAY));
        parts.push(Part::Form(replay_form(&frame, one)));
        parts.push(Part::Heading(frame.t("console-delete-webhook")));
        parts.push(Part::Text(frame.t("console-delete-webhook-lead")));
        parts.push(Part::Actions(vec![Action::to("webhook-delete", delete, Look::Danger, href)]));
    }
    let (title, back) = (one.webhook.url.clone(), frame.t("console-webhooks"));
    ConsolePage::new(frame, shell, title).below(back, urls::WEBHOOKS).with(parts)
}

fn facts(frame: &Frame<'_>, one: &WebhookLine<'_>, now: DateTime<Utc>) -> Vec<Fact> {
    let state = one.failure(frame).unwrap_or_else(|| (Tone::Good, frame.t("console-active")));
    let mut facts = vec![
        Fact { name: frame.t("console-state"), value: Value::Tags(vec![state]) },
        Fact::text(frame.t("console-webhook-messages"), one.waiting(frame)),
    ];
    facts.extend(one.webhook.last_attempt.into_iter().flat_map(|last| attempt(frame, last)));
    facts.push(Fact::code(frame.t("console-webhook-events"), one.events()));
    facts.push(Fact::code(frame.t("console-id"), one.webhook.id.as_str()));
    let until = one.webhook.replaced.as_ref().map(|replaced| replaced.until);
    let until = until.filter(|until| now < *until);
    facts.extend(until.map(|until| Fact::time(frame.t("console-webhook-old-secret"), until)));
    facts.push(Fact::time(frame.t("console-made"), one.webhook.created_at));
    facts
}

/// The last attempt, and since when attempts fail.
fn attempt(frame: &Frame<'_>, last: LastAttempt) -> Vec<Fact> {
    let mut facts = vec![
        Fact::time(frame.t("console-webhook-last"), last.at),
        Fact::text(frame.t("console-webhook-outcome"), ended(frame, last.outcome)),
    ];
    if let Some(since) = last.failing_since {
        let failures = last.failures.to_string();
        facts.push(Fact::text(frame.t("console-webhook-failures"), failures));
        facts.push(Fact::time(frame.t("console-webhook-failing-since"), since));
    }
    facts
}

/// How an attempt ended.
fn ended(frame: &Frame<'_>, outcome: AttemptOutcome) -> String {
    let failure = match outcome {
        AttemptOutcome::Answered(status) => {
            return frame.t1("console-webhook-answered", "status", &status.to_string());
        }
        AttemptOutcome::Failed(failure) => failure,
    };
    match failure {
        OutboundError::NotAllowed => frame.t("console-call-not-allowed"),
        OutboundError::TimedOut => frame.t("console-call-timed-out"),
        OutboundError::UnknownName => frame.t("console-call-unknown-name"),
        OutboundError::NobodyThere => frame.t("console-call-refused"),
        OutboundError::NoTls => frame.t("console-call-no-tls"),
        OutboundError::Proxy => frame.t("console-call-proxy"),
        OutboundError::Unreachable => frame.t("console-call-broken"),
        OutboundError::Untrusted => frame.t("console-call-untrusted"),
        OutboundError::TooLarge => frame.t("console-call-too-large"),
        OutboundError::Malformed => frame.t("console-call-malformed"),
    }
}

fn replay_form(frame: &Frame<'_>, one: &WebhookLine<'_>) -> Form {
    let field = Field::line("message", frame.t("console-replay-message"), "").required();
    let field = field.hint(frame.t("console-replay-message-hint"));
    let button = Button::new("webhook-replay", frame.t("console-replay"), Look::Secondary);
    Form::new(format!("{}{}", frame.base, one.path(urls::WEBHOOK_REPLAY)), vec![field], button)
}

/// The secret that was made.
#[must_use]
pub fn secret<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    id: &str,
    secret: &str,
) -> ConsolePage<'a> {
    let text = CopyText {
        id: "webhook-secret".to_owned(),
        label: frame.t("console-webhook-secret"),
        text: secret.to_owned(),
        hint: Some(frame.t("console-webhook-secret-hint")),
    };
    let (title, above) = (frame.t("console-secret-made"), frame.t("console-webhook"));
    let path = urls::of(urls::WEBHOOK, id);
    short_pages::showing_once(frame, shell, title, (above, &path), [text])
}

/// Asks whether to delete a webhook, and says what ends.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    one: &WebhookLine<'_>,
) -> ConsolePage<'a> {
    let (above, path) = (one.path(urls::WEBHOOK), one.path(urls::WEBHOOK_DELETE));
    let name = &one.webhook.url;
    let ending = Ending {
        title: frame.t1("console-delete-thing-title", "name", name),
        lead: frame.t("console-delete-webhook-lead"),
        ends: vec![one.waiting(&frame)],
        above: (name.clone(), &above),
        path: &path,
        button: ("webhook-delete-confirm", frame.t("console-delete")),
    };
    short_pages::asking(frame, shell, ending)
}
