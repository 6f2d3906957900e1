//! `attribute_value`: the values that people have of the attributes that operators declared.

use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use serde_json::Value;

use super::cause::while_doing;
use super::column::corrupt;
use super::counting::count;
use super::entity::entity;
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::statement::ROWS;
use super::tx::Tx;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "attribute_value")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub value: String,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table attribute_value";
const WRITING: &str = "writing the table attribute_value";

/// Writes the value that a person has of an attribute.
pub async fn put(tx: &Tx, user: &UserId, name: &str, value: &Value) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        name: Set(name.to_owned()),
        value: Set(value.to_string()),
    };
    let over =
        OnConflict::columns([Column::UserId, Column::Name]).update_column(Column::Value).to_owned();
    let put = Entity::insert(row).on_conflict(over).exec_without_returning(tx.connection()).await;
    put.map(drop).map_err(while_doing(WRITING))
}

/// Writes values of people who have none yet: the person, the name and the value.
pub async fn insert_many<'a>(
    tx: &Tx,
    values: impl Iterator<Item = (&'a UserId, &'a String, &'a Value)>,
) -> Result<(), Fault> {
    let row = |(user, name, value): (&UserId, &String, &Value)| ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        name: Set(name.clone()),
        value: Set(value.to_string()),
    };
    let rows: Vec<_> = values.map(row).collect();
    for some in rows.chunks(ROWS) {
        let inserted = Entity::insert_many(some.to_vec());
        let inserted = inserted.exec_without_returning(tx.connection()).await;
        inserted.map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// Removes the value that a person has of an attribute.
pub async fn delete(tx: &Tx, user: &UserId, name: &str) -> Result<(), Fault> {
    let key = (user.as_str().to_owned(), name.to_owned());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    deleted.map(drop).map_err(while_doing(WRITING))
}

/// The values of these people, read by one statement, in the order of the names: the person, the
/// name and the value. The caller limits the number of people.
pub async fn of_each(
    reader: &impl Reader,
    users: &[&UserId],
) -> Result<Vec<(UserId, String, Value)>, Fault> {
    let users = users.iter().map(|user| user.as_str());
    let select = Entity::find().filter(Column::UserId.is_in(users)).order_by_asc(Column::Name);
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    let read = |row: Model| {
        let value = serde_json::from_str(&row.value);
        let value = value.map_err(|error| corrupt(TABLE, error.to_string()))?;
        Ok((UserId::from_stored(row.user_id), row.name, value))
    };
    rows.into_iter().map(read).collect()
}

/// How many people have a value of an attribute, counted up to this limit.
pub async fn count_of(reader: &impl Reader, name: &str, at_most: u64) -> Result<u64, Fault> {
    let some = Query::select()
        .expr_as(Expr::val(1), "one")
        .from(Entity)
        .and_where(Column::Name.eq(name))
        .limit(at_most)
        .to_owned();
    count(reader, some, TABLE).await
}

/// Removes values of an attribute, at most so many; returns how many.
pub async fn delete_some(tx: &Tx, name: &str, at_most: u64) -> Result<u64, Fault> {
    let some = Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::Name.eq(name))
        .limit(at_most)
        .to_owned();
    let deleted = Entity::delete_many()
        .filter(Column::Name.eq(name))
        .filter(is_one_of(tx, Column::UserId, some))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}
