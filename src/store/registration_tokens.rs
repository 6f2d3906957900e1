//! `registration_token`: the tokens with which apps register themselves, RFC 7591 §3, as hashes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::secret::{Hashed, RegistrationToken};
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "registration_token")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub uses_left: i64,
            pub created_at: i64,
            pub expires_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table registration_token";

/// Writes a new token.
pub async fn insert(
    tx: &Tx,
    hash: Hashed<RegistrationToken>,
    uses: u32,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = ActiveModel {
        hash: Set(hash.to_stored()),
        uses_left: Set(i64::from(uses)),
        created_at: Set(millis(tx.now())),
        expires_at: Set(millis(expires_at)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Whether this token is good for one more registration.
pub async fn is_good(
    reader: &impl Reader,
    hash: Hashed<RegistrationToken>,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let found = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    let found = found.map_err(while_doing("reading the table registration_token"))?;
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

/// Deletes tokens that ended before this instant or are used up, at most this many; returns how many.
pub async fn forget(tx: &Tx, ended: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let over = Column::ExpiresAt.lt(millis(ended)).or(Column::UsesLeft.lte(0));
    let some =
        Query::select().column(Column::Hash).from(Entity).and_where(over).limit(at_most).to_owned();
    let deleted = Entity::delete_many().filter(Column::Hash.in_subquery(some));
    let deleted = deleted.exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}
