//! `audit_change`: what changes in the administration replaced. A row goes with its event, and
//! before that with the person whom it concerns.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::cause::while_doing;
use super::column::corrupt;
use super::entity::entity;
use super::reader::Reader;
use super::statement::ROWS;
use super::tx::Tx;
use crate::domain::audit::{Change, Event};
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "audit_change")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub event_id: String,
            pub user_id: Option<String>,
            pub members: String,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table audit_change";

/// Writes what these events changed, each with the id of its row.
pub(super) async fn insert<'a>(
    tx: &Tx,
    events: impl Iterator<Item = (&'a Event, &'a String)>,
) -> Result<(), Fault> {
    let mut rows = Vec::new();
    for (event, id) in events {
        let Some(change) = &event.change else { continue };
        let members = serde_json::to_string(change);
        let members = members.map_err(|error| Fault::internal("writing a change", error))?;
        rows.push(ActiveModel {
            event_id: Set(id.clone()),
            user_id: Set(event.user.as_ref().map(|id| id.as_str().to_owned())),
            members: Set(members),
        });
    }
    if rows.is_empty() {
        return Ok(());
    }
    let inserted = Entity::insert_many(rows).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing("writing the table audit_change"))
}

/// What these events changed, by the ids of their rows.
pub(super) async fn of(
    reader: &impl Reader,
    events: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Change>, Fault> {
    let ids: Vec<_> = events.collect();
    let mut found = BTreeMap::new();
    for some in ids.chunks(ROWS) {
        let some = some.iter().copied();
        let rows =
            Entity::find().filter(Column::EventId.is_in(some)).all(reader.connection()).await;
        for row in rows.map_err(while_doing(TABLE))? {
            let change = serde_json::from_str(&row.members);
            let change = change.map_err(|_| corrupt(TABLE, "a change that is not JSON"))?;
            found.insert(row.event_id, change);
        }
    }
    Ok(found)
}
