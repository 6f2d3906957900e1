//! `passkey`: the passkeys of accounts. The key is the identifier that the authenticator chose; no
//! two accounts share one.

use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use uuid::Uuid;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::passkey::Passkey;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "passkey")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Vec<u8>,
            pub user_id: String,
            pub credential: String,
            pub counter: i64,
            pub backed_up: bool,
            pub aaguid: Vec<u8>,
            pub name: Option<String>,
            pub created_at: i64,
            pub used_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table passkey";
const WRITING: &str = "writing the table passkey";

impl TryFrom<Model> for Passkey {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            id: row.id,
            user: UserId::from_stored(row.user_id),
            credential: row.credential,
            counter: u32::try_from(row.counter).map_err(|_| corrupt(TABLE, "a bad counter"))?,
            backed_up: row.backed_up,
            aaguid: Uuid::from_slice(&row.aaguid).map_err(|_| corrupt(TABLE, "a bad AAGUID"))?,
            name: row.name,
            created_at: clock::from_millis(row.created_at),
            used_at: instant(row.used_at),
        })
    }
}

/// The passkey with this identifier.
pub async fn find(reader: &impl Reader, id: &[u8]) -> Result<Option<Passkey>, Fault> {
    let row = Entity::find_by_id(id.to_vec()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Passkey::try_from).transpose()
}

/// Every passkey of a person, oldest first. The number of them is bounded when one is added.
pub async fn of_user(reader: &impl Reader, user: &UserId) -> Result<Vec<Passkey>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Passkey::try_from).collect()
}

/// Adds a passkey to its account; `false` when its identifier belongs to an account already.
pub async fn insert(tx: &Tx, passkey: &Passkey) -> Result<bool, Fault> {
    let row = ActiveModel {
        id: Set(passkey.id.clone()),
        user_id: Set(passkey.user.as_str().to_owned()),
        credential: Set(passkey.credential.clone()),
        counter: Set(passkey.counter.into()),
        backed_up: Set(passkey.backed_up),
        aaguid: Set(passkey.aaguid.as_bytes().to_vec()),
        name: Set(passkey.name.clone()),
        created_at: Set(millis(passkey.created_at)),
        used_at: Set(passkey.used_at.map(millis)),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(inserted == 1)
}

/// Records that a passkey was used, with the counter of this use; `false` when it does not belong
/// to this person any more, or when another use counted as far meanwhile. An authenticator that
/// does not count always says 0.
pub async fn used(tx: &Tx, passkey: &Passkey, counter: u32) -> Result<bool, Fault> {
    let is_next =
        if counter == 0 { Column::Counter.eq(0) } else { Column::Counter.lt(i64::from(counter)) };
    let used = Entity::update_many()
        .col_expr(Column::Counter, Expr::value(i64::from(counter)))
        .col_expr(Column::UsedAt, Expr::value(millis(tx.now())))
        .filter(Column::Id.eq(passkey.id.clone()))
        .filter(Column::UserId.eq(passkey.user.as_str()))
        .filter(is_next)
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(used.rows_affected == 1)
}

/// Gives a passkey another name; `false` when it does not belong to this person any more.
pub async fn rename(tx: &Tx, passkey: &Passkey, name: Option<&str>) -> Result<bool, Fault> {
    let renamed = Entity::update_many()
        .col_expr(Column::Name, Expr::value(name))
        .filter(Column::Id.eq(passkey.id.clone()))
        .filter(Column::UserId.eq(passkey.user.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(renamed.rows_affected == 1)
}

/// Removes a passkey from its account; `false` when it does not belong to this person any more.
pub async fn delete(tx: &Tx, passkey: &Passkey) -> Result<bool, Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::Id.eq(passkey.id.clone()))
        .filter(Column::UserId.eq(passkey.user.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected == 1)
}
