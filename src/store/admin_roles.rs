//! `admin_role`: the roles of people in the administration.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Order, Query, SelectStatement};
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::admin_role::AdminRole;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "admin_role")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub role: String,
            pub granted_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table admin_role";
const WRITING: &str = "writing the table admin_role";

/// Gives a person a role; `false` if they have it.
pub async fn insert(tx: &Tx, user: &UserId, role: AdminRole) -> Result<bool, Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        role: Set(role.as_str().to_owned()),
        granted_at: Set(millis(tx.now())),
    };
    let once = OnConflict::columns([Column::UserId, Column::Role]).do_nothing().to_owned();
    let inserted =
        Entity::insert(row).on_conflict(once).exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

/// Takes a role from a person; `false` if they do not have it.
pub async fn delete(tx: &Tx, user: &UserId, role: AdminRole) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), role.as_str().to_owned());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// The ids of those who have this role in their order, after this one.
pub(super) fn ids(role: AdminRole, behind: Option<&str>) -> SelectStatement {
    Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::Role.eq(role.as_str()))
        .and_where_option(behind.map(|id| ColumnTrait::gt(&Column::UserId, id)))
        .order_by(Column::UserId, Order::Asc)
        .to_owned()
}

/// The ids of those who have any role.
pub(super) fn every_holder() -> SelectStatement {
    Query::select().column(Column::UserId).from(Entity).to_owned()
}

/// The roles of a person, the one with the most rights first.
pub async fn of_user(reader: &impl Reader, user: &UserId) -> Result<Vec<AdminRole>, Fault> {
    let rows = Entity::find().filter(Column::UserId.eq(user.as_str()));
    let rows = rows.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    let roles = rows.into_iter().map(|row| row.role.parse());
    let mut roles: Vec<AdminRole> =
        roles.collect::<Result<_, _>>().map_err(|_| corrupt(TABLE, "an unknown role"))?;
    roles.sort();
    Ok(roles)
}

/// Everybody who has this role, locked until the transaction ends: another transaction that takes
/// the role from one of them waits.
pub async fn lock_holders(tx: &Tx, role: AdminRole) -> Result<Vec<UserId>, Fault> {
    let rows = Entity::find()
        .filter(Column::Role.eq(role.as_str()))
        .order_by(Column::UserId, Order::Asc)
        .lock_exclusive()
        .all(tx.connection())
        .await;
    let rows = rows.map_err(while_doing(TABLE))?;
    Ok(rows.into_iter().map(|row| UserId::from_stored(row.user_id)).collect())
}
