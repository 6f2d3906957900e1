//! `client_change`: the revision at which a client last changed, also for clients that were
//! deleted.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::corrupt;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::revisions::{self, WatchedTable};
use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "client_change")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub client_id: String,
            pub revision: i64,
        }
    }
}

use entity::{Column, Entity};

/// Records that a client changed. `has_part` says whether it has a part in what all clients say
/// together, or had one before.
pub(super) async fn write(tx: &Tx, client: &ClientId, has_part: bool) -> Result<(), Fault> {
    // The bump locks the revision until the transaction ends, so a later change has a later
    // revision.
    revisions::bump(tx, WatchedTable::Clients).await?;
    if !has_part {
        revisions::bump(tx, WatchedTable::Apps).await?;
    }
    let revision = Query::select()
        .expr(Expr::value(client.as_str()))
        .column("value")
        .from("revision")
        .and_where(Expr::col("name").eq("clients"))
        .to_owned();
    let over = OnConflict::column(Column::ClientId).update_column(Column::Revision).to_owned();
    let fault = while_doing("writing the table client_change");
    let mut insert = Query::insert();
    insert.into_table(Entity).columns([Column::ClientId, Column::Revision]).on_conflict(over);
    insert.select_from(revision).map_err(|error| Fault::internal("naming a change", error))?;
    tx.connection().execute(&insert).await.map(drop).map_err(fault)
}

/// So many revisions back it is known which clients changed. Servers look every second.
const KEPT: i64 = 10_000;

/// Deletes what is known of changes of clients that are gone, at most this many; returns how many.
/// Anybody may register apps and delete them.
pub async fn forget(tx: &Tx, at_most: u64) -> Result<u64, Fault> {
    // Twice as many, since more may change between the two reads of whoever looks.
    let is_old = format!(
        "revision < (SELECT value FROM revision WHERE name = 'clients') - {} AND NOT EXISTS \
         (SELECT 1 FROM client WHERE client.id = client_change.client_id)",
        2 * KEPT
    );
    housekeep(tx, Entity, Column::ClientId, Expr::cust(is_old), at_most).await
}

/// The clients that changed after the first of these revisions, where the second one is that of now;
/// `None` when there are more than this many, or when it is not known any more.
pub async fn since(
    reader: &impl Reader,
    (revision, now): (i64, i64),
    at_most: usize,
) -> Result<Option<Vec<ClientId>>, Fault> {
    const TABLE: &str = "reading the table client_change";
    if now - revision > KEPT {
        return Ok(None);
    }
    let rows = Entity::find()
        .filter(ColumnTrait::gt(&Column::Revision, revision))
        .order_by_asc(Column::Revision)
        .limit(at_most as u64 + 1)
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    if rows.len() > at_most {
        return Ok(None);
    }
    let ids = rows.iter().map(|row| ClientId::parse(&row.client_id));
    ids.collect::<Option<_>>().map(Some).ok_or_else(|| corrupt(TABLE, "a client id"))
}
