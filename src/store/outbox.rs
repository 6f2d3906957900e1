//! `outbox`: the messages that are to be sent to others. A message stays until its receiver has
//! accepted it or it is given up.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Query};
use sea_orm::{ConnectionTrait, ExprTrait, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::database::Store;
use super::entity::entity;
use super::lease::{Taken, Waiting};
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::statement::ROWS;
use super::tx::Tx;
use crate::domain::message::{Message, Queued};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "outbox")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub kind: String,
            pub target: String,
            pub payload: String,
            pub attempts: i64,
            pub created_at: i64,
            pub due_at: i64,
            pub expires_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table outbox";
const WRITING: &str = "writing the table outbox";

/// The columns by which messages wait for delivery.
const WAITING: Waiting<Entity> = Waiting {
    table: Entity,
    name: "outbox",
    id: Column::Id,
    due_at: Column::DueAt,
    attempts: Some(Column::Attempts),
    reading: TABLE,
    writing: WRITING,
};

impl<M: Message> TryFrom<Model> for Queued<M> {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let message = serde_json::from_str(&row.payload);
        let message = message.map_err(|error| corrupt(TABLE, format!("the payload: {error}")))?;
        let expires_at = instant(row.expires_at);
        Ok(Self { id: row.id, message, attempts: row.attempts, expires_at })
    }
}

/// Writes messages that are due at once.
pub async fn insert<M: Message>(tx: &Tx, messages: &[Queued<M>]) -> Result<(), Fault> {
    let row = |queued: &Queued<M>| {
        let payload = serde_json::to_string(&queued.message);
        Ok(ActiveModel {
            id: Set(queued.id.clone()),
            kind: Set(M::KIND.to_owned()),
            target: Set(queued.message.target().to_owned()),
            payload: Set(payload.map_err(|error| Fault::internal(WRITING, error))?),
            attempts: Set(queued.attempts),
            created_at: Set(millis(tx.now())),
            due_at: Set(millis(tx.now())),
            expires_at: Set(queued.expires_at.map(millis)),
        })
    };
    for some in messages.chunks(ROWS) {
        let rows = some.iter().map(row).collect::<Result<Vec<_>, Fault>>()?;
        let inserted = Entity::insert_many(rows).exec_without_returning(tx.connection()).await;
        inserted.map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// Takes messages for one receiver that are due. No other process takes them before the lease ends.
/// If this process dies, another one takes them after the lease, so none is lost. Messages that
/// cannot be read are returned too.
pub async fn take_due<M: Message>(
    tx: &Tx,
    target: &str,
    lease: Duration,
    at_most: u64,
) -> Result<Vec<Taken<Queued<M>>>, Fault> {
    let lane = Column::Kind.eq(M::KIND).and(Column::Target.eq(target));
    let taken = WAITING.take(tx, Some(lane), lease, at_most).await?;
    Ok(taken.into_iter().map(|one| one.and_then(Queued::try_from)).collect())
}

/// Postpones a message to this instant.
pub async fn put_off(tx: &Tx, id: &str, until: DateTime<Utc>) -> Result<(), Fault> {
    WAITING.put_off(tx, id, until).await
}

/// Deletes a message that was accepted or given up.
pub async fn delete(tx: &Tx, id: &str) -> Result<(), Fault> {
    WAITING.delete(tx, id).await
}

/// Deletes messages of this kind for one receiver, at most so many; returns how many.
pub async fn drop_some(
    tx: &Tx,
    kind: &'static str,
    target: &str,
    at_most: u64,
) -> Result<u64, Fault> {
    let some = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Kind.eq(kind))
        .and_where(Column::Target.eq(target))
        .limit(at_most)
        .to_owned();
    let deleted = Entity::delete_many()
        .filter(is_one_of(tx, Column::Id, some))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}

/// Makes all messages of this kind for one receiver due at once; returns how many wait.
pub async fn hurry(tx: &Tx, kind: &'static str, target: &str) -> Result<u64, Fault> {
    let now = millis(tx.now());
    let hurried = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now))
        .filter(Column::Kind.eq(kind))
        .filter(Column::Target.eq(target))
        .filter(ColumnTrait::gt(&Column::DueAt, now))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(hurried.rows_affected)
}

/// Logs and counts a message that cannot be read. It is put aside, and the other messages are still
/// sent.
pub fn unreadable(id: &str, fault: &Fault) {
    super::lease::unreadable(WAITING.name, id, fault);
}

/// The receivers for which messages of this kind are due, without those that are busy, at most this
/// many: first those behind this one, then the others, so that the many receivers of one app keep back
/// nobody. A receiver costs two steps in an index, however many messages wait for it.
pub async fn lanes(
    store: &Store,
    kind: &'static str,
    busy: &BTreeSet<String>,
    at_most: usize,
    now: DateTime<Utc>,
    behind: &str,
) -> Result<Vec<String>, Fault> {
    let (mut lanes, mut last, mut is_round) = (Vec::new(), behind.to_owned(), behind.is_empty());
    while lanes.len() < at_most {
        let mut next = Entity::find()
            .select_only()
            .column(Column::Target)
            .filter(Column::Kind.eq(kind))
            .filter(ColumnTrait::gt(&Column::Target, last.as_str()))
            .order_by_asc(Column::Target);
        if is_round && !behind.is_empty() {
            next = next.filter(ColumnTrait::lte(&Column::Target, behind));
        }
        let next = next.into_tuple::<String>().one(store.connection());
        let Some(target) = next.await.map_err(while_doing(TABLE))? else {
            if is_round {
                break;
            }
            (last, is_round) = (String::new(), true);
            continue;
        };
        if !busy.contains(&target) && is_due(store, kind, &target, now).await? {
            lanes.push(target.clone());
        }
        last = target;
    }
    Ok(lanes)
}

/// Whether a message of this kind is due to this receiver.
pub async fn is_due(
    store: &Store,
    kind: &'static str,
    target: &str,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let due = Entity::find()
        .select_only()
        .column(Column::Target)
        .filter(Column::Kind.eq(kind))
        .filter(Column::Target.eq(target))
        .filter(ColumnTrait::lte(&Column::DueAt, millis(now)))
        .into_tuple::<String>()
        .one(store.connection());
    Ok(due.await.map_err(while_doing(TABLE))?.is_some())
}

/// What waits for one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// How many messages.
    pub messages: u64,
    /// The attempts of the message that was tried most often, including one that is under way.
    pub attempts: u64,
}

/// What waits of this kind for one receiver, at most so many messages. Those that were put off come
/// first: they are due the latest.
pub async fn lane(
    reader: &impl Reader,
    kind: &'static str,
    target: &str,
    at_most: u64,
) -> Result<Lane, Fault> {
    let attempts = Entity::find()
        .select_only()
        .column(Column::Attempts)
        .filter(Column::Kind.eq(kind))
        .filter(Column::Target.eq(target))
        .order_by_desc(Column::DueAt)
        .limit(at_most)
        .into_tuple::<i64>()
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    let most = attempts.iter().max().map_or(0, |most| most.unsigned_abs());
    Ok(Lane { messages: u64::try_from(attempts.len()).unwrap_or(u64::MAX), attempts: most })
}

/// The number of waiting messages of this kind, counted up to this limit.
pub async fn count(reader: &impl Reader, kind: &'static str, at_most: u64) -> Result<u64, Fault> {
    let some = Query::select()
        .expr_as(Expr::val(1), "one")
        .from(Entity)
        .and_where(Column::Kind.eq(kind))
        .limit(at_most)
        .to_owned();
    let count = Query::select()
        .expr_as(Expr::cust("count(*)"), "n")
        .from_subquery(some, Alias::new("some"))
        .to_owned();
    let row = reader.connection().query_one(&count).await.map_err(while_doing(TABLE))?;
    let count = row.map(|row| row.try_get::<i64>("", "n")).transpose();
    let count = count.map_err(while_doing(TABLE))?.unwrap_or_default();
    Ok(count.unsigned_abs())
}
