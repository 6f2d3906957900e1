//! `/audit`: the audit events.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::paging::{Page, limit};
use super::problem::{ApiResult, Failed, Problem};
use super::received::Parameters;
use super::shown::Shown;
use crate::admin::audit::{self, PageQuery, RecordedEvent};
use crate::admin::authority::ReadAudit;
use crate::web::shared::Shared;

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// Only events of this kind.
    kind: Option<String>,
    /// Only events of this person: their `sub`.
    user: Option<String>,
    /// Only events of this client.
    client: Option<String>,
    /// Only events at this instant or later.
    since: Option<DateTime<Utc>>,
    /// Only events before this instant.
    until: Option<DateTime<Utc>>,
    /// So many at most: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next` of an earlier page.
    after: Option<String>,
}

/// An audit event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Event {
    /// When it happened.
    at: DateTime<Utc>,
    /// What happened.
    kind: String,
    /// Who caused it in the administration: `operator`, `person:` and a `sub`, `client:` and a client
    /// id, or `app:` and the client id of an app that changed its own registration.
    actor: Option<String>,
    /// The person concerned.
    user: Option<String>,
    /// The client concerned.
    client: Option<String>,
    /// The session at an app that it concerns.
    family: Option<String>,
    /// The client address.
    address: Option<String>,
    /// The request id that the answer and the log carry.
    request_id: Option<String>,
    /// One more word about the event.
    detail: Option<String>,
    /// How often it happened.
    times: i64,
    /// The members that a change replaced.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The same members after the change.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

impl From<RecordedEvent> for Event {
    fn from(event: RecordedEvent) -> Self {
        let change = event.change.map(|change| (change.before.into(), change.after.into()));
        let (before, after) = change.unzip();
        Self {
            at: event.at,
            kind: event.event,
            actor: event.actor,
            user: event.user_id,
            client: event.client_id,
            family: event.family_id,
            address: event.address,
            request_id: event.request_id,
            detail: event.detail,
            times: event.times,
            before,
            after,
        }
    }
}

/// Audit events, the newest first
#[utoipa::path(get, path = "/audit", tag = "audit", params(Search), responses(
    (status = 200, body = Page<Event>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadAudit>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Search>,
) -> ApiResult<Shown<Page<Event>>> {
    let query = PageQuery {
        since: asked.since,
        until: asked.until,
        user: asked.user,
        client: asked.client,
        kind: asked.kind,
        after: asked.after,
        limit: limit(asked.limit)?,
    };
    let page = audit::page(&may, shared.flows.store.lists(), query).await;
    let (events, next) = page.map_err(Failed::of_query)?;
    Ok(Shown::of(Page { items: events.into_iter().map(Event::from).collect(), next }))
}
