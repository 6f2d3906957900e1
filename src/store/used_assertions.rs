//! `used_assertion`: values that are accepted only once: assertions of clients (RFC 7523 §3),
//! tokens of providers, proofs of possession (RFC 9449 §11.1), and the `state` with which a browser
//! returned to the callback.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ConnectionTrait, QueryResult};

use super::Store;
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

/// Records an assertion as used; `false` when it was used before.
pub async fn remember(
    tx: &Tx,
    hash: impl Into<Vec<u8>>,
    expires_at: DateTime<Utc>,
) -> Result<bool, Fault> {
    let row = ActiveModel { hash: Set(hash.into()), expires_at: Set(millis(expires_at)) };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Hash).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table used_assertion"))?;
    Ok(inserted == 1)
}

/// Begins a transaction that records these proofs of possession as used. Returns it with those that
/// were not used before.
pub async fn begin_with_proofs(
    store: &Store,
    now: DateTime<Utc>,
    mut proofs: Vec<[u8; 32]>,
    expires_at: DateTime<Utc>,
) -> Result<(Tx, HashSet<[u8; 32]>), Fault> {
    let fault = while_doing("writing the table used_assertion");
    // In one order everywhere, so that two replicas never wait for each other.
    proofs.sort_unstable();
    proofs.dedup();
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::Hash, Column::ExpiresAt])
        .on_conflict(OnConflict::column(Column::Hash).do_nothing().to_owned());
    for proof in &proofs {
        insert.values_panic([proof.to_vec().into(), millis(expires_at).into()]);
    }
    let tx = store.begin(now).await?;
    let inserted = tx.connection().execute(&insert).await.map_err(&fault)?.rows_affected();
    if usize::try_from(inserted) == Ok(proofs.len()) {
        return Ok((tx, proofs.into_iter().collect()));
    }
    // One was used before, which is rare. Which one is told by rows, and the driver of SQLite hands
    // these over one by one, so they are asked for only now.
    tx.abandon().await;
    let tx = store.begin(now).await?;
    insert.returning(Query::returning().column(Column::Hash));
    let inserted = tx.connection().query_all(&insert).await.map_err(&fault)?;
    let hash = |row: QueryResult| {
        let hash: Vec<u8> = row.try_get_by_index(0).map_err(&fault)?;
        Ok(hash.try_into().ok())
    };
    let fresh: Result<_, Fault> =
        inserted.into_iter().filter_map(|row| hash(row).transpose()).collect();
    Ok((tx, fresh?))
}

/// Whether an assertion was recorded as used.
pub async fn has(reader: &impl Reader, hash: impl Into<Vec<u8>>) -> Result<bool, Fault> {
    let found = Entity::find_by_id(hash.into()).one(reader.connection()).await;
    Ok(found.map_err(while_doing("reading the table used_assertion"))?.is_some())
}

/// Deletes the record of an assertion whose use had no result, so that it may be accepted once
/// more.
pub async fn take_back(tx: &Tx, hash: impl Into<Vec<u8>>) -> Result<(), Fault> {
    let taken = Entity::delete_by_id(hash.into()).exec(tx.connection()).await;
    taken.map(drop).map_err(while_doing("writing the table used_assertion"))
}

/// Deletes records of assertions that expired before this instant, at most this many; returns how
/// many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
