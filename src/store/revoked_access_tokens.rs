//! `revoked_access_token`: access tokens that were revoked before they expired, by `jti`.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::revocation_log::Noted;
use super::tx::Tx;
use crate::domain::revocation::{Audiences, Revocation, RevokedKind};
use crate::domain::status_list::StatusIndex;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    pub(super) mod entity {
        #[sea_orm(table_name = "revoked_access_token")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub jti: String,
            pub expires_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

/// An access token to revoke.
#[derive(Clone, Debug)]
pub struct RevokedToken<'a> {
    /// Its `jti`.
    pub jti: &'a str,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Its audiences.
    pub audiences: Vec<String>,
    /// Its place in the status lists.
    pub status: Option<StatusIndex>,
}

/// Revokes an access token; `false` when it was revoked already.
pub async fn insert(tx: &Tx, token: RevokedToken<'_>) -> Result<bool, Fault> {
    let RevokedToken { jti, expires_at, audiences, status } = token;
    let row = ActiveModel { jti: Set(jti.to_owned()), expires_at: Set(millis(expires_at)) };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Jti).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table revoked_access_token"))?;
    if inserted == 1 {
        tx.revokes([Noted::Event(Revocation {
            kind: RevokedKind::Token,
            value: jti.to_owned(),
            revoked_at: tx.now(),
            expires_at,
            audiences: Audiences::These(audiences),
        })]);
        tx.revokes(status.map(Noted::Bit));
    }
    Ok(inserted == 1)
}

/// Whether an access token was revoked.
pub async fn has(reader: &impl Reader, jti: &str) -> Result<bool, Fault> {
    let row = Entity::find_by_id(jti).one(reader.connection()).await;
    Ok(row.map_err(while_doing("reading the table revoked_access_token"))?.is_some())
}

/// Deletes tokens that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Jti, Column::ExpiresAt.lt(millis(before)), at_most).await
}
