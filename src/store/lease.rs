//! Work that waits in a table. A server takes a row for the time of a lease. If the server dies,
//! the lease ends and another server takes the row, so no work is lost.

use chrono::{DateTime, Duration, Utc};
use sea_orm::prelude::Expr;
use sea_orm::sea_query::{LockBehavior, LockType, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, IdenStatic, Iterable,
    Order, QueryFilter, QueryResult,
};

use super::cause::while_doing;
use super::column::millis;
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::tx::Tx;
use crate::domain::verdict::Fault;

/// The columns of a table in which work waits.
#[derive(Clone, Copy)]
pub(super) struct Waiting<E: EntityTrait> {
    pub(super) table: E,
    /// The name of the table, for the log.
    pub(super) name: &'static str,
    /// The column that identifies the row.
    pub(super) id: E::Column,
    /// The column with the instant at which the row is due.
    pub(super) due_at: E::Column,
    /// The column that counts how often the row was taken, if the table has one.
    pub(super) attempts: Option<E::Column>,
    /// What a fault says was being done while reading.
    pub(super) reading: &'static str,
    /// What a fault says was being done while writing.
    pub(super) writing: &'static str,
}

/// A row that was taken.
#[derive(Debug)]
pub struct Taken<M> {
    /// The identifier of the row.
    pub id: String,
    /// How often it was taken, including this time; `None` where that is not counted.
    pub attempts: Option<i64>,
    /// The content of the row, or a fault if it cannot be read.
    pub row: Result<M, Fault>,
}

impl<M> Taken<M> {
    /// The same row with its content read further.
    pub(super) fn and_then<N>(self, read: impl FnOnce(M) -> Result<N, Fault>) -> Taken<N> {
        Taken { id: self.id, attempts: self.attempts, row: self.row.and_then(read) }
    }
}

impl<E: EntityTrait> Waiting<E> {
    /// Takes rows that are due, those first that have been due for longest. A row that cannot be
    /// read is returned too, so that it does not block the others.
    pub(super) async fn take(
        self,
        tx: &Tx,
        which: Option<SimpleExpr>,
        lease: Duration,
        at_most: u64,
    ) -> Result<Vec<Taken<E::Model>>, Fault> {
        let due = Query::select()
            .column(self.id)
            .from(self.table)
            .and_where(Expr::col(self.due_at).lte(millis(tx.now())))
            .and_where_option(which)
            .order_by(self.due_at, Order::Asc)
            .limit(at_most)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .to_owned();
        let mut take = Query::update();
        take.table(self.table)
            .value(self.due_at, millis(tx.now() + lease))
            .and_where(is_one_of(tx, self.id, due))
            .returning(Query::returning().columns(E::Column::iter()));
        if let Some(attempts) = self.attempts {
            take.value(attempts, Expr::col(attempts).add(1_i64));
        }
        let rows = tx.connection().query_all(&take).await.map_err(while_doing(self.writing))?;
        let fault = while_doing(self.reading);
        let taken = |row: &QueryResult| {
            let id = row.try_get("", self.id.as_str()).map_err(&fault);
            // Without its identifier the row cannot be handled: it waits until its lease ends.
            let id: String = id.inspect_err(|fault| unreadable(self.name, "", fault)).ok()?;
            let attempts = self.attempts.and_then(|column| row.try_get("", column.as_str()).ok());
            Some(Taken { id, attempts, row: E::Model::from_query_result(row, "").map_err(&fault) })
        };
        Ok(rows.iter().filter_map(taken).collect())
    }

    /// Postpones a row to this instant.
    pub(super) async fn put_off(
        self,
        tx: &Tx,
        id: &str,
        until: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let put_off = E::update_many()
            .col_expr(self.due_at, Expr::value(millis(until)))
            .filter(self.id.eq(id))
            .exec(tx.connection())
            .await;
        put_off.map(drop).map_err(while_doing(self.writing))
    }

    /// Deletes a row that is done or given up.
    pub(super) async fn delete(self, tx: &Tx, id: &str) -> Result<(), Fault> {
        let deleted = E::delete_many().filter(self.id.eq(id)).exec(tx.connection()).await;
        deleted.map(drop).map_err(while_doing(self.writing))
    }
}

/// Logs and counts a row that cannot be read. It is put aside, and the other rows are still
/// handled.
pub(super) fn unreadable(table: &'static str, id: &str, fault: &Fault) {
    metrics::counter!("mapae_unreadable_rows_total", "table" => table).increment(1);
    tracing::error!(table, id, %fault, "a row cannot be read; it is put aside");
}
