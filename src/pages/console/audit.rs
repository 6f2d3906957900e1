//! Audit events.

use chrono::{DateTime, Utc};

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, Field, Form, Look, Part, Row, Tone, Value};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::pages::frame::Frame;

/// An event.
#[derive(Clone, Debug)]
pub struct EventLine {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Its kind.
    pub kind: String,
    /// How often it happened.
    pub times: u64,
    /// The person concerned.
    pub user: Option<String>,
    /// The client concerned.
    pub client: Option<String>,
    /// One more word.
    pub detail: Option<String>,
    /// Who did it in the administration.
    pub actor: Option<String>,
    /// The client address.
    pub address: Option<String>,
    /// What changed, as JSON.
    pub change: Option<String>,
}

/// Events as parts of a page.
pub(super) fn rows(frame: &Frame<'_>, shell: &ConsoleShell<'_>, events: &[EventLine]) -> Vec<Part> {
    if events.is_empty() {
        return vec![Part::Text(frame.t("console-no-events"))];
    }
    vec![Part::Rows(events.iter().map(|event| row(frame, shell, event)).collect())]
}

fn row(frame: &Frame<'_>, shell: &ConsoleShell<'_>, event: &EventLine) -> Row {
    let mut lines = Vec::new();
    if let Some(user) = &event.user {
        let path = urls::of(urls::PERSON, user);
        lines.push(Value::Link(user.clone(), shell.href(frame, &path)));
    }
    if let Some(client) = &event.client {
        if shell.may(AdminRight::ReadClients) {
            let path = urls::of(urls::APP, client);
            lines.push(Value::Link(client.clone(), shell.href(frame, &path)));
        } else {
            lines.push(Value::Text(client.clone()));
        }
    }
    lines.extend(event.detail.clone().map(Value::Text));
    let actor = event.actor.as_deref();
    lines.extend(actor.map(|actor| Value::Text(frame.t1("console-by", "actor", actor))));
    lines.extend(event.address.clone().map(Value::Text));
    let mut tags = Vec::new();
    if event.times > 1 {
        tags.push((Tone::Plain, format!("× {}", event.times)));
    }
    Row {
        title: event.kind.clone(),
        tags,
        lines,
        when: Some(event.at),
        more: event.change.clone().map(|change| (frame.t("console-change"), change)),
        ..Row::default()
    }
}

/// What is searched for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The kind.
    pub kind: String,
    /// The person, as typed.
    pub user: String,
    /// The client.
    pub client: String,
    /// The first day.
    pub since: String,
    /// The day behind the last one.
    pub until: String,
    /// Whether the page shows new events as they come.
    pub follows: bool,
}

impl AuditFilter {
    fn parameters(&self) -> Vec<(&str, &str)> {
        let every = [
            ("kind", &self.kind),
            ("user", &self.user),
            ("client", &self.client),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = every.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name, value.as_str())).collect()
    }
}

/// What leads on from the list. A script goes to `audit-refresh` again and again; without one it is a
/// link.
fn actions(
    frame: &Frame<'_>,
    shell: &ConsoleShell<'_>,
    filter: &AuditFilter,
    parameters: &[(&str, &str)],
) -> Vec<Action> {
    let export = shell.href_with(frame, urls::AUDIT_EXPORT, parameters);
    let export = Action::to("audit-export", frame.t("console-export"), Look::Secondary, export);
    let follow = [parameters, &[("follow", "yes")]].concat();
    let follow = shell.href_with(frame, urls::AUDIT, &follow);
    if !filter.follows {
        let label = frame.t("console-follow");
        return vec![Action::to("audit-follow", label, Look::Secondary, follow), export];
    }
    let stop = shell.href_with(frame, urls::AUDIT, parameters);
    let refresh = Action::to("audit-refresh", frame.t("console-refresh"), Look::Secondary, follow);
    let stop = Action::to("audit-stop", frame.t("console-follow-stop"), Look::Secondary, stop);
    vec![refresh, stop, export]
}

/// Audit events, page by page.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    filter: &AuditFilter,
    events: &[EventLine],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let fields = vec![
        Field::line("kind", frame.t("console-kind"), &filter.kind),
        Field::line("user", frame.t("console-person"), &filter.user),
        Field::line("client", frame.t("console-app"), &filter.client),
        Field::typed("since", "date", frame.t("console-from"), &filter.since),
        Field::typed("until", "date", frame.t("console-before"), &filter.until),
    ];
    let button = Button::new("audit-filter", frame.t("console-show"), Look::Secondary);
    let form = Form::new(format!("{}{}", frame.base, urls::AUDIT), fields, button);
    let parameters = filter.parameters();
    let mut parts = vec![
        Part::Form(form.in_line().search()),
        Part::Actions(actions(&frame, &shell, filter, &parameters)),
    ];
    parts.extend(rows(&frame, &shell, events));
    if let Some(next) = next {
        let mut link = shell.link(&frame, "audit-next", frame.t("console-next"), urls::AUDIT);
        let parameters = [parameters, vec![("after", next)]].concat();
        link.href = shell.href_with(&frame, urls::AUDIT, &parameters);
        parts.push(Part::More(link));
    }
    let title = frame.t("console-audit");
    ConsolePage::new(frame, shell, title).saying(frame.t("console-audit-lead")).with(parts)
}
