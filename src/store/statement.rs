//! The limits of a statement.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr, SubQueryStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend};

use super::pool::How;
use super::reader::Reader;
use super::tx::Tx;

/// The limits that a Postgres server enforces on its own, so that a lock is released even if its
/// client is gone. The server gives up a little before we do, so the connection stays usable. A
/// limit is never 0, which would mean no limit.
pub(super) fn limits(how: &How, within: Duration) -> [(&'static str, String); 3] {
    let ours = within * 9 / 10;
    let millis = |limit: Duration| limit.as_millis().max(1).to_string();
    [
        ("statement_timeout", millis(ours)),
        ("lock_timeout", millis(how.lock.min(ours))),
        ("idle_in_transaction_session_timeout", millis(how.idle)),
    ]
}

/// The number of cached prepared statements: room for every statement, and for the batched ones in
/// each of their sizes.
pub(super) const STATEMENT_CACHE: usize = 512;

/// The most rows that one statement writes. Both databases limit the values of a statement, so more
/// rows are written by several statements.
pub(super) const ROWS: usize = 500;

/// The condition that the key of a row is one of those that a select with a limit finds.
///
/// Postgres plans with statistics that are old where much was written just now. It may then compare
/// every row of a person with every row that the select found. Keys in an array are looked up in
/// the index of the table, whatever the statistics say.
pub(super) fn is_one_of(tx: &Tx, key: impl ColumnTrait, some: SelectStatement) -> SimpleExpr {
    let key = Expr::col(key);
    if tx.connection().get_database_backend() != DbBackend::Postgres {
        return key.in_subquery(some);
    }
    let some = SimpleExpr::from(SubQueryStatement::from(some));
    Expr::cust_with_exprs("$1 = ANY (ARRAY $2)", [key, some])
}
