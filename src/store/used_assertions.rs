//! `used_assertion`: assertions that were accepted once, of clients (RFC 7523 §3) and of providers.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "used_assertion")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub expires_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

/// Remembers an assertion; `false` when it was used before.
pub async fn remember(tx: &Tx, hash: [u8; 32], expires_at: DateTime<Utc>) -> Result<bool, Fault> {
    let row = ActiveModel { hash: Set(hash.to_vec()), expires_at: Set(millis(expires_at)) };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Hash).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table used_assertion"))?;
    Ok(inserted == 1)
}

/// Forgets assertions that expired before this instant, some at a time; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
