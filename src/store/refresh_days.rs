//! `refresh_day`: how many refresh tokens were used on each day (UTC).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "refresh_day")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub begins_at: i64,
            pub refreshes: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table refresh_day";
const WRITING: &str = "writing the table refresh_day";

/// The midnight, in UTC, with which the day of this instant begins.
#[must_use]
pub fn day_of(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// Adds to what was counted on the day of this transaction.
pub async fn add(tx: &Tx, refreshes: i64) -> Result<(), Fault> {
    let day = millis(day_of(tx.now()));
    let more = Expr::col((Entity, Column::Refreshes)).add(refreshes);
    let known = OnConflict::column(Column::BeginsAt).value(Column::Refreshes, more).to_owned();
    Entity::insert(ActiveModel { begins_at: Set(day), refreshes: Set(refreshes) })
        .on_conflict(known)
        .exec_without_returning(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing(WRITING))
}

/// The days since this instant on which tokens were used, by the instant with which each begins.
pub async fn since(
    reader: &impl Reader,
    since: DateTime<Utc>,
) -> Result<BTreeMap<DateTime<Utc>, u64>, Fault> {
    let rows = Entity::find().filter(Column::BeginsAt.gte(millis(since)));
    let rows = rows.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    let count = |row: entity::Model| {
        (clock::from_millis(row.begins_at), u64::try_from(row.refreshes).unwrap_or(0))
    };
    Ok(rows.into_iter().map(count).collect())
}

/// Deletes days that began before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::BeginsAt, Column::BeginsAt.lt(millis(before)), at_most).await
}
