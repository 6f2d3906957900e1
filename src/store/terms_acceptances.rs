//! `terms_acceptance`: which versions of the operator's documents people accepted, when and from
//! where. A row never changes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::terms::Acceptance;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "terms_acceptance")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub document: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub version: String,
            pub accepted_at: i64,
            pub address: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

/// An acceptance, with the time and the place.
#[derive(Clone, Debug)]
pub struct RecordedAcceptance {
    /// The document and its version.
    pub acceptance: Acceptance,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// The client address from which it was accepted.
    pub address: Option<String>,
}

/// Writes an acceptance; `false` when the person accepted this version before.
pub async fn insert(
    tx: &Tx,
    user: &UserId,
    acceptance: &Acceptance,
    address: Option<&str>,
) -> Result<bool, Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        document: Set(acceptance.document.clone()),
        version: Set(acceptance.version.clone()),
        accepted_at: Set(millis(tx.now())),
        address: Set(address.map(str::to_owned)),
    };
    let mut once = OnConflict::columns([Column::UserId, Column::Document, Column::Version]);
    let inserted = Entity::insert(row)
        .on_conflict(once.do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await;
    Ok(inserted.map_err(while_doing("writing the table terms_acceptance"))? == 1)
}

/// Every acceptance of a person, the oldest first.
pub async fn of_user(
    reader: &impl Reader,
    user: &UserId,
) -> Result<Vec<RecordedAcceptance>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .order_by_asc(Column::AcceptedAt)
        .order_by_asc(Column::Document)
        .all(reader.connection())
        .await;
    let rows = rows.map_err(while_doing("reading the table terms_acceptance"))?;
    let read = |row: entity::Model| RecordedAcceptance {
        acceptance: Acceptance { document: row.document, version: row.version },
        accepted_at: clock::from_millis(row.accepted_at),
        address: row.address,
    };
    Ok(rows.into_iter().map(read).collect())
}
