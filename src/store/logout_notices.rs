//! `logout_notice`: the outbox of Back-Channel Logout. A notice stays until its client took it or
//! there is no more hope.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};

use super::audit_events;
use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::database::Store;
use super::entity::entity;
use super::lease::{Taken, Waiting, unreadable};
use super::reader::Reader;
use super::statement::ROWS;
use super::tx::Tx;
use crate::domain::audit::{Event, Kind};
use crate::domain::client::ClientId;
use crate::domain::family::FamilyId;
use crate::domain::logout_notice::{self, LogoutNotice};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "logout_notice")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub client_id: String,
            pub user_id: String,
            pub family_id: String,
            pub attempts: i64,
            pub due_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table logout_notice";
const WRITING: &str = "writing the table logout_notice";

/// Writes notices that are due at once.
pub async fn insert(tx: &Tx, notices: &[LogoutNotice]) -> Result<(), Fault> {
    for some in notices.chunks(ROWS) {
        let rows = some.iter().map(|notice| ActiveModel {
            id: Set(notice.id.clone()),
            client_id: Set(notice.client.as_str().to_owned()),
            user_id: Set(notice.user.as_str().to_owned()),
            family_id: Set(notice.family.as_str().to_owned()),
            attempts: Set(notice.attempts),
            due_at: Set(millis(tx.now())),
        });
        let inserted = Entity::insert_many(rows).exec_without_returning(tx.connection()).await;
        inserted.map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// Where they wait.
const WAITING: Waiting<Entity> = Waiting {
    table: Entity,
    name: "logout_notice",
    id: Column::Id,
    due_at: Column::DueAt,
    attempts: Some(Column::Attempts),
    reading: TABLE,
    writing: WRITING,
};

impl TryFrom<Model> for LogoutNotice {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            id: row.id,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))?,
            user: UserId::from_stored(row.user_id),
            family: FamilyId::from_stored(row.family_id),
            attempts: row.attempts,
        })
    }
}

/// Takes notices of one client that are due. Nobody else takes them before the lease ends, and after
/// it somebody does: a process that dies in between loses none.
pub async fn take_due(
    tx: &Tx,
    client: &ClientId,
    lease: Duration,
    at_most: u64,
) -> Result<Vec<LogoutNotice>, Fault> {
    loop {
        let taken = take(tx, client.as_str(), lease, at_most).await?;
        // Where all of them were put aside there may be more.
        let was_some = !taken.is_empty();
        let readable = put_aside(tx, taken).await?;
        if !readable.is_empty() || !was_some {
            return Ok(readable);
        }
    }
}

async fn take(
    tx: &Tx,
    client: &str,
    lease: Duration,
    at_most: u64,
) -> Result<Vec<Taken<Model>>, Fault> {
    WAITING.take(tx, Some(Expr::col(Column::ClientId).eq(client)), lease, at_most).await
}

/// Those that can be read. The others are tried again like one that an app did not take, and given up
/// like it: they keep back nobody.
async fn put_aside(tx: &Tx, taken: Vec<Taken<Model>>) -> Result<Vec<LogoutNotice>, Fault> {
    let mut readable = Vec::new();
    for Taken { id, attempts, row } in taken {
        let Err(fault) = row.and_then(LogoutNotice::try_from).map(|notice| readable.push(notice))
        else {
            continue;
        };
        unreadable(WAITING.name, &id, &fault);
        if let Some(pause) = logout_notice::pause_after(attempts.unwrap_or_default()) {
            put_off(tx, &id, tx.now() + pause).await?;
        } else {
            delete(tx, &id).await?;
            let event = Event::new(Kind::LogoutNoticeGivenUp).detail("unreadable");
            audit_events::insert(tx, &[event]).await?;
        }
    }
    Ok(readable)
}

/// Tries a notice again at this instant.
pub async fn put_off(tx: &Tx, id: &str, until: DateTime<Utc>) -> Result<(), Fault> {
    WAITING.put_off(tx, id, until).await
}

/// Removes a notice: it was taken, or there is no more hope.
pub async fn delete(tx: &Tx, id: &str) -> Result<(), Fault> {
    WAITING.delete(tx, id).await
}

/// Clients to which notices are due, but for those that are busy, at most so many. A client costs two
/// steps in an index, however many notices it has. Notices of what is no client are put aside.
pub async fn lanes(
    store: &Store,
    busy: &BTreeSet<ClientId>,
    at_most: usize,
    now: DateTime<Utc>,
) -> Result<Vec<ClientId>, Fault> {
    let (mut lanes, mut last) = (Vec::new(), String::new());
    while lanes.len() < at_most {
        let next = Entity::find()
            .select_only()
            .column(Column::ClientId)
            .filter(ColumnTrait::gt(&Column::ClientId, last.as_str()))
            .order_by_asc(Column::ClientId)
            .into_tuple::<String>()
            .one(store.connection());
        let Some(client) = next.await.map_err(while_doing(TABLE))? else { break };
        last = client;
        let client = ClientId::parse(&last);
        if client.as_ref().is_some_and(|client| busy.contains(client)) {
            continue;
        }
        let due = Entity::find()
            .select_only()
            .column(Column::ClientId)
            .filter(Column::ClientId.eq(last.as_str()))
            .filter(ColumnTrait::lte(&Column::DueAt, millis(now)))
            .into_tuple::<String>()
            .one(store.connection());
        if due.await.map_err(while_doing(TABLE))?.is_none() {
            continue;
        }
        match client {
            Some(client) => lanes.push(client),
            None => put_aside_of(store, &last, now).await?,
        }
    }
    Ok(lanes)
}

/// Puts aside notices whose client is none.
async fn put_aside_of(store: &Store, client: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    let tx = store.begin(now).await?;
    let taken = take(&tx, client, Duration::zero(), ROWS as u64).await?;
    put_aside(&tx, taken).await?;
    tx.commit().await
}
