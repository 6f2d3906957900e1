//! `browser`: the browsers that carry our cookie, by the hash of what they prove themselves by.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::secret::{BrowserToken, Hashed};
use crate::domain::session::BrowserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "browser")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub hash: Vec<u8>,
            pub expires_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table browser";

/// What is known of a browser that shows a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrowserLookup {
    /// It is this one.
    Known(BrowserId),
    /// A browser of that name has another token by now.
    Replaced,
    /// Nothing: nobody has signed in in it.
    Nothing,
}

/// The browser of this token at this instant; `first` is what it is called if this is its first one.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<BrowserToken>,
    first: &BrowserId,
    now: DateTime<Utc>,
) -> Result<BrowserLookup, Fault> {
    let stored = hash.to_stored();
    let either =
        Condition::any().add(Column::Hash.eq(stored.clone())).add(Column::Id.eq(first.as_str()));
    let rows = Entity::find()
        .filter(either)
        .all(reader.connection())
        .await
        .map_err(while_doing("reading the table browser"))?;
    let is_live = |row: &&entity::Model| row.hash == stored && row.expires_at > millis(now);
    Ok(match rows.iter().find(is_live) {
        Some(row) => BrowserLookup::Known(BrowserId::from_stored(row.id.clone())),
        None if rows.is_empty() => BrowserLookup::Nothing,
        None => BrowserLookup::Replaced,
    })
}

/// Gives a browser a token: the one before is good for nothing any more.
pub async fn put(
    tx: &Tx,
    id: &BrowserId,
    hash: Hashed<BrowserToken>,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(id.as_str().to_owned()),
        hash: Set(hash.to_stored()),
        expires_at: Set(millis(expires_at)),
    };
    let over =
        OnConflict::column(Column::Id).update_columns([Column::Hash, Column::ExpiresAt]).to_owned();
    let put = Entity::insert(row).on_conflict(over).exec_without_returning(tx.connection()).await;
    put.map(drop).map_err(while_doing(WRITING))
}

/// Forgets browsers that expired before this instant, some at a time; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Id, Column::ExpiresAt.lt(millis(before)), at_most).await
}
