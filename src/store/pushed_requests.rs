//! `pushed_request`: authorization requests that clients pushed (RFC 9126), by the hash of what names
//! them. A used one is kept for a while, so that it is not used again.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::authorization::PushedAuthorization;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::interaction::InteractionId;
use crate::domain::secret::{Hashed, PushedRequest};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "pushed_request")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub client_id: String,
            pub request: String,
            pub expires_at: i64,
            pub used_at: Option<i64>,
            pub used_by: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table pushed_request";
const WRITING: &str = "writing the table pushed_request";

impl TryFrom<Model> for PushedAuthorization {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            hash: Hashed::from_stored(&row.hash).ok_or_else(|| corrupt(TABLE, "a hash"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))?,
            request: serde_json::from_str(&row.request)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            expires_at: clock::from_millis(row.expires_at),
            used_at: instant(row.used_at),
        })
    }
}

/// Writes a request that was pushed.
pub async fn insert(tx: &Tx, pushed: &PushedAuthorization) -> Result<(), Fault> {
    let request = serde_json::to_string(&pushed.request)
        .map_err(|error| Fault::internal("writing a pushed request", error))?;
    let row = ActiveModel {
        hash: Set(pushed.hash.to_stored()),
        client_id: Set(pushed.client.as_str().to_owned()),
        request: Set(request),
        expires_at: Set(millis(pushed.expires_at)),
        used_at: Set(pushed.used_at.map(millis)),
        used_by: Set(None),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// The request with this hash.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<PushedRequest>,
) -> Result<Option<PushedAuthorization>, Fault> {
    let row = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(PushedAuthorization::try_from).transpose()
}

/// Marks a request of this client as answered in this interaction; `false` when it was answered in
/// another one before. It may have expired since the person came: they take their time on the pages.
pub async fn spend(
    tx: &Tx,
    hash: Hashed<PushedRequest>,
    client: &ClientId,
    interaction: &InteractionId,
) -> Result<bool, Fault> {
    let is_unused = Column::UsedAt.is_null().or(Column::UsedBy.eq(interaction.as_str()));
    let spent = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(millis(tx.now())))
        .col_expr(Column::UsedBy, Expr::value(interaction.as_str()))
        .filter(Column::Hash.eq(hash.to_stored()))
        .filter(Column::ClientId.eq(client.as_str()))
        .filter(is_unused)
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(spent.rows_affected == 1)
}

/// Deletes requests that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
