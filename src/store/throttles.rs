//! `throttle`: failures counted in a window that opens with the first of them. One statement
//! counts and decides, so parallel attempts cannot slip past each other.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, LockType, OnConflict, Query};
use sea_orm::{ExprTrait, Order};

use super::column::{corrupt, millis};
use super::{Reader, Tx, while_doing};
use crate::domain::clock;
use crate::domain::verdict::Fault;

#[expect(unreachable_pub, reason = "the entity macros write `pub`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "throttle")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: Vec<u8>,
        pub failures: i64,
        pub ends_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

const WRITING: &str = "writing the table throttle";

/// What is counted, hashed: nobody reads from the table which names were tried.
pub type Key = [u8; 32];

/// A counter after one more failure.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// What is counted.
    pub key: Key,
    /// The failures in the open window.
    pub failures: i64,
    /// When the window closes.
    pub ends_at: DateTime<Utc>,
}

/// Counts one failure for each key, in windows that end at these instants if they open now.
pub async fn count(tx: &Tx, keys: &[(Key, DateTime<Utc>)]) -> Result<Vec<Counter>, Fault> {
    let mut keys = keys.to_vec();
    // One order for everybody: two transactions never wait for each other.
    keys.sort_unstable();
    let mut statement = Query::insert();
    statement.into_table(Entity).columns([Column::Key, Column::Failures, Column::EndsAt]);
    for (key, ends_at) in &keys {
        statement.values_panic([key.to_vec().into(), 1_i64.into(), millis(*ends_at).into()]);
    }
    let is_over = || Expr::col((Entity, Column::EndsAt)).lte(millis(tx.now()));
    let failures = CaseStatement::new()
        .case(is_over(), 1_i64)
        .finally(Expr::col((Entity, Column::Failures)).add(1_i64));
    let ends_at = CaseStatement::new()
        .case(is_over(), Expr::cust("excluded.ends_at"))
        .finally(Expr::col((Entity, Column::EndsAt)));
    statement
        .on_conflict(
            OnConflict::column(Column::Key)
                .value(Column::Failures, failures)
                .value(Column::EndsAt, ends_at)
                .to_owned(),
        )
        .returning(Query::returning().columns([Column::Key, Column::Failures, Column::EndsAt]));
    let rows = tx.connection().query_all(&statement).await.map_err(while_doing(WRITING))?;
    rows.iter()
        .map(|row| {
            let read = while_doing("reading the table throttle");
            let key: Vec<u8> = row.try_get("", "key").map_err(&read)?;
            Ok(Counter {
                key: key.try_into().map_err(|_| corrupt("reading the table throttle", "a key"))?,
                failures: row.try_get("", "failures").map_err(&read)?,
                ends_at: clock::from_millis(row.try_get("", "ends_at").map_err(&read)?),
            })
        })
        .collect()
}

/// Takes one failure back from each key: the attempt succeeded.
pub async fn take_back(tx: &Tx, keys: &[Key]) -> Result<(), Fault> {
    let locked = Query::select()
        .column(Column::Key)
        .from(Entity)
        .and_where(Expr::col(Column::Key).is_in(keys.iter().map(|key| key.to_vec())))
        .and_where(Expr::col(Column::EndsAt).gt(millis(tx.now())))
        .order_by(Column::Key, Order::Asc)
        .lock(LockType::Update)
        .to_owned();
    let update = Query::update()
        .table(Entity)
        .value(Column::Failures, Expr::col(Column::Failures).sub(1_i64))
        .and_where(Expr::col(Column::Key).in_subquery(locked))
        .to_owned();
    tx.connection().execute(&update).await.map_err(while_doing(WRITING))?;
    Ok(())
}

/// Forgets windows that closed before this instant; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let closed = ColumnTrait::lt(&Column::EndsAt, millis(before));
    super::housekeep(tx, Entity, Column::Key, closed, at_most).await
}
