//! `key_fetcher`: the programs that fetched the public keys, by the name that they give themselves
//! (`User-Agent`), and the keys that they fetched last.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbBackend, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{list, millis, read_list};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::statement::ROWS;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "key_fetcher")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub agent: String,
            pub kids: String,
            pub last_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table key_fetcher";
const WRITING: &str = "writing the table key_fetcher";

/// The most rows. Whoever comes when it is full counts as [`OTHER`].
const MOST: usize = 1000;
/// The row of all that have no row of their own.
const OTHER: &str = "other";

/// A program that fetched the public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFetcher {
    /// The name that it gives itself.
    pub agent: String,
    /// The keys that it fetched last.
    pub kids: Vec<String>,
    /// When it did.
    pub last_at: DateTime<Utc>,
}

/// Every program, the last one first.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<KeyFetcher>, Fault> {
    let rows = Entity::find().order_by_desc(Column::LastAt).order_by_asc(Column::Agent);
    let rows = rows.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter()
        .map(|row| {
            Ok(KeyFetcher {
                agent: row.agent,
                kids: read_list(TABLE, &row.kids)?,
                last_at: clock::from_millis(row.last_at),
            })
        })
        .collect()
}

/// Writes who came. Of several fetches of one program, also at other replicas, the last one counts.
pub async fn record(tx: &Tx, mut seen: Vec<KeyFetcher>) -> Result<(), Fault> {
    let connection = tx.connection();
    if connection.get_database_backend() == DbBackend::Postgres {
        // Two replicas that write at the same time would not see how many rows the other adds.
        let lock = "LOCK TABLE key_fetcher IN SHARE ROW EXCLUSIVE MODE";
        connection.execute_unprepared(lock).await.map_err(while_doing(WRITING))?;
    }
    let known = Entity::find().select_only().column(Column::Agent).into_tuple::<String>();
    let known: BTreeSet<String> =
        known.all(connection).await.map_err(while_doing(TABLE))?.into_iter().collect();
    let mut left = (MOST - 1).saturating_sub(known.iter().filter(|one| *one != OTHER).count());
    seen.sort_by(|one, other| one.agent.cmp(&other.agent));
    let mut others: Option<KeyFetcher> = None;
    let mut rows = Vec::new();
    for one in seen {
        if known.contains(&one.agent) && one.agent != OTHER {
            rows.push(one);
        } else if left > 0 && one.agent != OTHER {
            left -= 1;
            rows.push(one);
        } else if others.as_ref().is_none_or(|other| other.last_at <= one.last_at) {
            others = Some(KeyFetcher { agent: OTHER.to_owned(), ..one });
        }
    }
    rows.extend(others);
    for some in rows.chunks(ROWS) {
        let rows = some.iter().map(|one| ActiveModel {
            agent: Set(one.agent.clone()),
            kids: Set(list(&one.kids)),
            last_at: Set(millis(one.last_at)),
        });
        let newer = |column: &str| {
            Expr::cust(format!(
                "CASE WHEN excluded.last_at >= key_fetcher.last_at \
                 THEN excluded.{column} ELSE key_fetcher.{column} END"
            ))
        };
        Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(Column::Agent)
                    .value(Column::Kids, newer("kids"))
                    .value(Column::LastAt, newer("last_at"))
                    .to_owned(),
            )
            .exec_without_returning(connection)
            .await
            .map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// Deletes programs that did not come since this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Agent, Column::LastAt.lt(millis(before)), at_most).await
}
