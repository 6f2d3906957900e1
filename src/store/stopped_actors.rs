//! `stopped_actor`: the clients that may not act for a person any more (RFC 8693), because they said so.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "stopped_actor")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub client_id: String,
            pub stopped_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table stopped_actor";
const WRITING: &str = "writing the table stopped_actor";

/// Records that this client may not act for the person any more; `false` if that is so already.
pub async fn insert(tx: &Tx, user: &UserId, client: &ClientId) -> Result<bool, Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        client_id: Set(client.as_str().to_owned()),
        stopped_at: Set(millis(tx.now())),
    };
    let known = OnConflict::columns([Column::UserId, Column::ClientId]).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

/// Whether this client may not act for the person.
pub async fn has(reader: &impl Reader, user: &UserId, client: &ClientId) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), client.as_str().to_owned());
    let row = Entity::find_by_id(key).one(reader.connection()).await;
    Ok(row.map_err(while_doing(TABLE))?.is_some())
}

/// The clients that may not act for a person, at most this many.
pub async fn of_user(
    reader: &impl Reader,
    user: &UserId,
    at_most: u64,
) -> Result<Vec<ClientId>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .order_by_asc(Column::ClientId)
        .limit(at_most)
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    let read = |row: entity::Model| {
        ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))
    };
    rows.into_iter().map(read).collect()
}

/// Lets a client act for the person again; `false` if it was not stopped.
pub async fn delete(tx: &Tx, user: &UserId, client: &ClientId) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), client.as_str().to_owned());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}
