//! `scim_token`: the tokens of SCIM connectors, as hashes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{instant, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::scim_token::ScimTokenRecord;
use crate::domain::secret::{Hashed, ScimToken};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "scim_token")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub name: String,
            pub hash: Vec<u8>,
            pub created_at: i64,
            pub expires_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table scim_token";
const WRITING: &str = "writing the table scim_token";

impl From<Model> for ScimTokenRecord {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            created_at: clock::from_millis(row.created_at),
            expires_at: instant(row.expires_at),
        }
    }
}

/// Writes a new token.
pub async fn insert(tx: &Tx, new: &ScimTokenRecord, hash: Hashed<ScimToken>) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(new.id.clone()),
        name: Set(new.name.clone()),
        hash: Set(hash.to_stored()),
        created_at: Set(millis(new.created_at)),
        expires_at: Set(new.expires_at.map(millis)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// The token with this hash that counts at this instant.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<ScimToken>,
    now: DateTime<Utc>,
) -> Result<Option<ScimTokenRecord>, Fault> {
    let row = Entity::find().filter(Column::Hash.eq(hash.to_stored())).one(reader.connection());
    let found = row.await.map_err(while_doing(TABLE))?.map(ScimTokenRecord::from);
    Ok(found.filter(|token| token.expires_at.is_none_or(|end| now < end)))
}

/// The token with this id.
pub async fn of_id(reader: &impl Reader, id: &str) -> Result<Option<ScimTokenRecord>, Fault> {
    let row = Entity::find_by_id(id).one(reader.connection()).await;
    Ok(row.map_err(while_doing(TABLE))?.map(ScimTokenRecord::from))
}

/// The token with this id, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &str) -> Result<Option<ScimTokenRecord>, Fault> {
    let row = Entity::find_by_id(id).lock_exclusive().one(tx.connection()).await;
    Ok(row.map_err(while_doing(TABLE))?.map(ScimTokenRecord::from))
}

/// Every token, the oldest first.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<ScimTokenRecord>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Id).all(reader.connection()).await;
    Ok(rows.map_err(while_doing(TABLE))?.into_iter().map(ScimTokenRecord::from).collect())
}

/// Deletes the token of this id; `false` when there is none.
pub async fn delete(tx: &Tx, id: &str) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(id).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}
