//! Housekeeping: deletes rows that are not needed any more.

use sea_orm::ConnectionTrait;

use super::cause::while_doing;
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::tx::Tx;
use crate::domain::verdict::Fault;

/// Deletes at most this many rows that are not needed any more. Expiry is checked when a row is
/// read, so this only frees space, in steps that are short enough for the one writer of SQLite. A
/// row that another transaction has locked is skipped: housekeeping never waits.
pub(super) async fn housekeep<E: sea_orm::EntityTrait>(
    tx: &Tx,
    table: E,
    key: E::Column,
    expired: sea_orm::sea_query::SimpleExpr,
    at_most: u64,
) -> Result<u64, Fault> {
    housekeep_by(tx, table, &[key], expired, at_most).await
}

/// The same for a key of several columns.
pub(super) async fn housekeep_by<E: sea_orm::EntityTrait>(
    tx: &Tx,
    table: E,
    key: &[E::Column],
    expired: sea_orm::sea_query::SimpleExpr,
    at_most: u64,
) -> Result<u64, Fault> {
    use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query};
    let old = Query::select()
        .columns(key.iter().copied())
        .from(table)
        .and_where(expired)
        .limit(at_most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let is_old = match key {
        [key] => is_one_of(tx, *key, old),
        _ => Expr::tuple(key.iter().map(|column| Expr::col(*column))).in_subquery(old),
    };
    let delete = Query::delete().from_table(table).and_where(is_old).to_owned();
    let deleted = tx.connection().execute(&delete).await;
    Ok(deleted.map_err(while_doing("cleaning up"))?.rows_affected())
}
