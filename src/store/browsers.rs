//! `browser`: the browsers that carry our cookie, by the hash of what they prove themselves by.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::column::millis;
use super::{Reader, Tx, while_doing};
use crate::domain::secret::{BrowserToken, Hashed};
use crate::domain::session::BrowserId;
use crate::domain::verdict::Fault;

#[expect(unreachable_pub, reason = "the entity macros write `pub`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "browser")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub hash: Vec<u8>,
        pub expires_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table browser";

/// The browser of this token at this instant.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<BrowserToken>,
    now: DateTime<Utc>,
) -> Result<Option<BrowserId>, Fault> {
    let row = Entity::find()
        .filter(Column::Hash.eq(hash.to_stored()))
        .filter(Column::ExpiresAt.gt(millis(now)))
        .one(reader.connection())
        .await
        .map_err(while_doing("reading the table browser"))?;
    Ok(row.map(|row| BrowserId(row.id)))
}

/// Writes a new browser.
pub async fn insert(
    tx: &Tx,
    id: &BrowserId,
    hash: Hashed<BrowserToken>,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(id.0.clone()),
        hash: Set(hash.to_stored()),
        expires_at: Set(millis(expires_at)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Gives a browser another token: the one before is good for nothing any more.
pub async fn rotate(
    tx: &Tx,
    id: &BrowserId,
    hash: Hashed<BrowserToken>,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::Hash, Expr::value(hash.to_stored()))
        .col_expr(Column::ExpiresAt, Expr::value(millis(expires_at)))
        .filter(Column::Id.eq(id.0.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Forgets browsers that expired before this instant, some at a time; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    super::housekeep(tx, Entity, Column::Id, Column::ExpiresAt.lt(millis(before)), at_most).await
}
