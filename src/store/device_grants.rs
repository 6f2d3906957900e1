//! `device_grant`: sign-ins on devices (RFC 8628), by the hashes of both codes. A used one is kept for
//! a while, so that it is not used again.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::authorization::Granted;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::device_grant::{DeviceGrant, UserCode};
use crate::domain::secret::{DeviceCode, Hashed};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "device_grant")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub user_code_hash: Vec<u8>,
            pub client_id: String,
            pub asked: String,
            pub pause_ms: i64,
            pub polled_at: Option<i64>,
            pub created_at: i64,
            pub expires_at: i64,
            pub granted: Option<String>,
            pub granted_by: Option<String>,
            pub decided_at: Option<i64>,
            pub spent_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table device_grant";
const WRITING: &str = "writing the table device_grant";

impl TryFrom<Model> for DeviceGrant {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let unreadable = |error: serde_json::Error| corrupt(TABLE, error.to_string());
        let granted = row.granted.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            hash: Hashed::from_stored(&row.hash).ok_or_else(|| corrupt(TABLE, "a hash"))?,
            user_code_hash: row.user_code_hash,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))?,
            asked: serde_json::from_str(&row.asked).map_err(unreadable)?,
            pause: chrono::Duration::milliseconds(row.pause_ms),
            polled_at: instant(row.polled_at),
            created_at: clock::from_millis(row.created_at),
            expires_at: clock::from_millis(row.expires_at),
            granted: granted.map_err(unreadable)?,
            decided_at: instant(row.decided_at),
            spent_at: instant(row.spent_at),
        })
    }
}

fn text(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::internal(WRITING, error))
}

/// Writes a new one; `false` when another device has the same user code.
pub async fn insert(tx: &Tx, grant: &DeviceGrant) -> Result<bool, Fault> {
    let row = ActiveModel {
        hash: Set(grant.hash.to_stored()),
        user_code_hash: Set(grant.user_code_hash.clone()),
        client_id: Set(grant.client.as_str().to_owned()),
        asked: Set(text(&grant.asked)?),
        pause_ms: Set(grant.pause.num_milliseconds()),
        polled_at: Set(grant.polled_at.map(millis)),
        created_at: Set(millis(grant.created_at)),
        expires_at: Set(millis(grant.expires_at)),
        granted: Set(grant.granted.as_ref().map(text).transpose()?),
        granted_by: Set(grant.granted.as_ref().map(|one| one.user.as_str().to_owned())),
        decided_at: Set(grant.decided_at.map(millis)),
        spent_at: Set(grant.spent_at.map(millis)),
    };
    let taken = OnConflict::column(Column::UserCodeHash).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(taken);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

/// The one with this device code.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<DeviceCode>,
) -> Result<Option<DeviceGrant>, Fault> {
    let row = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(DeviceGrant::try_from).transpose()
}

/// The one with this user code, if it has not expired.
pub async fn shown(
    reader: &impl Reader,
    code: &UserCode,
    now: DateTime<Utc>,
) -> Result<Option<DeviceGrant>, Fault> {
    let row = Entity::find()
        .filter(Column::UserCodeHash.eq(code.hashed()))
        .filter(Column::ExpiresAt.gt(millis(now)))
        .one(reader.connection())
        .await;
    row.map_err(while_doing(TABLE))?.map(DeviceGrant::try_from).transpose()
}

/// How late a poll may be.
const POLL: chrono::Duration = chrono::Duration::minutes(1);

/// Writes the person's yes, with what they granted, or their no; `false` when it was answered before
/// or has expired.
pub async fn decide(
    tx: &Tx,
    grant: &DeviceGrant,
    granted: Option<&Granted>,
) -> Result<bool, Fault> {
    // The device has time for one more poll, so that what the person is told becomes true.
    let one_more = tx.now() + grant.pause + POLL;
    let expires_at = granted.map_or(grant.expires_at, |_| Ord::max(grant.expires_at, one_more));
    let decided = Entity::update_many()
        .col_expr(Column::DecidedAt, Expr::value(millis(tx.now())))
        .col_expr(Column::Granted, Expr::value(granted.map(text).transpose()?))
        .col_expr(Column::GrantedBy, Expr::value(granted.map(|one| one.user.as_str())))
        .col_expr(Column::ExpiresAt, Expr::value(millis(expires_at)))
        .filter(Column::Hash.eq(grant.hash.to_stored()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::DecidedAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(decided.rows_affected == 1)
}

/// Notes a poll that came to nothing, and how long the device waits from now on.
pub async fn polled(tx: &Tx, grant: &DeviceGrant, pause: chrono::Duration) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::PolledAt, Expr::value(millis(tx.now())))
        .col_expr(Column::PauseMs, Expr::value(pause.num_milliseconds()))
        .filter(Column::Hash.eq(grant.hash.to_stored()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Uses the permission of the person up. The statement checks everything to which it is bound; `false`
/// when another request was first.
pub async fn spend(tx: &Tx, grant: &DeviceGrant) -> Result<bool, Fault> {
    let spent = Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(millis(tx.now())))
        .filter(Column::Hash.eq(grant.hash.to_stored()))
        .filter(Column::ClientId.eq(grant.client.as_str()))
        .filter(Column::Granted.is_not_null())
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(spent.rows_affected == 1)
}

/// Deletes those that somebody allowed by a sign-in until this instant, and that no device has used;
/// returns how many.
pub async fn delete_allowed_until(tx: &Tx, until: DateTime<Utc>) -> Result<u64, Fault> {
    let unused = Entity::find().filter(Column::SpentAt.is_null());
    let allowed = unused.filter(Column::Granted.is_not_null()).all(tx.connection()).await;
    let mut deleted = 0;
    for row in allowed.map_err(while_doing(TABLE))? {
        let grant = DeviceGrant::try_from(row)?;
        if grant.granted.as_ref().is_some_and(|granted| granted.auth_time <= until) {
            deleted += delete(tx, Column::Hash.eq(grant.hash.to_stored())).await?;
        }
    }
    Ok(deleted)
}

/// Deletes those of a client that no device has used.
pub async fn delete_of_client(tx: &Tx, client: &ClientId) -> Result<u64, Fault> {
    delete(tx, Column::ClientId.eq(client.as_str())).await
}

/// Deletes those that a person allowed to a client, and that no device has used.
pub async fn delete_allowed_by(tx: &Tx, user: &UserId, client: &ClientId) -> Result<u64, Fault> {
    let theirs = Column::GrantedBy.eq(user.as_str());
    delete(tx, theirs.and(Column::ClientId.eq(client.as_str()))).await
}

async fn delete(tx: &Tx, which: Expr) -> Result<u64, Fault> {
    let unused = Entity::delete_many().filter(Column::SpentAt.is_null()).filter(which);
    let deleted = unused.exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}

/// Deletes those that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
