//! Searches the audit events.

use chrono::{DateTime, Utc};

use super::users;
use crate::domain::verdict::{Error, OrRejected};
use crate::store::Store;
use crate::store::audit_events::{self, EventSearch, RecordedEvent};

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

/// How many events are read at once.
const PAGE: u64 = 500;

/// The events that match, the newest first.
pub async fn list(store: &Store, query: Query) -> OrRejected<Vec<RecordedEvent>> {
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
    match users::find(store, name).await {
        Ok(user) => Ok(user.id.as_str().to_owned()),
        Err(Error::Refused(_)) => Ok(name.to_owned()),
        Err(fault) => Err(fault),
    }
}
