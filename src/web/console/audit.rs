//! Audit events.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::visit::Visit;
use crate::admin::audit::{self, PageQuery, RecordedEvent};
use crate::admin::authority::{ReadAudit, ReadPeople};
use crate::admin::refused::Refused;
use crate::admin::users;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::verdict::Error;
use crate::pages::console::audit::{self as pages, AuditFilter, EventLine};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Audit;
/// How many events one page has.
const PAGE: u64 = 50;
/// How many events are read at once for a file, and how many it has at most.
const READ: u64 = 500;
const MOST: usize = 20_000;

/// An event, as pages show it.
pub(super) fn line(event: RecordedEvent) -> EventLine {
    EventLine {
        at: event.at,
        kind: event.event,
        times: event.times.unsigned_abs(),
        user: event.user_id,
        client: event.client_id,
        detail: event.detail,
        actor: event.actor,
        address: event.address,
        change: event.change.and_then(|change| serde_json::to_string(&change).ok()),
    }
}

/// The midnight with which this day begins.
fn day(text: &str) -> Result<DateTime<Utc>, Refused> {
    let day: Result<NaiveDate, _> = text.parse();
    match day {
        Ok(day) => Ok(day.and_time(NaiveTime::MIN).and_utc()),
        Err(_) => Err(Refused::Invalid(format!("{text:?} is no day, like 2026-11-21"))),
    }
}

impl Visit<ReadAudit> {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            kind: self.field("kind").to_owned(),
            user: self.field("user").to_owned(),
            client: self.field("client").to_owned(),
            since: self.field("since").to_owned(),
            until: self.field("until").to_owned(),
            // What is new is on the first page.
            follows: self.given("follow").is_some() && self.given("after").is_none(),
        }
    }

    async fn query(&self, limit: u64) -> Result<PageQuery, Error<Refused>> {
        let user = match self.given("user") {
            Some(named) => Some(self.subject(named).await?),
            None => None,
        };
        Ok(PageQuery {
            since: self.given("since").map(day).transpose()?,
            until: self.given("until").map(day).transpose()?,
            user,
            client: self.given("client").map(str::to_owned),
            kind: self.given("kind").map(str::to_owned),
            after: self.given("after").map(str::to_owned),
            limit,
        })
    }

    /// The `sub` of whoever is named. Events of people who are gone are found by their `sub`.
    async fn subject(&self, named: &str) -> Result<String, Error<Refused>> {
        let flows = &self.shared.flows;
        let Some(may) = self.may_also::<ReadPeople>() else { return Ok(named.to_owned()) };
        match users::find_any(&may, &*flows.store, named, flows.clock.now()).await {
            Ok(user) => Ok(user.id.as_str().to_owned()),
            Err(Error::Refused(_)) => Ok(named.to_owned()),
            Err(fault) => Err(fault),
        }
    }
}

/// `GET /admin/audit`
pub(super) async fn list(visit: Visit<ReadAudit>) -> Answered {
    let refused = |error| visit.refused(SECTION, urls::AUDIT, error);
    let query = visit.query(PAGE).await.map_err(refused)?;
    let lists = visit.shared.flows.store.lists();
    let (events, next) = audit::page(&visit.may, lists, query).await.map_err(refused)?;
    let events: Vec<EventLine> = events.into_iter().map(line).collect();
    let (frame, shell) = (visit.frame(), visit.shell(SECTION));
    visit.show(&pages::list(frame, shell, &visit.filter(), &events, next.as_deref()))
}

/// `GET /admin/audit/export`: one JSON object a line, the newest first.
pub(super) async fn export(visit: Visit<ReadAudit>) -> Answered {
    let refused = |error| visit.refused(SECTION, urls::AUDIT, error);
    let mut query = visit.query(READ).await.map_err(refused)?;
    let (mut lines, mut text) = (0, String::new());
    loop {
        let lists = visit.shared.flows.store.lists();
        let page = audit::page(&visit.may, lists, query.clone()).await;
        let (events, next) = page.map_err(refused)?;
        lines += events.len();
        for event in events {
            text.push_str(&serde_json::to_string(&event).unwrap_or_default());
            text.push('\n');
        }
        match next.filter(|_| lines < MOST) {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = HeaderValue::from_static("attachment; filename=\"audit.jsonl\"");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(response)
}
