//! Searches the audit events.

use chrono::{DateTime, Utc};

use super::authority::{May, ReadAudit};
use super::refused::{AdminResult, invalid};
use super::users::{self, Who};
use crate::domain::verdict::{Error, OrRejected};
pub use crate::store::audit_events::RecordedEvent;
use crate::store::audit_events::{self, EventPlace, EventSearch};
use crate::store::{Reader, Store};

/// The events that an operator searches for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Only events from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Only events of this person: a user name, or the `sub` of an account, which may be deleted.
    pub user: Option<String>,
    /// Only events of this client.
    pub client: Option<String>,
    /// Only events of this kind.
    pub kind: Option<String>,
    /// The largest number of events.
    pub limit: u64,
}

/// A page of events that somebody searches for.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// Only events at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// Only events before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Only events of this person: their `sub`.
    pub user: Option<String>,
    /// Only events of this client.
    pub client: Option<String>,
    /// Only events of this kind.
    pub kind: Option<String>,
    /// What an earlier page returned as next.
    pub after: Option<String>,
    /// The largest number of events.
    pub limit: u64,
}

/// A page of the events that match, the newest first, and what the next page begins after.
pub async fn page(
    _may: &May<ReadAudit>,
    reader: &impl Reader,
    query: PageQuery,
) -> AdminResult<(Vec<RecordedEvent>, Option<String>)> {
    let behind = match &query.after {
        Some(after) => match EventPlace::parse(after) {
            Some(place) => Some(place),
            None => return invalid("`after` is the `next` of an earlier page"),
        },
        None => None,
    };
    let search = EventSearch {
        since: query.since,
        until: query.until,
        user: query.user,
        client: query.client,
        kind: query.kind,
        ..EventSearch::default()
    };
    let mut found = audit_events::list(reader, &search, behind.as_ref(), query.limit + 1).await?;
    let is_more = found.len() as u64 > query.limit;
    found.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| is_more).map(|last| last.place().to_string());
    Ok((found, next))
}

/// How many events are read at once.
const PAGE: u64 = 500;

/// The events that match, the newest first.
pub async fn list(
    _may: &May<ReadAudit>,
    store: &Store,
    query: Query,
) -> OrRejected<Vec<RecordedEvent>> {
    let user = match &query.user {
        Some(user) => Some(sub(store, user).await?),
        None => None,
    };
    let search = EventSearch {
        since: query.since,
        user,
        client: query.client,
        kind: query.kind,
        ..EventSearch::default()
    };
    let mut found: Vec<RecordedEvent> = Vec::new();
    loop {
        let missing = query.limit.saturating_sub(found.len() as u64).min(PAGE);
        if missing == 0 {
            return Ok(found);
        }
        let last = found.last().map(RecordedEvent::place);
        let page = audit_events::list(store, &search, last.as_ref(), missing).await?;
        let is_last = (page.len() as u64) < missing;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// The `sub` of a person. If no account has this user name, the name itself is taken as the `sub`.
async fn sub(store: &Store, name: &str) -> OrRejected<String> {
    match users::found(store, Who::Name(name)).await {
        Ok(user) => Ok(user.id.as_str().to_owned()),
        Err(Error::Refused(_)) => Ok(name.to_owned()),
        Err(Error::Fault(fault)) => Err(fault.into()),
    }
}
