//! `client_role_holder`: who has which role at a client.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Order, Query, SelectStatement};
use sea_orm::{ExprTrait, JoinType, QueryResult};

use super::cause::while_doing;
use super::client_roles;
use super::column::corrupt;
use super::entity::entity;
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::client_role::ClientRoleId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "client_role_holder")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub role_id: String,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table client_role_holder";
const WRITING: &str = "writing the table client_role_holder";

/// A role of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    /// The person.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// The name of the role.
    pub name: String,
}

/// Gives a role to a person; `false` when they have it.
pub async fn insert(tx: &Tx, user: &UserId, role: &ClientRoleId) -> Result<bool, Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        role_id: Set(role.as_str().to_owned()),
    };
    let known = OnConflict::columns([Column::UserId, Column::RoleId]).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

/// Takes a role from a person; `false` when they do not have it.
pub async fn delete(tx: &Tx, user: &UserId, role: &ClientRoleId) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), role.as_str().to_owned());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// The ids of the holders of a role in their order, after this one.
pub(super) fn ids(role: &ClientRoleId, behind: Option<&str>) -> SelectStatement {
    Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::RoleId.eq(role.as_str()))
        .and_where_option(behind.map(|id| ColumnTrait::gt(&Column::UserId, id)))
        .order_by(Column::UserId, Order::Asc)
        .to_owned()
}

/// The roles of these people, read by one statement, in the order of client and name. The caller
/// limits the number of people.
pub async fn of_each(reader: &impl Reader, users: &[&UserId]) -> Result<Vec<HeldRole>, Fault> {
    let role = (client_roles::entity::Entity, client_roles::entity::Column::Id);
    let select = Query::select()
        .column((Entity, Column::UserId))
        .column((client_roles::entity::Entity, client_roles::entity::Column::ClientId))
        .column((client_roles::entity::Entity, client_roles::entity::Column::Name))
        .from(Entity)
        .join(
            JoinType::InnerJoin,
            client_roles::entity::Entity,
            Expr::col(role).equals((Entity, Column::RoleId)),
        )
        .and_where(Expr::col((Entity, Column::UserId)).is_in(users.iter().map(|id| id.as_str())))
        .to_owned();
    let fault = while_doing(TABLE);
    let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
    let text = |row: &QueryResult, name| row.try_get::<String>("", name).map_err(&fault);
    let read = |row: &QueryResult| {
        let client = ClientId::parse(&text(row, "client_id")?);
        Ok(HeldRole {
            user: UserId::from_stored(text(row, "user_id")?),
            client: client.ok_or_else(|| corrupt(TABLE, "a bad client id"))?,
            name: text(row, "name")?,
        })
    };
    let mut found = rows.iter().map(read).collect::<Result<Vec<_>, Fault>>()?;
    found.sort_by(|one, other| (&one.client, &one.name).cmp(&(&other.client, &other.name)));
    Ok(found)
}

/// Takes a role from some of its holders, at most so many; returns how many.
pub async fn delete_some(tx: &Tx, role: &ClientRoleId, at_most: u64) -> Result<u64, Fault> {
    let some = Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::RoleId.eq(role.as_str()))
        .limit(at_most)
        .to_owned();
    let deleted = Entity::delete_many()
        .filter(Column::RoleId.eq(role.as_str()))
        .filter(is_one_of(tx, Column::UserId, some))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}
