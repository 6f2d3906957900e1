//! `throttle`: buckets that failed sign-ins fill and that empty as time passes. A bucket is stored
//! as the instant at which it is empty: each failure moves this instant further into the future.

use chrono::{DateTime, Utc};
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, OnConflict, Query};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "throttle")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub key: Vec<u8>,
            pub empty_at: i64,
        }
    }
}

use entity::{Column, Entity};

const WRITING: &str = "writing the table throttle";
const READING: &str = "reading the table throttle";

/// The key of a bucket. It is hashed, so the table does not reveal which names were tried.
pub type Key = [u8; 32];

/// Adds an amount to each bucket, or takes it out if it is negative; amounts are in milliseconds.
/// Returns the new content of each bucket, in milliseconds until it is empty. The buckets stay
/// locked until the transaction ends.
pub async fn pour(tx: &Tx, keys: &[(Key, i64)]) -> Result<Vec<(Key, i64)>, Fault> {
    let now = millis(tx.now());
    let left = CaseStatement::new()
        .case(
            Expr::col((Entity, Column::EmptyAt)).gt(now),
            Expr::col((Entity, Column::EmptyAt)).sub(now),
        )
        .finally(0_i64);
    let mut statement = insert(now, keys);
    statement
        .on_conflict(
            OnConflict::column(Column::Key)
                .value(Column::EmptyAt, Expr::cust("excluded.empty_at").add(left))
                .to_owned(),
        )
        .returning(Query::returning().columns([Column::Key, Column::EmptyAt]));
    let rows = tx.connection().query_all(&statement).await.map_err(while_doing(WRITING))?;
    rows.iter()
        .map(|row| {
            let key: Vec<u8> = row.try_get("", "key").map_err(while_doing(READING))?;
            let key = key.try_into().map_err(|_| corrupt(READING, "a key"))?;
            let empty_at: i64 = row.try_get("", "empty_at").map_err(while_doing(READING))?;
            Ok((key, empty_at - now))
        })
        .collect()
}

/// Sets the content of buckets, in milliseconds until each is empty.
pub async fn set(tx: &Tx, keys: &[(Key, i64)]) -> Result<(), Fault> {
    let mut statement = insert(millis(tx.now()), keys);
    statement
        .on_conflict(OnConflict::column(Column::Key).update_column(Column::EmptyAt).to_owned());
    tx.connection().execute(&statement).await.map_err(while_doing(WRITING))?;
    Ok(())
}

fn insert(now: i64, keys: &[(Key, i64)]) -> sea_orm::sea_query::InsertStatement {
    let mut keys = keys.to_vec();
    // All transactions use the same order, so two of them cannot deadlock.
    keys.sort_unstable();
    let mut statement = Query::insert();
    statement.into_table(Entity).columns([Column::Key, Column::EmptyAt]);
    for (key, amount) in &keys {
        statement.values_panic([key.to_vec().into(), (now + amount).into()]);
    }
    statement
}

/// Deletes buckets that were empty before this instant; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let empty = ColumnTrait::lt(&Column::EmptyAt, millis(before));
    housekeep(tx, Entity, Column::Key, empty, at_most).await
}
