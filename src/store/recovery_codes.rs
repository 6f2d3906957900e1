//! `recovery_code`: the recovery codes that were not used yet, by their hash.

use sea_orm::ActiveValue::Set;
use sea_orm::PaginatorTrait;
use sea_orm::entity::prelude::*;

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::recovery_code::HashedRecoveryCode;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "recovery_code")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table recovery_code";
const WRITING: &str = "writing the table recovery_code";

/// How many codes a person has left.
pub async fn left(reader: &impl Reader, user: &UserId) -> Result<u64, Fault> {
    let some = Entity::find().filter(Column::UserId.eq(user.as_str()));
    some.count(reader.connection()).await.map_err(while_doing(TABLE))
}

/// Whether a person has this code.
pub async fn has(
    reader: &impl Reader,
    user: &UserId,
    hash: HashedRecoveryCode,
) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), hash.to_vec());
    let row = Entity::find_by_id(key).one(reader.connection()).await;
    Ok(row.map_err(while_doing(TABLE))?.is_some())
}

/// Replaces all codes of a person by these.
pub async fn replace(tx: &Tx, user: &UserId, set: &[HashedRecoveryCode]) -> Result<(), Fault> {
    delete_all(tx, user).await?;
    let rows = set.iter().map(|hash| ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        hash: Set(hash.to_vec()),
    });
    let inserted = Entity::insert_many(rows).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Uses a code up; `false` when the person has no such code any more. Of two uses at the same time,
/// only one succeeds.
pub async fn spend(tx: &Tx, user: &UserId, hash: HashedRecoveryCode) -> Result<bool, Fault> {
    let key = (user.as_str().to_owned(), hash.to_vec());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// Deletes all codes of a person.
pub async fn delete_all(tx: &Tx, user: &UserId) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}
