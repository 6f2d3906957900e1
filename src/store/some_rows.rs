//! Changing or deleting some rows of many: those that a select with a limit finds.

use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr, SubQueryStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend};

use super::reader::Reader;
use super::tx::Tx;

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
