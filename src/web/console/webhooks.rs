//! Webhooks: programs that are told of audit events.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::visit::Visit;
use crate::admin::authority::{ChangeClients, ChangeSecrets, May, ReadClients, Right};
use crate::admin::webhooks::{self, NewWebhook, Target};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::verdict::Fault;
use crate::domain::webhook::Webhook;
use crate::pages::console::webhook_pages::{self as pages, NewWebhookInput, WebhookLine};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Settings;

impl<R: Right> Visit<R> {
    fn webhook_page(&self) -> String {
        urls::of(urls::WEBHOOK, self.name())
    }

    /// What waits for a webhook. It is read where lists are read: messages may be many.
    async fn webhook_line<'a>(
        &self,
        may: &May<ReadClients>,
        webhook: &'a Webhook,
    ) -> Result<WebhookLine<'a>, Fault> {
        let waiting = webhooks::waiting(may, self.shared.flows.store.lists(), webhook).await?;
        Ok(WebhookLine {
            webhook,
            waiting: waiting.messages,
            is_more: waiting.messages == webhooks::COUNTED,
            attempts: waiting.attempts,
        })
    }

    /// The webhook of the path.
    async fn webhook(&self) -> Result<(May<ReadClients>, Webhook), Response<Body>> {
        let (may, page) = (self.may_see_clients(), urls::WEBHOOKS);
        let may = may.map_err(|refused| self.refused(SECTION, page, refused))?;
        let found = webhooks::find(&may, &*self.shared.flows.store, self.name()).await;
        Ok((may, found.map_err(|error| self.refused(SECTION, page, error))?))
    }
}

/// `GET /admin/webhooks`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let every = webhooks::list(&visit.may, &*visit.shared.flows.store).await;
    let every = every.map_err(|error| visit.refused(SECTION, urls::WEBHOOKS, error))?;
    let mut lines = Vec::new();
    for webhook in &every {
        let line = visit.webhook_line(&visit.may, webhook).await;
        lines.push(line.map_err(|fault| visit.fault(fault))?);
    }
    visit.show(&pages::list(visit.frame(), visit.shell(SECTION), &lines))
}

fn show_form(
    visit: &Visit<ChangeClients>,
    status: StatusCode,
    problem: Option<String>,
) -> Answered {
    // Only what was sent with the form: a link fills in nothing.
    let field = |name| if problem.is_some() { visit.field(name) } else { "" };
    let typed = NewWebhookInput { url: field("url"), events: field("events") };
    visit.show_as(status, &pages::new(visit.frame(), visit.shell(SECTION), typed, problem))
}

/// `GET /admin/new-webhook`
pub(super) async fn form(visit: Visit<ChangeClients>) -> Answered {
    show_form(&visit, StatusCode::OK, None)
}

/// `POST /admin/new-webhook`
pub(super) async fn create(visit: Visit<ChangeClients>) -> Answered {
    let (shared, flows) = (&visit.shared, &visit.shared.flows);
    let events = visit.field("events").split_whitespace();
    let events: Vec<String> = events.map(str::to_owned).collect();
    let (url, allow_private) = (visit.field("url"), shared.allows_private);
    let new = NewWebhook { url, events: &events, allow_private };
    let secrets = &shared.webhook_secrets;
    match webhooks::create(&visit.may, &flows.store, &flows.clock, secrets, new).await {
        Ok((webhook, secret)) => {
            let (shell, id) = (visit.shell(SECTION), webhook.id.as_str());
            visit.show(&pages::secret(visit.frame(), shell, id, secret.expose()))
        }
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            show_form(&visit, status, Some(problem))
        }
    }
}

/// `GET /admin/webhooks/{id}`
pub(super) async fn show(visit: Visit<ReadClients>) -> Answered {
    let (may, webhook) = visit.webhook().await?;
    let line = visit.webhook_line(&may, &webhook).await.map_err(|fault| visit.fault(fault))?;
    let (shell, now) = (visit.shell(SECTION), visit.shared.flows.clock.now());
    visit.show(&pages::show(visit.frame(), shell, &line, now))
}

/// `POST /admin/webhooks/{id}/secret`
pub(super) async fn rotate_secret(visit: Visit<ChangeSecrets>) -> Answered {
    let (flows, secrets) = (&visit.shared.flows, &visit.shared.webhook_secrets);
    let (page, target) = (visit.webhook_page(), Target::of(visit.name()));
    let made =
        webhooks::rotate_secret(&visit.may, &flows.store, &flows.clock, secrets, target).await;
    let secret = made.map_err(|error| visit.refused(SECTION, &page, error))?;
    let shell = visit.shell(SECTION);
    visit.show(&pages::secret(visit.frame(), shell, visit.name(), secret.expose()))
}

/// `POST /admin/webhooks/{id}/replay`: the message of this id, or else what waits.
pub(super) async fn replay(visit: Visit<ChangeClients>) -> Answered {
    let flows = &visit.shared.flows;
    let (may, store, clock, id) = (&visit.may, &flows.store, &flows.clock, visit.name());
    let sent = match visit.given("message") {
        Some(message) => {
            let sent = webhooks::replay(may, store, clock, message, Some(id)).await;
            sent.map(|messages| messages > 0)
        }
        None => webhooks::retry(may, store, clock, id).await.map(|messages| messages > 0),
    };
    let page = visit.webhook_page();
    let sent = sent.map_err(|error| visit.refused(SECTION, &page, error))?;
    let notice = if sent { ConsoleNotice::MessagesSent } else { ConsoleNotice::Nothing };
    visit.done(&page, notice)
}

/// `GET /admin/webhooks/{id}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangeClients>) -> Answered {
    let (may, webhook) = visit.webhook().await?;
    let line = visit.webhook_line(&may, &webhook).await.map_err(|fault| visit.fault(fault))?;
    visit.show(&pages::confirm(visit.frame(), visit.shell(SECTION), &line))
}

/// `POST /admin/webhooks/{id}/delete`
pub(super) async fn delete(visit: Visit<ChangeClients>) -> Answered {
    let (flows, target) = (&visit.shared.flows, Target::of(visit.name()));
    let deleted = webhooks::delete(&visit.may, &flows.store, &flows.clock, target).await;
    deleted.map_err(|error| visit.refused(SECTION, urls::WEBHOOKS, error))?;
    visit.done(urls::WEBHOOKS, ConsoleNotice::Deleted)
}
