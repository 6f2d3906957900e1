//! `mail_secret`: the secrets that are sent by mail, by their hashes. A used one is kept until its
//! end, so that a second click is recognised.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::CaseStatement;
use sea_orm::{ExprTrait, QueryOrder};

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::mail_secret::{
    ATTEMPTS, HashedMailCode, MailPurpose, MailSecret, MailSecretOwner,
};
use crate::domain::secret::{Hashed, MailLink};
use crate::domain::session::BrowserId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "mail_secret")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub link_hash: Vec<u8>,
            pub purpose: String,
            pub code_hash: Option<Vec<u8>>,
            pub attempts: i64,
            pub user_id: Option<String>,
            pub version: Option<i64>,
            pub address: Option<String>,
            pub browser_id: Option<String>,
            pub payload: String,
            pub created_at: i64,
            pub expires_at: i64,
            pub spent_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table mail_secret";
const WRITING: &str = "writing the table mail_secret";

impl TryFrom<Model> for MailSecret {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let owner = match (row.user_id, row.version, row.address) {
            (Some(user), Some(version), _) => {
                MailSecretOwner::Account(UserId::from_stored(user), version)
            }
            (Some(user), None, _) => MailSecretOwner::AnyVersion(UserId::from_stored(user)),
            (_, _, Some(address)) => MailSecretOwner::Address(address),
            _ => return Err(corrupt(TABLE, "a secret that belongs to nobody")),
        };
        let code = row.code_hash.map(|hash| {
            HashedMailCode::from_stored(&hash).ok_or_else(|| corrupt(TABLE, "the hash of a code"))
        });
        Ok(Self {
            link: Hashed::from_stored(&row.link_hash).ok_or_else(|| corrupt(TABLE, "a hash"))?,
            code: code.transpose()?,
            purpose: row.purpose.parse().map_err(|error: String| corrupt(TABLE, error))?,
            owner,
            browser: row.browser_id.map(BrowserId::from_stored),
            payload: row.payload,
            created_at: clock::from_millis(row.created_at),
            expires_at: clock::from_millis(row.expires_at),
            spent_at: instant(row.spent_at),
        })
    }
}

/// Writes a new secret.
pub async fn insert(tx: &Tx, secret: &MailSecret) -> Result<(), Fault> {
    let (user, version, address) = match &secret.owner {
        MailSecretOwner::Account(user, version) => (Some(user.as_str()), Some(*version), None),
        MailSecretOwner::AnyVersion(user) => (Some(user.as_str()), None, None),
        MailSecretOwner::Address(address) => (None, None, Some(address.as_str())),
    };
    let row = ActiveModel {
        link_hash: Set(secret.link.to_stored()),
        purpose: Set(secret.purpose.as_str().to_owned()),
        code_hash: Set(secret.code.map(HashedMailCode::to_stored)),
        attempts: Set(0),
        user_id: Set(user.map(str::to_owned)),
        version: Set(version),
        address: Set(address.map(str::to_owned)),
        browser_id: Set(secret.browser.as_ref().map(|browser| browser.as_str().to_owned())),
        payload: Set(secret.payload.clone()),
        created_at: Set(millis(secret.created_at)),
        expires_at: Set(millis(secret.expires_at)),
        spent_at: Set(secret.spent_at.map(millis)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// The secret of this link, whether or not it still counts.
pub async fn find(
    reader: &impl Reader,
    purpose: MailPurpose,
    link: Hashed<MailLink>,
) -> Result<Option<MailSecret>, Fault> {
    let row = Entity::find_by_id(link.to_stored())
        .filter(Column::Purpose.eq(purpose.as_str()))
        .one(reader.connection())
        .await;
    row.map_err(while_doing(TABLE))?.map(MailSecret::try_from).transpose()
}

/// The newest secret of this purpose that this browser asked for, whether or not it still counts.
pub async fn find_newest(
    reader: &impl Reader,
    purpose: MailPurpose,
    browser: &BrowserId,
) -> Result<Option<MailSecret>, Fault> {
    let row = Entity::find()
        .filter(Column::BrowserId.eq(browser.as_str()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::SpentAt.is_not_null())
        .one(reader.connection())
        .await;
    row.map_err(while_doing(TABLE))?.map(MailSecret::try_from).transpose()
}

/// Ends the secrets of this purpose that this browser asked for before.
pub async fn end_older(tx: &Tx, purpose: MailPurpose, browser: &BrowserId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(millis(tx.now())))
        .filter(Column::BrowserId.eq(browser.as_str()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Deletes the secrets of this purpose that this browser asked for.
pub async fn delete_of_browser(
    tx: &Tx,
    purpose: MailPurpose,
    browser: &BrowserId,
) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::BrowserId.eq(browser.as_str()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// The secrets of this purpose that belong to an account and still count, the oldest first.
pub async fn of_user(
    tx: &Tx,
    purpose: MailPurpose,
    user: &UserId,
) -> Result<Vec<MailSecret>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::SpentAt.is_null())
        .order_by_asc(Column::CreatedAt)
        .all(tx.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(MailSecret::try_from).collect()
}

/// Ends the other secrets of an account that were made for the same purpose since this one.
pub async fn end_since(tx: &Tx, user: &UserId, secret: &MailSecret) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(millis(tx.now())))
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::Purpose.eq(secret.purpose.as_str()))
        .filter(ColumnTrait::gte(&Column::CreatedAt, millis(secret.created_at)))
        .filter(ColumnTrait::ne(&Column::LinkHash, secret.link.to_stored()))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Lets the secrets of this purpose that belong to an account, and still count, count as long as
/// one that is made now.
pub async fn prolong(tx: &Tx, purpose: MailPurpose, user: &UserId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(millis(tx.now() + purpose.life())))
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Uses up a secret by its link. `false` when it does not count any more: of two uses at the same
/// time, only one succeeds.
pub async fn spend(tx: &Tx, link: Hashed<MailLink>) -> Result<bool, Fault> {
    let spent = Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(millis(tx.now())))
        .filter(Column::LinkHash.eq(link.to_stored()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(spent.rows_affected == 1)
}

/// Tries a code: one statement counts the attempt and uses the secret up if the code is right. It
/// does neither when the secret does not count any more or was tried too often. `true` when this
/// attempt used it up.
pub async fn try_code(
    tx: &Tx,
    link: Hashed<MailLink>,
    code: HashedMailCode,
) -> Result<bool, Fault> {
    let is_right = Expr::col(Column::CodeHash).eq(code.to_stored());
    let spent = CaseStatement::new()
        .case(is_right, Expr::val(millis(tx.now())))
        .finally(Expr::col(Column::SpentAt));
    let tried = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::SpentAt, spent.into())
        .filter(Column::LinkHash.eq(link.to_stored()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .filter(Column::SpentAt.is_null())
        .filter(ColumnTrait::lt(&Column::Attempts, ATTEMPTS))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    if tried.rows_affected != 1 {
        return Ok(false);
    }
    // The row stays locked until the transaction ends, so it was this attempt that used it up.
    let row = Entity::find_by_id(link.to_stored()).one(tx.connection()).await;
    Ok(row.map_err(while_doing(TABLE))?.is_some_and(|row| row.spent_at.is_some()))
}

/// Deletes secrets that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let expired = ColumnTrait::lt(&Column::ExpiresAt, millis(before));
    housekeep(tx, Entity, Column::LinkHash, expired, at_most).await
}
