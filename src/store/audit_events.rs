//! `audit_event`: the events that an operator must be able to look up afterwards.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Order, Query, UpdateStatement};
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect};
use serde::Serialize;

use super::audit_changes;
use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::statement::ROWS;
use super::subscriptions;
use super::tx::Tx;
use crate::domain::actor;
use crate::domain::audit::{Change, Event};
use crate::domain::clock;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::domain::webhook::ToldEvent;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "audit_event")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub at: i64,
            pub kind: String,
            pub client_id: Option<String>,
            pub user_id: Option<String>,
            pub family_id: Option<String>,
            pub address: Option<String>,
            pub request_id: Option<String>,
            pub detail: Option<String>,
            pub times: i64,
            pub actor: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const READING: &str = "reading the table audit_event";
const WRITING: &str = "writing the table audit_event";

/// Writes events. Each is also logged in one line after the commit.
pub async fn insert(tx: &Tx, events: &[Event]) -> Result<(), Fault> {
    let subscribed = subscriptions::of(tx).await?;
    for some in events.chunks(ROWS) {
        let ids: Vec<_> = some.iter().map(|_| Uuid::now_v7().to_string()).collect();
        let rows = some.iter().zip(&ids).map(|(event, id)| row(tx, event, id.clone()));
        write(tx, rows.collect()).await?;
        audit_changes::insert(tx, some.iter().zip(&ids)).await?;
        if !subscribed.is_empty() {
            let told = some.iter().zip(&ids).map(|(event, id)| told(tx, event, id.clone()));
            subscriptions::tell(tx, &subscribed, told).await?;
        }
    }
    tx.log_after_commit(events);
    Ok(())
}

/// Writes an event only once for this identity, however often it happens. Events that anybody can
/// cause as often as they like must not fill the disk.
pub async fn insert_once(tx: &Tx, event: &Event, identity: Uuid) -> Result<(), Fault> {
    let written = write(tx, vec![row(tx, event, identity.to_string())]).await?;
    if written > 0 {
        tell(tx, event, identity).await?;
    }
    tx.log_after_commit(std::slice::from_ref(event));
    Ok(())
}

/// Writes an event, or increases the count in the row of this identity.
pub async fn insert_counted(tx: &Tx, event: &Event, identity: Uuid) -> Result<(), Fault> {
    use sea_orm::ExprTrait;
    let more = Expr::col((Entity, Column::Times)).add(1_i64);
    let counted = OnConflict::column(Column::Id).value(Column::Times, more).to_owned();
    let written = Entity::insert(row(tx, event, identity.to_string()))
        .on_conflict(counted)
        .exec_without_returning(tx.connection())
        .await;
    written.map_err(while_doing(WRITING))?;
    if is_told(tx, event).await? && is_first(tx, identity).await? {
        tell(tx, event, identity).await?;
    }
    tx.log_after_commit(std::slice::from_ref(event));
    Ok(())
}

/// Whether a webhook is told of this event.
async fn is_told(tx: &Tx, event: &Event) -> Result<bool, Fault> {
    let subscribed = subscriptions::of(tx).await?;
    Ok(subscribed.iter().any(|one| one.matches(event.kind.as_str())))
}

/// Whether the event of this identity has happened once.
async fn is_first(tx: &Tx, identity: Uuid) -> Result<bool, Fault> {
    let row = Entity::find_by_id(identity.to_string()).one(tx.connection()).await;
    Ok(row.map_err(while_doing(READING))?.is_some_and(|row| row.times == 1))
}

/// Tells the webhooks of an event.
async fn tell(tx: &Tx, event: &Event, identity: Uuid) -> Result<(), Fault> {
    let subscribed = subscriptions::of(tx).await?;
    if subscribed.is_empty() {
        return Ok(());
    }
    let told = std::iter::once(told(tx, event, identity.to_string()));
    subscriptions::tell(tx, &subscribed, told).await
}

fn told(tx: &Tx, event: &Event, id: String) -> ToldEvent {
    let origin = actor::origin_of(event, tx.acting());
    ToldEvent {
        id,
        kind: event.kind.as_str().to_owned(),
        at: tx.now(),
        client: event.client.as_ref().map(|id| id.as_str().to_owned()),
        user: event.user.as_ref().map(|id| id.as_str().to_owned()),
        family: event.family.as_ref().map(|id| id.as_str().to_owned()),
        address: origin.address.clone(),
        request_id: origin.request_id.clone(),
        detail: event.detail.clone(),
        actor: tx.acting().map(|acting| acting.actor.to_text()),
    }
}

/// The event of this id, as webhooks are told of it.
pub async fn find_told(reader: &impl Reader, id: &str) -> Result<Option<ToldEvent>, Fault> {
    let row = Entity::find_by_id(id).one(reader.connection()).await;
    Ok(row.map_err(while_doing(READING))?.map(|row| ToldEvent {
        id: row.id,
        kind: row.kind,
        at: clock::from_millis(row.at),
        client: row.client_id,
        user: row.user_id,
        family: row.family_id,
        address: row.address,
        request_id: row.request_id,
        detail: row.detail,
        actor: row.actor,
    }))
}

async fn write(tx: &Tx, rows: Vec<ActiveModel>) -> Result<u64, Fault> {
    let inserted = Entity::insert_many(rows)
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await;
    inserted.map_err(while_doing(WRITING))
}

fn row(tx: &Tx, event: &Event, id: String) -> ActiveModel {
    let origin = actor::origin_of(event, tx.acting());
    ActiveModel {
        id: Set(id),
        at: Set(millis(tx.now())),
        kind: Set(event.kind.as_str().to_owned()),
        client_id: Set(event.client.as_ref().map(|id| id.as_str().to_owned())),
        user_id: Set(event.user.as_ref().map(|id| id.as_str().to_owned())),
        family_id: Set(event.family.as_ref().map(|id| id.as_str().to_owned())),
        address: Set(origin.address.clone()),
        request_id: Set(origin.request_id.clone()),
        detail: Set(event.detail.clone()),
        times: Set(1),
        actor: Set(tx.acting().map(|acting| acting.actor.to_text())),
    }
}

/// A search for events.
#[derive(Clone, Debug, Default)]
pub struct EventSearch {
    /// Only events at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// Only events before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Only events of this kind.
    pub kind: Option<String>,
    /// Only events that concern this client.
    pub client: Option<String>,
    /// Only events that concern this user.
    pub user: Option<String>,
    /// Only events with this detail.
    pub detail: Option<String>,
}

/// An event as it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedEvent {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: String,
    /// The client concerned.
    pub client_id: Option<String>,
    /// The user concerned.
    pub user_id: Option<String>,
    /// The family concerned.
    pub family_id: Option<String>,
    /// The client address.
    pub address: Option<String>,
    /// The request id that the answer and the log carry.
    pub request_id: Option<String>,
    /// One more word about the event.
    pub detail: Option<String>,
    /// How often it happened: the failed sign-ins of one minute are one event.
    pub times: i64,
    /// Who caused it in the administration: `operator`, `person:` and a `sub`, `client:` and a client
    /// id, or `app:` and the client id of an app that changed its own registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    #[serde(skip)]
    id: String,
}

/// Where an event stands in the order of events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Its id.
    pub id: String,
}

impl EventPlace {
    /// Reads the place back from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('-')?;
        Some(Self { at: clock::from_millis(at.parse().ok()?), id: id.to_owned() })
    }
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", millis(self.at), self.id)
    }
}

impl RecordedEvent {
    /// Where it stands in the order of events. A page of events begins after such a place.
    #[must_use]
    pub fn place(&self) -> EventPlace {
        EventPlace { at: self.at, id: self.id.clone() }
    }
}

/// A page of events, newest first, beginning after this place.
pub async fn list(
    reader: &impl Reader,
    search: &EventSearch,
    behind: Option<&EventPlace>,
    at_most: u64,
) -> Result<Vec<RecordedEvent>, Fault> {
    let behind = behind.map(|last| {
        let at = millis(last.at);
        let earlier = Condition::any().add(Column::At.lt(at)).add(Column::Id.lt(last.id.as_str()));
        Condition::all().add(Column::At.lte(at)).add(earlier)
    });
    let found = found(search, behind).order_by_desc(Column::At).order_by_desc(Column::Id);
    recorded(reader, found.limit(at_most)).await
}

/// A page of events, oldest first, beginning after this place.
pub async fn later(
    reader: &impl Reader,
    search: &EventSearch,
    behind: Option<&EventPlace>,
    at_most: u64,
) -> Result<Vec<RecordedEvent>, Fault> {
    let behind = behind.map(|last| {
        let at = millis(last.at);
        let later = Condition::any().add(Column::At.gt(at)).add(Column::Id.gt(last.id.as_str()));
        Condition::all().add(Column::At.gte(at)).add(later)
    });
    let found = found(search, behind).order_by_asc(Column::At).order_by_asc(Column::Id);
    recorded(reader, found.limit(at_most)).await
}

/// The events of a search. An index finds the beginning of a page, however many events there are:
/// the one on the instant, or on the person, the client or the kind and the instant.
fn found(search: &EventSearch, behind: Option<Condition>) -> Select<Entity> {
    Entity::find().filter(
        Condition::all()
            .add_option(search.since.map(|since| Column::At.gte(millis(since))))
            .add_option(search.until.map(|until| Column::At.lt(millis(until))))
            .add_option(search.kind.as_deref().map(|kind| Column::Kind.eq(kind)))
            .add_option(search.client.as_deref().map(|client| Column::ClientId.eq(client)))
            .add_option(search.user.as_deref().map(|user| Column::UserId.eq(user)))
            .add_option(search.detail.as_deref().map(|detail| Column::Detail.eq(detail)))
            .add_option(behind),
    )
}

async fn recorded(
    reader: &impl Reader,
    found: Select<Entity>,
) -> Result<Vec<RecordedEvent>, Fault> {
    let rows = found.all(reader.connection()).await;
    let rows = rows.map_err(while_doing(READING))?;
    let by_actors = rows.iter().filter(|row| row.actor.is_some()).map(|row| row.id.as_str());
    let mut changes = audit_changes::of(reader, by_actors).await?;
    Ok(rows.into_iter().map(|row| read(&mut changes, row)).collect())
}

fn read(changes: &mut BTreeMap<String, Change>, row: entity::Model) -> RecordedEvent {
    RecordedEvent {
        at: clock::from_millis(row.at),
        event: row.kind,
        client_id: row.client_id,
        user_id: row.user_id,
        family_id: row.family_id,
        address: row.address,
        request_id: row.request_id,
        detail: row.detail,
        times: row.times,
        actor: row.actor,
        change: changes.remove(&row.id),
        id: row.id,
    }
}

/// Events of a person from which everything else was taken.
#[derive(Clone, Copy, Debug)]
pub struct BaredEvents {
    /// How many there are.
    pub count: u64,
    /// When the last of them happened.
    pub until: Option<DateTime<Utc>>,
}

/// Takes everything except the person, the kind and the time from events of a person whose account
/// is deleted: the oldest that happened at this instant or later, at most this many.
pub async fn bare(
    tx: &Tx,
    user: &UserId,
    since: Option<DateTime<Utc>>,
    at_most: u64,
) -> Result<BaredEvents, Fault> {
    let bare = bare_statement(user, since, at_most);
    let fault = while_doing(WRITING);
    let rows = tx.connection().query_all(&bare).await.map_err(&fault)?;
    let instants: Vec<i64> =
        rows.iter().map(|row| row.try_get("", "at")).collect::<Result<_, _>>().map_err(&fault)?;
    let until = instants.iter().max().map(|at| clock::from_millis(*at));
    Ok(BaredEvents { count: instants.len() as u64, until })
}

fn bare_statement(user: &UserId, since: Option<DateTime<Utc>>, at_most: u64) -> UpdateStatement {
    let traces =
        [Column::ClientId, Column::FamilyId, Column::Address, Column::RequestId, Column::Detail];
    let has_some = traces.iter().fold(Condition::any(), |any, one| any.add(one.is_not_null()));
    // In the order of the index, so the instant of the last one says how far this is done.
    let some = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::UserId.eq(user.as_str()))
        .and_where_option(since.map(|since| Column::At.gte(millis(since))))
        .cond_where(has_some)
        .order_by(Column::At, Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .limit(at_most)
        .to_owned();
    let nothing = || Expr::value(Option::<String>::None);
    Query::update()
        .table(Entity)
        .values(traces.map(|one| (one, nothing())))
        .and_where(Column::Id.in_subquery(some))
        .returning(Query::returning().column(Column::At))
        .to_owned()
}

/// Deletes events from before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Id, ColumnTrait::lt(&Column::At, millis(before)), at_most).await
}

/// The same for events of failed sign-ins, which anybody can cause.
pub async fn forget_failures(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    use sea_orm::ExprTrait;
    // Written exactly as in the index: with a parameter, the database would not use the index.
    let failures = Expr::cust("kind IN ('sign_in.failed', 'sign_in.throttled')");
    let old = failures.and(ColumnTrait::lt(&Column::At, millis(before)));
    housekeep(tx, Entity, Column::Id, old, at_most).await
}

/// The same for what apps did with their own registration, which anybody can do.
pub async fn forget_of_apps(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    use sea_orm::ExprTrait;
    // Written exactly as in the index.
    let of_apps = Expr::cust("substr(actor, 1, 4) = 'app:'");
    let old = of_apps.and(ColumnTrait::lt(&Column::At, millis(before)));
    housekeep(tx, Entity, Column::Id, old, at_most).await
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::PostgresQueryBuilder;

    use super::*;

    #[test]
    fn a_step_begins_in_an_index_where_the_step_before_it_ended() {
        let user = UserId::from_stored("id7".to_owned());
        let bare = bare_statement(&user, Some(clock::from_millis(15_000)), 2000);
        let words = bare.to_string(PostgresQueryBuilder);
        let words = words.replace("\"audit_event\".", "").replace('"', "");
        let (_, some) = words.split_once("IN (SELECT id FROM audit_event WHERE ").expect("a part");
        assert_eq!(
            some,
            "user_id = 'id7' AND at >= 15000 AND (client_id IS NOT NULL OR family_id IS NOT NULL \
             OR address IS NOT NULL OR request_id IS NOT NULL OR detail IS NOT NULL) \
             ORDER BY at ASC, id ASC LIMIT 2000) RETURNING at"
        );
    }
}
