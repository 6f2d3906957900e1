//! Searches the audit events.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::authority::{May, ReadAudit};
use super::page::page_of;
use super::refused::{AdminResult, Refused, invalid};
use super::users::{self, Who};
use crate::domain::audit::EventKind;
use crate::domain::nearest::nearest;
use crate::domain::verdict::{Error, Fault};
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
    /// Only events of this kind, which [`check_kind`] knows.
    pub kind: Option<String>,
    /// Only events after this place, in the order in which they are read.
    pub after: Option<String>,
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
    let behind = read_place(query.after.as_deref())?;
    query.kind.as_deref().map_or(Ok(()), check_kind)?;
    let search = EventSearch {
        since: query.since,
        until: query.until,
        user: query.user,
        client: query.client,
        kind: query.kind,
        ..EventSearch::default()
    };
    let found = audit_events::list(reader, &search, behind.as_ref(), query.limit + 1).await?;
    Ok(page_of(found, query.limit, |last| last.place().to_string()))
}

/// How many events are read at once.
const PAGE: u64 = 500;

/// The events that match, the newest first, and what the next ones begin after.
pub async fn list(
    may: &May<ReadAudit>,
    store: &Store,
    query: Query,
) -> AdminResult<(Vec<RecordedEvent>, Option<String>)> {
    let mut every: Vec<RecordedEvent> = Vec::new();
    let next = each(may, store, query, |event| {
        every.push(event);
        true
    });
    let next = next.await?;
    Ok((every, next))
}

/// Hands over the events that match, the newest first, and keeps a page of them at a time. `take`
/// says whether it wants more. Returns what the next ones begin after.
pub async fn each(
    _may: &May<ReadAudit>,
    store: &Store,
    query: Query,
    mut take: impl FnMut(RecordedEvent) -> bool,
) -> AdminResult<Option<String>> {
    let search = query.search(store).await?;
    let (mut last, mut left) = (query.place()?, query.limit);
    loop {
        let wanted = left.min(PAGE);
        let page = audit_events::list(store, &search, last.as_ref(), wanted + 1).await?;
        let is_more = page.len() as u64 > wanted;
        for event in page.into_iter().take(usize::try_from(wanted).unwrap_or(usize::MAX)) {
            last = Some(event.place());
            if !take(event) {
                return Ok(last.map(|place| place.to_string()));
            }
        }
        left = left.saturating_sub(wanted);
        if !is_more {
            return Ok(None);
        }
        if left == 0 {
            return Ok(last.map(|place| place.to_string()));
        }
    }
}

/// Events as they happen.
#[derive(Debug)]
pub struct Tail {
    search: EventSearch,
    /// From here on the next look begins.
    behind: Option<EventPlace>,
    /// The events that were handed over and that the next look finds again.
    known: BTreeSet<EventPlace>,
}

/// A transaction has the instant of its beginning, so events may be written later than others that
/// have a later instant. Each look goes back so far.
const OVERLAP: Duration = Duration::minutes(1);

impl Tail {
    /// Events that match. First come those after the place in the query, or else the last ones before
    /// now, at most as many as its limit says.
    pub async fn new(may: &May<ReadAudit>, store: &Store, query: Query) -> AdminResult<Self> {
        let search = query.search(store).await?;
        let mut behind = query.place()?;
        if behind.is_none() {
            let number = query.limit.saturating_add(1);
            let newest = audit_events::list(store, &search, None, number).await?;
            let is_full = newest.len() as u64 == number;
            behind = newest.last().filter(|_| is_full).map(RecordedEvent::place);
        }
        let mut tail = Self { search, behind: behind.clone(), known: BTreeSet::new() };
        if let Some(place) = behind {
            tail.skip(may, store, &place).await?;
        }
        Ok(tail)
    }

    /// Knows the events just before this place, so that they are not handed over.
    async fn skip(
        &mut self,
        _may: &May<ReadAudit>,
        store: &Store,
        place: &EventPlace,
    ) -> Result<(), Fault> {
        let since = place.at - OVERLAP;
        let search = EventSearch { since: Some(since), ..self.search.clone() };
        let mut behind: Option<EventPlace> = None;
        loop {
            let page = audit_events::later(store, &search, behind.as_ref(), PAGE).await?;
            for event in &page {
                let known = event.place();
                if known > *place {
                    return Ok(());
                }
                behind = Some(known.clone());
                self.known.insert(known);
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    /// The events that are new, the oldest first: at most a page of them.
    pub async fn next(
        &mut self,
        _may: &May<ReadAudit>,
        store: &Store,
    ) -> Result<Vec<RecordedEvent>, Fault> {
        let since = self.behind.as_ref().map(|last| last.at - OVERLAP);
        let since = self.search.since.max(since);
        let search = EventSearch { since, ..self.search.clone() };
        let (mut new, mut looked): (Vec<RecordedEvent>, Option<EventPlace>) = (Vec::new(), None);
        loop {
            let page = audit_events::later(store, &search, looked.as_ref(), PAGE).await?;
            let is_last = (page.len() as u64) < PAGE;
            for event in page {
                let place = event.place();
                looked = Some(place.clone());
                if self.known.insert(place) {
                    new.push(event);
                }
            }
            if is_last || !new.is_empty() {
                break;
            }
        }
        if let Some(looked) = looked {
            let oldest = EventPlace { at: looked.at - OVERLAP, id: String::new() };
            self.known = self.known.split_off(&oldest);
            self.behind = Some(looked);
        }
        Ok(new)
    }
}

impl Query {
    async fn search(&self, store: &Store) -> AdminResult<EventSearch> {
        self.kind.as_deref().map_or(Ok(()), check_kind)?;
        let user = match &self.user {
            Some(user) => Some(sub(store, user).await?),
            None => None,
        };
        Ok(EventSearch {
            since: self.since,
            user,
            client: self.client.clone(),
            kind: self.kind.clone(),
            ..EventSearch::default()
        })
    }

    fn place(&self) -> AdminResult<Option<EventPlace>> {
        read_place(self.after.as_deref())
    }
}

/// Refuses what is no kind of event: it would look like a kind of which nothing happened.
pub fn check_kind(kind: &str) -> Result<(), Refused> {
    let names = || EventKind::ALL.iter().map(|known| known.as_str());
    if names().any(|known| known == kind) {
        return Ok(());
    }
    let meant = nearest(kind, names()).map(|meant| format!(": did you mean {meant}?"));
    let meant = meant.unwrap_or_default();
    Err(Refused::Invalid(format!("{kind:?} is no kind of audit event{meant}")))
}

fn read_place(after: Option<&str>) -> AdminResult<Option<EventPlace>> {
    let Some(after) = after else { return Ok(None) };
    match EventPlace::parse(after) {
        Some(place) => Ok(Some(place)),
        None => invalid("`after` is the `next` of an earlier page"),
    }
}

/// The `sub` of a person. If no account has this user name, the name itself is taken as the `sub`.
async fn sub(store: &Store, name: &str) -> Result<String, Fault> {
    match users::found(store, Who::Name(name)).await {
        Ok(user) => Ok(user.id.as_str().to_owned()),
        Err(Error::Refused(_)) => Ok(name.to_owned()),
        Err(Error::Fault(fault)) => Err(fault),
    }
}
