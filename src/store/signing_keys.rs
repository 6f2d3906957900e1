//! `signing_key`: the keys that sign tokens, with sealed private keys.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revisions::{self, WatchedTable};
use super::tx::Tx;
use crate::domain::client::TokenAlg;
use crate::domain::clock;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "signing_key")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub kid: String,
            pub alg: String,
            pub generation: i64,
            pub created_at: i64,
            pub signs_from: i64,
            pub public_jwk: String,
            pub sealed_private: Vec<u8>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table signing_key";
const WRITING: &str = "writing the table signing_key";

/// A key as it is stored.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The RFC 7638 thumbprint of its public key.
    pub kid: String,
    /// The algorithm by which it signs.
    pub alg: TokenAlg,
    /// Its number among the keys of its algorithm: a new key has a higher one.
    pub generation: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it begins to sign. It is published from its creation.
    pub signs_from: DateTime<Utc>,
    /// The public key as a JWK.
    pub public_jwk: String,
    /// The private key, sealed.
    pub sealed_private: Vec<u8>,
}

/// Every key, oldest first.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<StoredKey>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Generation).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?
        .into_iter()
        .map(|row| {
            Ok(StoredKey {
                kid: row.kid,
                alg: row.alg.parse().map_err(|why: String| corrupt(TABLE, why))?,
                generation: row.generation,
                created_at: clock::from_millis(row.created_at),
                signs_from: clock::from_millis(row.signs_from),
                public_jwk: row.public_jwk,
                sealed_private: row.sealed_private,
            })
        })
        .collect()
}

/// Writes a key; `false` when its generation or the key itself exists, because another server was
/// faster.
pub async fn insert(tx: &Tx, key: &StoredKey) -> Result<bool, Fault> {
    let row = ActiveModel {
        kid: Set(key.kid.clone()),
        alg: Set(key.alg.as_str().to_owned()),
        generation: Set(key.generation),
        created_at: Set(millis(key.created_at)),
        signs_from: Set(millis(key.signs_from)),
        public_jwk: Set(key.public_jwk.clone()),
        sealed_private: Set(key.sealed_private.clone()),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Keys).await?;
    Ok(inserted == 1)
}

/// Replaces the sealed private key after the master key changed.
pub async fn reseal(tx: &Tx, kid: &str, sealed_private: &[u8]) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SealedPrivate, Expr::value(sealed_private))
        .filter(Column::Kid.eq(kid))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Keys).await
}

/// Deletes a key; `false` when there is none with this `kid`.
pub async fn delete(tx: &Tx, kid: &str) -> Result<bool, Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::Kid.eq(kid))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Keys).await?;
    Ok(deleted.rows_affected == 1)
}
