//! `authorization_code`: codes by their hash. A used code is kept for a while, so that a second use
//! of it is recognised.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::authorization::IssuedCode;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::family::FamilyId;
use crate::domain::pkce::Challenge;
use crate::domain::secret::{AuthorizationCode, Hashed};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "authorization_code")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub client_id: String,
            pub redirect_uri: String,
            pub challenge: Option<String>,
            pub granted: String,
            pub expires_at: i64,
            pub spent_at: Option<i64>,
            pub family_id: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table authorization_code";
const WRITING: &str = "writing the table authorization_code";

impl TryFrom<Model> for IssuedCode {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            hash: Hashed::from_stored(&row.hash).ok_or_else(|| corrupt(TABLE, "a hash"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))?,
            redirect_uri: row.redirect_uri,
            challenge: row.challenge.map(Challenge::from_stored),
            granted: serde_json::from_str(&row.granted)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            expires_at: clock::from_millis(row.expires_at),
            spent_at: instant(row.spent_at),
            family: row.family_id.map(FamilyId::from_stored),
        })
    }
}

/// Writes a new code.
pub async fn insert(tx: &Tx, code: &IssuedCode) -> Result<(), Fault> {
    let granted = serde_json::to_string(&code.granted)
        .map_err(|error| Fault::internal("writing what a code stands for", error))?;
    let row = ActiveModel {
        hash: Set(code.hash.to_stored()),
        client_id: Set(code.client.as_str().to_owned()),
        redirect_uri: Set(code.redirect_uri.clone()),
        challenge: Set(code.challenge.as_ref().map(|challenge| challenge.as_str().to_owned())),
        granted: Set(granted),
        expires_at: Set(millis(code.expires_at)),
        spent_at: Set(code.spent_at.map(millis)),
        family_id: Set(code.family.as_ref().map(|family| family.as_str().to_owned())),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// The code with this hash.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<AuthorizationCode>,
) -> Result<Option<IssuedCode>, Fault> {
    let row = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(IssuedCode::try_from).transpose()
}

/// Marks a code as used and records the family that it opens. The update checks everything to which
/// the code is bound. `false` when it was used before: of two uses at the same time, only one
/// succeeds.
pub async fn spend(tx: &Tx, code: &IssuedCode, family: &FamilyId) -> Result<bool, Fault> {
    let spent = Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(millis(tx.now())))
        .col_expr(Column::FamilyId, Expr::value(family.as_str()))
        .filter(Column::Hash.eq(code.hash.to_stored()))
        .filter(Column::ClientId.eq(code.client.as_str()))
        .filter(Column::RedirectUri.eq(code.redirect_uri.as_str()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(spent.rows_affected == 1)
}

/// Deletes codes that nobody used and that expire until this instant; returns how many.
pub async fn delete_unspent(tx: &Tx, until: DateTime<Utc>) -> Result<u64, Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::SpentAt.is_null())
        .filter(ColumnTrait::lte(&Column::ExpiresAt, millis(until)))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}

/// Deletes codes that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
