//! `rate_limit`: the buckets of request rates. They are counted here if there is no Redis, or while
//! it does not answer. Times are in microseconds, because a thousand requests a second may be
//! allowed.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use super::buckets::Buckets;
pub use super::buckets::Key;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::tx::Tx;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "rate_limit")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub key: Vec<u8>,
            pub empty_at: i64,
        }
    }
}

use entity::{Column, Entity};

const BUCKETS: Buckets = Buckets {
    table: "rate_limit",
    writing: "writing the table rate_limit",
    reading: "reading the table rate_limit",
};

/// Adds an amount to each bucket; amounts are in microseconds. Returns the new content of each
/// bucket, in microseconds until it is empty. The buckets stay locked until the transaction ends.
pub async fn pour(tx: &Tx, amounts: &[(Key, i64)]) -> Result<Vec<(Key, i64)>, Fault> {
    BUCKETS.pour(tx, tx.now().timestamp_micros(), amounts).await
}

/// Sets the content of buckets, in microseconds until each is empty.
pub async fn set(tx: &Tx, contents: &[(Key, i64)]) -> Result<(), Fault> {
    BUCKETS.set(tx, tx.now().timestamp_micros(), contents).await
}

/// Deletes buckets that were empty before this instant; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let empty = ColumnTrait::lt(&Column::EmptyAt, before.timestamp_micros());
    housekeep(tx, Entity, Column::Key, empty, at_most).await
}
