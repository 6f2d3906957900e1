//! `scim_group`: the identifiers that SCIM connectors give to groups.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::group::GroupId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "scim_group")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub group_id: String,
            pub external_id: Option<String>,
            pub updated_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table scim_group";
const WRITING: &str = "writing the table scim_group";

/// What connectors said of a group, and when they changed it last.
pub type OfConnector = (Option<String>, DateTime<Utc>);

/// What connectors said of these groups, by their ids. The caller limits their number.
pub async fn of_each(
    reader: &impl Reader,
    groups: &[&GroupId],
) -> Result<HashMap<String, OfConnector>, Fault> {
    let ids = groups.iter().map(|id| id.as_str());
    let rows = Entity::find().filter(Column::GroupId.is_in(ids)).all(reader.connection()).await;
    let rows = rows.map_err(while_doing(TABLE))?.into_iter();
    let read =
        |row: entity::Model| (row.group_id, (row.external_id, clock::from_millis(row.updated_at)));
    Ok(rows.map(read).collect())
}

/// The groups with this identifier, at most so many.
pub async fn with(
    reader: &impl Reader,
    external_id: &str,
    at_most: u64,
) -> Result<Vec<GroupId>, Fault> {
    let select = Entity::find().filter(Column::ExternalId.eq(external_id)).limit(at_most);
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    Ok(rows.into_iter().map(|row| GroupId::from_stored(row.group_id)).collect())
}

/// Writes the identifier of a group, or that it has none, and that it was changed now.
pub async fn put(tx: &Tx, group: &GroupId, external_id: Option<&str>) -> Result<(), Fault> {
    let row = ActiveModel {
        group_id: Set(group.as_str().to_owned()),
        external_id: Set(external_id.map(str::to_owned)),
        updated_at: Set(millis(tx.now())),
    };
    let known = OnConflict::column(Column::GroupId)
        .update_columns([Column::ExternalId, Column::UpdatedAt])
        .to_owned();
    let written =
        Entity::insert(row).on_conflict(known).exec_without_returning(tx.connection()).await;
    written.map(drop).map_err(while_doing(WRITING))
}
