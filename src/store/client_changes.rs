//! `client_change`: the revision at which a client last changed, also for clients that were
//! deleted.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::corrupt;
use super::entity::entity;
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

/// Records that a client changed.
pub(super) async fn write(tx: &Tx, client: &ClientId) -> Result<(), Fault> {
    // The bump locks the revision until the transaction ends, so a later change has a later
    // revision.
    revisions::bump(tx, WatchedTable::Clients).await?;
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

/// The clients that changed after this revision; `None` when there are more than this many.
pub async fn since(
    reader: &impl Reader,
    revision: i64,
    at_most: usize,
) -> Result<Option<Vec<ClientId>>, Fault> {
    const TABLE: &str = "reading the table client_change";
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
