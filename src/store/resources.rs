//! `resource`: the registered resources, RFC 8707.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revisions::{self, WatchedTable};
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::resource::Resource;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "resource")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub metadata: String,
            pub created_at: i64,
            pub updated_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

/// How many are read at once.
const PAGE: u64 = 1000;
const TABLE: &str = "reading the table resource";
const WRITING: &str = "writing the table resource";

impl TryFrom<Model> for Resource {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            metadata: serde_json::from_str(&row.metadata)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            id: row.id,
            created_at: clock::from_millis(row.created_at),
            updated_at: clock::from_millis(row.updated_at),
        })
    }
}

fn row(resource: &Resource) -> ActiveModel {
    ActiveModel {
        id: Set(resource.id.clone()),
        metadata: Set(serde_json::Value::Object(resource.metadata.to_json()).to_string()),
        created_at: Set(millis(resource.created_at)),
        updated_at: Set(millis(resource.updated_at)),
    }
}

/// Servers keep the resources in memory together with what they know of the clients.
async fn changed(tx: &Tx) -> Result<(), Fault> {
    revisions::bump(tx, WatchedTable::Clients).await
}

/// Writes a new resource; `false` when its identifier is taken.
pub async fn insert(tx: &Tx, resource: &Resource) -> Result<bool, Fault> {
    let known = OnConflict::column(Column::Id).do_nothing().to_owned();
    let inserted = Entity::insert(row(resource)).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    let inserted = inserted.map_err(while_doing(WRITING))?;
    changed(tx).await?;
    Ok(inserted == 1)
}

/// Writes a resource that is there.
pub async fn update(tx: &Tx, resource: &Resource) -> Result<(), Fault> {
    let updated = Entity::update(row(resource)).exec(tx.connection()).await;
    updated.map(drop).map_err(while_doing(WRITING))?;
    changed(tx).await
}

/// The resource of this identifier.
pub async fn find(reader: &impl Reader, id: &str) -> Result<Option<Resource>, Fault> {
    let row = Entity::find_by_id(id).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Resource::try_from).transpose()
}

/// The resource of this identifier, protected from changes until the transaction ends.
pub async fn lock(tx: &Tx, id: &str) -> Result<Option<Resource>, Fault> {
    let row = Entity::find_by_id(id).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Resource::try_from).transpose()
}

/// Resources in the order of their identifiers, after this one, at most so many.
pub async fn page(
    reader: &impl Reader,
    behind: Option<&str>,
    at_most: u64,
) -> Result<Vec<Resource>, Fault> {
    let mut select = Entity::find().order_by_asc(Column::Id).limit(at_most);
    if let Some(behind) = behind {
        select = select.filter(Column::Id.gt(behind));
    }
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(Resource::try_from).collect()
}

/// Every resource, in the order of the identifiers. Their number is limited where they are made.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<Resource>, Fault> {
    let mut every: Vec<Resource> = Vec::new();
    loop {
        let behind = every.last().map(|last| last.id.as_str());
        let some = page(reader, behind, PAGE).await?;
        if some.is_empty() {
            return Ok(every);
        }
        every.extend(some);
    }
}

/// How many there are.
pub async fn count(reader: &impl Reader) -> Result<u64, Fault> {
    Entity::find().count(reader.connection()).await.map_err(while_doing(TABLE))
}

/// Deletes a resource; `false` when there is none.
pub async fn delete(tx: &Tx, id: &str) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(id).exec(tx.connection()).await;
    let deleted = deleted.map_err(while_doing(WRITING))?;
    changed(tx).await?;
    Ok(deleted.rows_affected == 1)
}
