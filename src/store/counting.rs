//! Counts rows that are selected with a limit, so that no table is read as a whole.

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement};

use super::cause::while_doing;
use super::reader::Reader;
use crate::domain::verdict::Fault;

/// The number of these rows.
pub(super) async fn count(
    reader: &impl Reader,
    some: SelectStatement,
    reading: &'static str,
) -> Result<u64, Fault> {
    let count = Query::select()
        .expr_as(Expr::cust("count(*)"), "n")
        .from_subquery(some, Alias::new("some"))
        .to_owned();
    let row = reader.connection().query_one(&count).await.map_err(while_doing(reading))?;
    let count = row.map(|row| row.try_get::<i64>("", "n")).transpose();
    Ok(count.map_err(while_doing(reading))?.unwrap_or_default().unsigned_abs())
}
