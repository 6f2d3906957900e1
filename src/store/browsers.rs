//! `browser`: the browsers that have our cookie, by the hash of the token in the cookie.

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

/// What the database knows about a browser that presents a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrowserLookup {
    /// It is this browser.
    Known(BrowserId),
    /// The browser exists, but it has another token by now.
    Replaced,
    /// The token is unknown: nobody has signed in in this browser.
    Nothing,
}

/// The browser that has this token at this instant. `first` is its id if this is its first token.
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

/// Gives a browser a new token. Its old token is no longer accepted.
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

/// Deletes browsers that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Id, Column::ExpiresAt.lt(millis(before)), at_most).await
}
