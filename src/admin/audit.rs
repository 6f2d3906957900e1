//! Looking for what happened.

use chrono::{DateTime, Utc};

use super::users;
use crate::domain::verdict::{Error, OrRejected};
use crate::store::Store;
use crate::store::audit_events::{self, EventSearch, RecordedEvent};

/// Which events an operator looks for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Not before this instant.
    pub since: Option<DateTime<Utc>>,
    /// Of this person: a user name, or the `sub` of an account, also of a deleted one.
    pub user: Option<String>,
    /// Of this client.
    pub client: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// So many at most.
    pub limit: u64,
}

/// So many are read at once.
const PAGE: u64 = 500;

/// What happened, the newest first.
pub async fn list(store: &Store, query: Query) -> OrRejected<Vec<RecordedEvent>> {
    let user = match &query.user {
        Some(user) => Some(sub(store, user).await?),
        None => None,
    };
    let search = EventSearch { since: query.since, user, client: query.client, kind: query.kind };
    let mut found: Vec<RecordedEvent> = Vec::new();
    loop {
        let missing = query.limit.saturating_sub(found.len() as u64).min(PAGE);
        if missing == 0 {
            return Ok(found);
        }
        let page = audit_events::list(store, &search, found.last(), missing).await?;
        let is_last = (page.len() as u64) < missing;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// The `sub` of a person: of a name that nobody has it is the name.
async fn sub(store: &Store, name: &str) -> OrRejected<String> {
    match users::find(store, name).await {
        Ok(user) => Ok(user.id.as_str().to_owned()),
        Err(Error::Refused(_)) => Ok(name.to_owned()),
        Err(fault) => Err(fault),
    }
}
