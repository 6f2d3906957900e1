//! Work that waits in a table. One server takes a row and has it until its lease ends; after that
//! somebody takes it again, so a process that dies in between loses none.

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
use super::tx::Tx;
use crate::domain::verdict::Fault;

/// The columns of a table in which work waits.
#[derive(Clone, Copy)]
pub(super) struct Waiting<E: EntityTrait> {
    pub(super) table: E,
    /// Its name, for the log.
    pub(super) name: &'static str,
    /// Names the row.
    pub(super) id: E::Column,
    /// When it is to be taken.
    pub(super) due_at: E::Column,
    /// How often it was taken, if that is counted.
    pub(super) attempts: Option<E::Column>,
    /// While it is read.
    pub(super) reading: &'static str,
    /// While it is written.
    pub(super) writing: &'static str,
}

/// A row that was taken.
#[derive(Debug)]
pub struct Taken<M> {
    /// Its name.
    pub id: String,
    /// How often it was taken, with this time; none where that is not counted.
    pub attempts: Option<i64>,
    /// What it says; a fault where it cannot be read.
    pub row: Result<M, Fault>,
}

impl<M> Taken<M> {
    /// The same, read further.
    pub(super) fn and_then<N>(self, read: impl FnOnce(M) -> Result<N, Fault>) -> Taken<N> {
        Taken { id: self.id, attempts: self.attempts, row: self.row.and_then(read) }
    }
}

impl<E: EntityTrait> Waiting<E> {
    /// Takes rows that are due, those first that are due for longest. One that cannot be read is
    /// among them, so that it keeps back no other.
    pub(super) async fn take(
        self,
        tx: &Tx,
        which: Option<SimpleExpr>,
        lease: Duration,
        at_most: u64,
    ) -> Result<Vec<Taken<E::Model>>, Fault> {
        let mut due = Query::select();
        due.column(self.id)
            .from(self.table)
            .and_where(Expr::col(self.due_at).lte(millis(tx.now())))
            .and_where_option(which)
            .order_by(self.due_at, Order::Asc)
            .limit(at_most)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let mut take = Query::update();
        take.table(self.table)
            .value(self.due_at, millis(tx.now() + lease))
            .and_where(Expr::col(self.id).in_subquery(due.clone()))
            .returning(Query::returning().columns(E::Column::iter()));
        if let Some(attempts) = self.attempts {
            take.value(attempts, Expr::col(attempts).add(1_i64));
        }
        let rows = tx.connection().query_all(&take).await.map_err(while_doing(self.writing))?;
        let fault = while_doing(self.reading);
        let taken = |row: &QueryResult| {
            let id = row.try_get("", self.id.as_str()).map_err(&fault);
            // Without its name nothing can be done with it: it waits for the next lease.
            let id: String = id.inspect_err(|fault| unreadable(self.name, "", fault)).ok()?;
            let attempts = self.attempts.and_then(|column| row.try_get("", column.as_str()).ok());
            Some(Taken { id, attempts, row: E::Model::from_query_result(row, "").map_err(&fault) })
        };
        Ok(rows.iter().filter_map(taken).collect())
    }

    /// It is to be taken at this instant.
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

    /// It is done, or there is no more hope.
    pub(super) async fn delete(self, tx: &Tx, id: &str) -> Result<(), Fault> {
        let deleted = E::delete_many().filter(self.id.eq(id)).exec(tx.connection()).await;
        deleted.map(drop).map_err(while_doing(self.writing))
    }
}

/// Logs and counts a row that cannot be read: it is put aside, and the others go on.
pub(super) fn unreadable(table: &'static str, id: &str, fault: &Fault) {
    metrics::counter!("mapae_unreadable_rows_total", "table" => table).increment(1);
    tracing::error!(table, id, %fault, "a row cannot be read; it is put aside");
}
