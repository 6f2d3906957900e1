//! `repeatable_creation`: creations that were asked for with an `Idempotency-Key`. The key is the
//! hash of the caller and of what they sent as key.

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "repeatable_creation")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub request: Vec<u8>,
            pub answer: Option<String>,
            pub user_id: Option<String>,
            pub begun_at: i64,
            pub expires_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table repeatable_creation";

/// What is known of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It begins now.
    New,
    /// The key was used for another request.
    Other,
    /// It began, and is not answered yet.
    Unanswered,
    /// It was answered so.
    Answered(String),
}

/// Begins a creation, unless it has begun. One that began longer than `patience` ago and was never
/// answered begins again: whoever worked on it is gone.
pub async fn begin(
    tx: &Tx,
    hash: &[u8; 32],
    request: &[u8; 32],
    (patience, kept): (Duration, Duration),
) -> Result<Creation, Fault> {
    let row = ActiveModel {
        hash: Set(hash.to_vec()),
        request: Set(request.to_vec()),
        answer: Set(None),
        user_id: Set(None),
        begun_at: Set(millis(tx.now())),
        expires_at: Set(millis(tx.now() + kept)),
    };
    let once = OnConflict::column(Column::Hash).do_nothing().to_owned();
    let inserted =
        Entity::insert(row.clone()).on_conflict(once).exec_without_returning(tx.connection()).await;
    if inserted.map_err(while_doing(WRITING))? == 1 {
        return Ok(Creation::New);
    }
    let known = Entity::find_by_id(hash.to_vec()).lock_exclusive().one(tx.connection()).await;
    let Some(known) = known.map_err(while_doing("reading the table repeatable_creation"))? else {
        return Ok(Creation::Unanswered);
    };
    let is_over = known.expires_at <= millis(tx.now());
    if !is_over && known.request != request {
        return Ok(Creation::Other);
    }
    let is_left = known.answer.is_none() && known.begun_at < millis(tx.now() - patience);
    if is_over || is_left {
        let again = Entity::update(row).exec(tx.connection()).await;
        again.map_err(while_doing(WRITING))?;
        return Ok(Creation::New);
    }
    Ok(known.answer.map_or(Creation::Unanswered, Creation::Answered))
}

/// Keeps the answer to a creation. One that tells of a person goes with their account.
pub async fn answer(
    tx: &Tx,
    hash: &[u8; 32],
    answer: String,
    about: Option<&UserId>,
) -> Result<(), Fault> {
    let written = Entity::update_many()
        .col_expr(Column::Answer, Expr::value(answer))
        .col_expr(Column::UserId, Expr::value(about.map(|id| id.as_str().to_owned())))
        .filter(Column::Hash.eq(hash.to_vec()))
        .exec(tx.connection())
        .await;
    written.map(drop).map_err(while_doing(WRITING))
}

/// Forgets a creation that was refused: it may be asked for again, in another way too.
pub async fn take_back(tx: &Tx, hash: &[u8; 32]) -> Result<(), Fault> {
    let deleted = Entity::delete_by_id(hash.to_vec()).exec(tx.connection()).await;
    deleted.map(drop).map_err(while_doing(WRITING))
}

/// Deletes what expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
