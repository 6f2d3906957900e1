//! Counts the sign-ins and the refusals of a day from the table `audit_event`. Each count reads a
//! limited number of rows of an index that has these events alone.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use super::cause::while_doing;
use super::column::millis;
use super::reader::Reader;
use crate::domain::verdict::Fault;

const READING: &str = "counting sign-ins in the table audit_event";

/// The sign-ins of some time, by what began them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignInCounts {
    /// Those with a password, or with a mailed code.
    pub password: u64,
    /// Those with a passkey.
    pub passkey: u64,
    /// Those with a provider.
    pub provider: u64,
    /// Those that were refused.
    pub refused: u64,
}

/// The literal conditions of the two indexes: databases use a partial index only for these.
const SUCCEEDED: &str = "kind = 'sign_in.succeeded'";
const REFUSED: &str = "kind IN ('sign_in.failed', 'sign_in.throttled')";
/// What began a sign-in, by the word that its event has.
const WAY: &str = "CASE WHEN detail IS NULL THEN 'password' \
                   WHEN detail LIKE 'passkey %' THEN 'passkey' ELSE 'provider' END";

fn some(
    condition: &'static str,
    way: &'static str,
    (since, until): (DateTime<Utc>, DateTime<Utc>),
    at_most: u64,
) -> SelectStatement {
    let events = Query::select()
        .expr_as(Expr::cust(way), "way")
        .column("times")
        .from("audit_event")
        .and_where(Expr::cust(condition))
        .and_where(Expr::col("at").gte(millis(since)))
        .and_where(Expr::col("at").lt(millis(until)))
        .limit(at_most)
        .to_owned();
    Query::select()
        .column("way")
        .expr_as(Expr::cust("CAST(sum(times) AS BIGINT)"), "n")
        .from_subquery(events, Alias::new("some"))
        .group_by_col("way")
        .to_owned()
}

/// Counts the sign-ins between two instants. At most so many events of each kind are read.
pub async fn between(
    reader: &impl Reader,
    time: (DateTime<Utc>, DateTime<Utc>),
    at_most: u64,
) -> Result<SignInCounts, Fault> {
    let mut counts = SignInCounts::default();
    for select in [some(SUCCEEDED, WAY, time, at_most), some(REFUSED, "'refused'", time, at_most)] {
        let fault = while_doing(READING);
        let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
        for row in rows {
            let way: String = row.try_get("", "way").map_err(&fault)?;
            let number = row.try_get::<i64>("", "n").map_err(&fault)?.unsigned_abs();
            match way.as_str() {
                "passkey" => counts.passkey = number,
                "provider" => counts.provider = number,
                "refused" => counts.refused = number,
                _ => counts.password = number,
            }
        }
    }
    Ok(counts)
}
