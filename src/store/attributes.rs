//! `attribute`: the attributes of people that operators declared.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revisions::{self, WatchedTable};
use super::tx::Tx;
use crate::domain::attribute::Attribute;
use crate::domain::clock;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "attribute")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub kind: String,
            pub scope: String,
            pub editable: bool,
            pub texts: String,
            pub created_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table attribute";
const WRITING: &str = "writing the table attribute";

impl TryFrom<Model> for Attribute {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            kind: row.kind.parse().map_err(|why: String| corrupt(TABLE, why))?,
            name: row.name,
            scope: row.scope,
            editable: row.editable,
            texts: serde_json::from_str(&row.texts)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            created_at: clock::from_millis(row.created_at),
        })
    }
}

fn row(attribute: &Attribute) -> ActiveModel {
    ActiveModel {
        name: Set(attribute.name.clone()),
        kind: Set(attribute.kind.as_str().to_owned()),
        scope: Set(attribute.scope.clone()),
        editable: Set(attribute.editable),
        texts: Set(serde_json::json!(attribute.texts).to_string()),
        created_at: Set(millis(attribute.created_at)),
    }
}

/// Writes a new attribute; `false` when its name is taken.
pub async fn insert(tx: &Tx, attribute: &Attribute) -> Result<bool, Fault> {
    let row = row(attribute);
    let known = OnConflict::column(Column::Name).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    let inserted = inserted.map_err(while_doing(WRITING))?;
    changed(tx).await?;
    Ok(inserted == 1)
}

/// Servers keep the attributes in memory together with what they know of the clients.
async fn changed(tx: &Tx) -> Result<(), Fault> {
    revisions::bump(tx, WatchedTable::Clients).await
}

/// Every attribute, in the order of the names.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<Attribute>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Name).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Attribute::try_from).collect()
}

/// The attribute of this name, locked until the transaction ends.
pub async fn lock(tx: &Tx, name: &str) -> Result<Option<Attribute>, Fault> {
    let row = Entity::find_by_id(name).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Attribute::try_from).transpose()
}

/// The attributes that people may edit, protected from changes until the transaction ends.
pub async fn hold_editable(tx: &Tx) -> Result<Vec<Attribute>, Fault> {
    let select = Entity::find().filter(Column::Editable.eq(true)).order_by_asc(Column::Name);
    let rows = select.lock_shared().all(tx.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Attribute::try_from).collect()
}

/// Writes what an attribute is now.
pub async fn update(tx: &Tx, attribute: &Attribute) -> Result<(), Fault> {
    let row = ActiveModel { name: Unchanged(attribute.name.clone()), ..row(attribute) };
    Entity::update(row).exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    changed(tx).await
}

/// Deletes an attribute with what is left of its values; `false` when there is none of this name.
pub async fn delete(tx: &Tx, name: &str) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(name).exec(tx.connection()).await;
    let deleted = deleted.map_err(while_doing(WRITING))?;
    changed(tx).await?;
    Ok(deleted.rows_affected == 1)
}
