//! `throttle`: buckets that failed sign-ins fill and that empty as time passes. A bucket is stored
//! as the instant at which it is empty: each failure moves this instant further into the future.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use super::buckets::Buckets;
pub use super::buckets::Key;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
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

const BUCKETS: Buckets = Buckets {
    table: "throttle",
    writing: "writing the table throttle",
    reading: "reading the table throttle",
};

/// Adds an amount to each bucket, or takes it out if it is negative; amounts are in milliseconds.
/// Returns the new content of each bucket, in milliseconds until it is empty. The buckets stay
/// locked until the transaction ends.
pub async fn pour(tx: &Tx, amounts: &[(Key, i64)]) -> Result<Vec<(Key, i64)>, Fault> {
    BUCKETS.pour(tx, millis(tx.now()), amounts).await
}

/// Sets the content of buckets, in milliseconds until each is empty.
pub async fn set(tx: &Tx, contents: &[(Key, i64)]) -> Result<(), Fault> {
    BUCKETS.set(tx, millis(tx.now()), contents).await
}

/// Deletes buckets that were empty before this instant; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let empty = ColumnTrait::lt(&Column::EmptyAt, millis(before));
    housekeep(tx, Entity, Column::Key, empty, at_most).await
}
