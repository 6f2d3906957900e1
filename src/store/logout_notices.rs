//! `logout_notice`: the outbox of Back-Channel Logout. A notice stays until its client took it or
//! there is no more hope.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType, Query};
use sea_orm::{ExprTrait, Order, QueryOrder};

use super::column::{corrupt, millis};
use super::{Reader, Tx, while_doing};
use crate::domain::client::ClientId;
use crate::domain::family::FamilyId;
use crate::domain::logout_notice::LogoutNotice;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

#[expect(unreachable_pub, reason = "the entity macros write `pub`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
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

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table logout_notice";
const WRITING: &str = "writing the table logout_notice";

/// Writes notices that are due at once.
pub async fn insert(tx: &Tx, notices: &[LogoutNotice]) -> Result<(), Fault> {
    for some in notices.chunks(super::ROWS) {
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

/// Takes notices of one client that are due. Nobody else takes them before the lease ends, and after it somebody
/// does: a process that dies in between loses none.
pub async fn take_due(
    tx: &Tx,
    client: &ClientId,
    lease: Duration,
    at_most: u64,
) -> Result<Vec<LogoutNotice>, Fault> {
    let due = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Expr::col(Column::ClientId).eq(client.as_str()))
        .and_where(Expr::col(Column::DueAt).lte(millis(tx.now())))
        .order_by(Column::DueAt, Order::Asc)
        .limit(at_most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let take = Query::update()
        .table(Entity)
        .value(Column::Attempts, Expr::col(Column::Attempts).add(1_i64))
        .value(Column::DueAt, millis(tx.now() + lease))
        .and_where(Expr::col(Column::Id).in_subquery(due))
        .returning(Query::returning().columns([
            Column::Id,
            Column::ClientId,
            Column::UserId,
            Column::FamilyId,
            Column::Attempts,
        ]))
        .to_owned();
    let rows = tx.connection().query_all(&take).await.map_err(while_doing(WRITING))?;
    rows.iter()
        .map(|row| {
            let read = while_doing(TABLE);
            let client: String = row.try_get("", "client_id").map_err(&read)?;
            Ok(LogoutNotice {
                id: row.try_get("", "id").map_err(&read)?,
                client: ClientId::parse(&client).ok_or_else(|| corrupt(TABLE, "a client id"))?,
                user: UserId::from_stored(row.try_get("", "user_id").map_err(&read)?),
                family: FamilyId::from_stored(row.try_get("", "family_id").map_err(&read)?),
                attempts: row.try_get("", "attempts").map_err(&read)?,
            })
        })
        .collect()
}

/// Tries a notice again at this instant.
pub async fn put_off(tx: &Tx, id: &str, until: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(millis(until)))
        .filter(Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Removes a notice: it was taken, or there is no more hope.
pub async fn delete(tx: &Tx, id: &str) -> Result<(), Fault> {
    let deleted = Entity::delete_by_id(id).exec(tx.connection()).await;
    deleted.map(drop).map_err(while_doing(WRITING))
}

/// Clients to which notices are due, but for those that are busy, at most so many. A client costs two
/// steps in an index, however many notices it has.
pub async fn lanes(
    reader: &impl Reader,
    busy: &BTreeSet<ClientId>,
    at_most: usize,
    now: DateTime<Utc>,
) -> Result<Vec<ClientId>, Fault> {
    let (mut lanes, mut last) = (Vec::new(), String::new());
    while lanes.len() < at_most {
        let next = Entity::find()
            .filter(ColumnTrait::gt(&Column::ClientId, last.as_str()))
            .order_by_asc(Column::ClientId);
        let Some(row) = next.one(reader.connection()).await.map_err(while_doing(TABLE))? else {
            break;
        };
        last = row.client_id;
        let client = ClientId::parse(&last).ok_or_else(|| corrupt(TABLE, "a client id"))?;
        if busy.contains(&client) {
            continue;
        }
        let due = Entity::find()
            .filter(Column::ClientId.eq(last.as_str()))
            .filter(ColumnTrait::lte(&Column::DueAt, millis(now)));
        if due.one(reader.connection()).await.map_err(while_doing(TABLE))?.is_some() {
            lanes.push(client);
        }
    }
    Ok(lanes)
}
