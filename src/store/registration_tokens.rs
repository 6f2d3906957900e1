//! `registration_token`: the tokens with which apps register themselves, RFC 7591 §3, as hashes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::registration_token::RegistrationTokenRecord;
use crate::domain::secret::{Hashed, RegistrationToken};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "registration_token")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub uses_left: i64,
            pub created_at: i64,
            pub expires_at: i64,
            pub id: Option<String>,
            pub name: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const READING: &str = "reading the table registration_token";
const WRITING: &str = "writing the table registration_token";

impl From<Model> for RegistrationTokenRecord {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.unwrap_or_default(),
            name: row.name,
            uses_left: u32::try_from(row.uses_left).unwrap_or_default(),
            created_at: clock::from_millis(row.created_at),
            expires_at: clock::from_millis(row.expires_at),
        }
    }
}

/// Writes a new token.
pub async fn insert(
    tx: &Tx,
    new: &RegistrationTokenRecord,
    hash: Hashed<RegistrationToken>,
) -> Result<(), Fault> {
    let row = ActiveModel {
        hash: Set(hash.to_stored()),
        uses_left: Set(i64::from(new.uses_left)),
        created_at: Set(millis(new.created_at)),
        expires_at: Set(millis(new.expires_at)),
        id: Set(Some(new.id.clone())),
        name: Set(new.name.clone()),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Every token, the oldest first. One that a server of an earlier version made has no id.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<RegistrationTokenRecord>, Fault> {
    let rows = Entity::find()
        .filter(Column::Id.is_not_null())
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(reader.connection())
        .await;
    let rows = rows.map_err(while_doing(READING))?;
    Ok(rows.into_iter().map(RegistrationTokenRecord::from).collect())
}

/// The token with this id.
pub async fn of_id(
    reader: &impl Reader,
    id: &str,
) -> Result<Option<RegistrationTokenRecord>, Fault> {
    let row = Entity::find().filter(Column::Id.eq(id)).one(reader.connection()).await;
    Ok(row.map_err(while_doing(READING))?.map(RegistrationTokenRecord::from))
}

/// The token with this id, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &str) -> Result<Option<RegistrationTokenRecord>, Fault> {
    let row = Entity::find().filter(Column::Id.eq(id)).lock_exclusive().one(tx.connection()).await;
    Ok(row.map_err(while_doing(READING))?.map(RegistrationTokenRecord::from))
}

/// Deletes the token of this id; `false` when there is none.
pub async fn delete(tx: &Tx, id: &str) -> Result<bool, Fault> {
    let deleted = Entity::delete_many().filter(Column::Id.eq(id)).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// Whether this token is good for one more registration.
pub async fn is_good(
    reader: &impl Reader,
    hash: Hashed<RegistrationToken>,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let found = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    let found = found.map_err(while_doing(READING))?;
    Ok(found.is_some_and(|row| row.uses_left > 0 && row.expires_at > millis(now)))
}

/// Takes one use of this token; `false` when there is none left.
pub async fn spend(tx: &Tx, hash: Hashed<RegistrationToken>) -> Result<bool, Fault> {
    let spent = Entity::update_many()
        .col_expr(Column::UsesLeft, Expr::col(Column::UsesLeft).sub(1))
        .filter(Column::Hash.eq(hash.to_stored()))
        .filter(Column::UsesLeft.gt(0))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(spent.rows_affected == 1)
}

/// The id of this token. One that a server of an earlier version made has none.
pub async fn id_of(
    reader: &impl Reader,
    hash: Hashed<RegistrationToken>,
) -> Result<Option<String>, Fault> {
    let found = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    Ok(found.map_err(while_doing(READING))?.and_then(|row| row.id))
}

/// Deletes tokens that ended before this instant or are used up, at most this many; returns how many.
pub async fn forget(tx: &Tx, ended: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let over = Column::ExpiresAt.lt(millis(ended)).or(Column::UsesLeft.lte(0));
    let some =
        Query::select().column(Column::Hash).from(Entity).and_where(over).limit(at_most).to_owned();
    let deleted = Entity::delete_many().filter(Column::Hash.in_subquery(some));
    let deleted = deleted.exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}
