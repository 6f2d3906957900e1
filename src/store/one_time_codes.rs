//! `totp`: the secrets of time-based one-time codes, and the last step that each person used.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "totp")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            pub sealed: Vec<u8>,
            pub last_step: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table totp";

/// The sealed secret of a person.
pub async fn find(reader: &impl Reader, user: &UserId) -> Result<Option<Vec<u8>>, Fault> {
    let row = Entity::find_by_id(user.as_str()).one(reader.connection()).await;
    Ok(row.map_err(while_doing("reading the table totp"))?.map(|row| row.sealed))
}

/// Writes the sealed secret of a person, of which this step was used. It replaces an earlier one.
pub async fn put(tx: &Tx, user: &UserId, sealed: Vec<u8>, step: u64) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        sealed: Set(sealed),
        last_step: Set(number(step)),
    };
    let over = OnConflict::column(Column::UserId)
        .update_columns([Column::Sealed, Column::LastStep])
        .to_owned();
    let put = Entity::insert(row).on_conflict(over).exec_without_returning(tx.connection()).await;
    put.map(drop).map_err(while_doing(WRITING))
}

/// Uses a step up, RFC 6238 §5.2; `false` when this step or a later one was used before, or the
/// secret is another one by now. Of two uses at the same time, only one succeeds.
pub async fn spend(tx: &Tx, user: &UserId, sealed: &[u8], step: u64) -> Result<bool, Fault> {
    let spent = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(number(step)))
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::Sealed.eq(sealed))
        .filter(Column::LastStep.lt(number(step)))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(spent.rows_affected == 1)
}

/// Deletes the secret of a person; `false` when there is none.
pub async fn delete(tx: &Tx, user: &UserId) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(user.as_str()).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}

fn number(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}
