//! Tables of buckets that fill and that empty as time passes. A bucket is stored as the instant at
//! which it is empty. What is poured into it moves this instant further into the future.
//!
//! If nothing is in a bucket, an instant about 1970 is stored. The present instant would look like
//! content if the clock went back later.

use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, InsertStatement, OnConflict, Query};

use super::cause::while_doing;
use super::column::corrupt;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::verdict::Fault;

/// The key of a bucket. It is hashed, so the table does not reveal what is counted.
pub type Key = [u8; 32];

/// A table of buckets, and what its functions do, for messages.
#[derive(Clone, Copy)]
pub(super) struct Buckets {
    pub(super) table: &'static str,
    pub(super) writing: &'static str,
    pub(super) reading: &'static str,
}

const KEY: &str = "key";
const EMPTY_AT: &str = "empty_at";

impl Buckets {
    /// Adds an amount of time to each bucket, or takes it out if it is negative. Returns the new
    /// content of each bucket: the time until it is empty. All times have the unit of `now`. The
    /// buckets stay locked until the transaction ends.
    pub(super) async fn pour(
        self,
        tx: &Tx,
        now: i64,
        amounts: &[(Key, i64)],
    ) -> Result<Vec<(Key, i64)>, Fault> {
        let empty_at = || Expr::col((self.table, EMPTY_AT));
        let left =
            || CaseStatement::new().case(empty_at().gt(now), empty_at().sub(now)).finally(0_i64);
        // The row that was not inserted: `now` and the amount, or the amount alone if it is not
        // positive (`instant`).
        let poured = || Expr::cust("excluded.empty_at");
        let emptied = CaseStatement::new()
            .case(poured().gt(now), poured().add(left()))
            .case(poured().add(left()).gt(0_i64), poured().add(left()).add(now))
            .finally(poured().add(left()));
        let mut statement = self.insert(now, amounts);
        statement
            .on_conflict(OnConflict::column(KEY).value(EMPTY_AT, emptied).to_owned())
            .returning(Query::returning().columns([KEY, EMPTY_AT]));
        let rows =
            tx.connection().query_all(&statement).await.map_err(while_doing(self.writing))?;
        rows.iter()
            .map(|row| {
                let key: Vec<u8> = row.try_get("", KEY).map_err(while_doing(self.reading))?;
                let key = key.try_into().map_err(|_| corrupt(self.reading, "a key"))?;
                let empty_at: i64 = row.try_get("", EMPTY_AT).map_err(while_doing(self.reading))?;
                Ok((key, content(now, empty_at)))
            })
            .collect()
    }

    /// Sets the content of buckets: the time until each is empty.
    pub(super) async fn set(self, tx: &Tx, now: i64, contents: &[(Key, i64)]) -> Result<(), Fault> {
        let mut statement = self.insert(now, contents);
        statement.on_conflict(OnConflict::column(KEY).update_column(EMPTY_AT).to_owned());
        tx.connection().execute(&statement).await.map_err(while_doing(self.writing))?;
        Ok(())
    }

    fn insert(self, now: i64, keys: &[(Key, i64)]) -> InsertStatement {
        let mut keys = keys.to_vec();
        // All transactions use the same order, so two of them cannot deadlock.
        keys.sort_unstable();
        let mut statement = Query::insert();
        statement.into_table(self.table).columns([KEY, EMPTY_AT]);
        for (key, content) in keys {
            statement.values_panic([key.to_vec().into(), instant(now, content).into()]);
        }
        statement
    }
}

/// What is stored for a bucket with this content.
fn instant(now: i64, content: i64) -> i64 {
    if content > 0 { now + content } else { content }
}

/// The content of a bucket that was just written.
fn content(now: i64, empty_at: i64) -> i64 {
    if empty_at > now { empty_at - now } else { empty_at }
}
