//! `group_member`: who is in which group.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Order, Query, SelectStatement};
use sea_orm::{ExprTrait, FromQueryResult, JoinType, QueryOrder, QueryResult, QuerySelect};

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::statement::ROWS;
use super::tx::Tx;
use super::{admin_roles, groups};
use crate::domain::group::{Group, GroupId};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "group_member")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub group_id: String,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table group_member";
const WRITING: &str = "writing the table group_member";

/// Adds a person to a group; `false` when they are in it.
pub async fn insert(tx: &Tx, user: &UserId, group: &GroupId) -> Result<bool, Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        group_id: Set(group.as_str().to_owned()),
    };
    let known = OnConflict::columns([Column::UserId, Column::GroupId]).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

/// Adds people who are in no group yet to a group.
pub async fn insert_many(tx: &Tx, group: &GroupId, users: &[&UserId]) -> Result<(), Fault> {
    for some in users.chunks(ROWS) {
        let row = |user: &&UserId| ActiveModel {
            user_id: Set(user.as_str().to_owned()),
            group_id: Set(group.as_str().to_owned()),
        };
        let inserted = Entity::insert_many(some.iter().map(row));
        let inserted = inserted.exec_without_returning(tx.connection()).await;
        inserted.map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// Removes a person from a group; `false` when they are not in it.
pub async fn delete(tx: &Tx, user: &UserId, group: &GroupId) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), group.as_str().to_owned());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// The ids of the members of a group in their order, after this one.
pub(super) fn ids(group: &GroupId, behind: Option<&str>) -> SelectStatement {
    Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::GroupId.eq(group.as_str()))
        .and_where_option(behind.map(|id| ColumnTrait::gt(&Column::UserId, id)))
        .order_by(Column::UserId, Order::Asc)
        .to_owned()
}

/// The names of the groups of these people, read by one statement: the person and the name, in the
/// order of the names. The caller limits the number of people.
pub async fn of_each(
    reader: &impl Reader,
    users: &[&UserId],
) -> Result<Vec<(UserId, String)>, Fault> {
    let group = (groups::entity::Entity, groups::entity::Column::Id);
    let select = Query::select()
        .column((Entity, Column::UserId))
        .column((groups::entity::Entity, groups::entity::Column::Name))
        .from(Entity)
        .join(
            JoinType::InnerJoin,
            groups::entity::Entity,
            Expr::col(group).equals((Entity, Column::GroupId)),
        )
        .and_where(Expr::col((Entity, Column::UserId)).is_in(users.iter().map(|id| id.as_str())))
        .to_owned();
    let fault = while_doing(TABLE);
    let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
    let text = |row: &QueryResult, name| row.try_get::<String>("", name).map_err(&fault);
    let read =
        |row: &QueryResult| Ok((UserId::from_stored(text(row, "user_id")?), text(row, "name")?));
    let mut found = rows.iter().map(read).collect::<Result<Vec<_>, Fault>>()?;
    found.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(found)
}

/// The groups of these people, read by one statement: the person and the group, in the order of the
/// names. The caller limits the number of people.
pub async fn groups_of_each(
    reader: &impl Reader,
    users: &[&UserId],
) -> Result<Vec<(UserId, Group)>, Fault> {
    let column = |column| (groups::entity::Entity, column);
    let id = column(groups::entity::Column::Id);
    let select = Query::select()
        .column((Entity, Column::UserId))
        .column(id)
        .column(column(groups::entity::Column::Name))
        .column(column(groups::entity::Column::CreatedAt))
        .from(Entity)
        .join(
            JoinType::InnerJoin,
            groups::entity::Entity,
            Expr::col(id).equals((Entity, Column::GroupId)),
        )
        .and_where(Expr::col((Entity, Column::UserId)).is_in(users.iter().map(|id| id.as_str())))
        .to_owned();
    let fault = while_doing(TABLE);
    let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
    let read = |row: &QueryResult| {
        let user = row.try_get("", "user_id").map_err(&fault)?;
        let group = groups::entity::Model::from_query_result(row, "").map_err(&fault)?;
        Ok((UserId::from_stored(user), Group::try_from(group)?))
    };
    let mut found = rows.iter().map(read).collect::<Result<Vec<_>, Fault>>()?;
    found.sort_by(|one, other| one.1.name.cmp(&other.1.name));
    Ok(found)
}

/// The members of a group, in the order of their ids: so many, after this one.
pub async fn members(
    reader: &impl Reader,
    group: &GroupId,
    behind: Option<&UserId>,
    at_most: u64,
) -> Result<Vec<UserId>, Fault> {
    let mut select = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::GroupId.eq(group.as_str()))
        .order_by_asc(Column::UserId)
        .limit(at_most);
    if let Some(last) = behind {
        select = select.filter(ColumnTrait::gt(&Column::UserId, last.as_str()));
    }
    let ids = select.into_tuple::<String>().all(reader.connection()).await;
    Ok(ids.map_err(while_doing(TABLE))?.into_iter().map(UserId::from_stored).collect())
}

/// The members of a group who have a role in the administration. Whoever has a role is looked for in
/// the index of the group, so the number of its members does not matter.
pub async fn with_roles(tx: &Tx, group: &GroupId) -> Result<Vec<UserId>, Fault> {
    let some = ids(group, None)
        .and_where(is_one_of(tx, Column::UserId, admin_roles::every_holder()))
        .to_owned();
    let fault = while_doing(TABLE);
    let rows = tx.connection().query_all(&some).await.map_err(&fault)?;
    let id =
        |row: &QueryResult| Ok(UserId::from_stored(row.try_get("", "user_id").map_err(&fault)?));
    rows.iter().map(id).collect()
}

/// Removes members of a group, at most so many; returns how many.
pub async fn delete_some(tx: &Tx, group: &GroupId, at_most: u64) -> Result<u64, Fault> {
    let some = Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::GroupId.eq(group.as_str()))
        .limit(at_most)
        .to_owned();
    let deleted = Entity::delete_many()
        .filter(Column::GroupId.eq(group.as_str()))
        .filter(is_one_of(tx, Column::UserId, some))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}
