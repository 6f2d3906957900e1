//! `terms_acceptance`: what people answered to which versions of the operator's documents, when and
//! from where. An acceptance never changes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ExprTrait, QueryOrder};

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::terms::{Acceptance, TermsAnswer};
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
            pub is_accepted: bool,
            pub answered_at: i64,
            pub address: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

/// An answer, with the time and the place.
#[derive(Clone, Debug)]
pub struct RecordedAnswer {
    /// What was answered.
    pub answer: TermsAnswer,
    /// When it was answered.
    pub answered_at: DateTime<Utc>,
    /// The client address from which it was answered.
    pub address: Option<String>,
}

/// Writes an answer; `false` when the person accepted this version before, or left it out again.
pub async fn insert(
    tx: &Tx,
    user: &UserId,
    answer: &TermsAnswer,
    address: Option<&str>,
) -> Result<bool, Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        document: Set(answer.asked.document.clone()),
        version: Set(answer.asked.version.clone()),
        is_accepted: Set(answer.is_accepted),
        answered_at: Set(millis(tx.now())),
        address: Set(address.map(str::to_owned)),
    };
    let mut once = OnConflict::columns([Column::UserId, Column::Document, Column::Version]);
    if answer.is_accepted {
        // Who left it out may accept it later.
        once.update_columns([Column::IsAccepted, Column::AnsweredAt, Column::Address])
            .action_and_where(Expr::col((Entity, Column::IsAccepted)).eq(false));
    } else {
        once.do_nothing();
    }
    let inserted =
        Entity::insert(row).on_conflict(once).exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing("writing the table terms_acceptance"))? == 1)
}

/// Every answer of a person, the oldest first.
pub async fn of_user(reader: &impl Reader, user: &UserId) -> Result<Vec<RecordedAnswer>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .order_by_asc(Column::AnsweredAt)
        .order_by_asc(Column::Document)
        .all(reader.connection())
        .await;
    let rows = rows.map_err(while_doing("reading the table terms_acceptance"))?;
    let read = |row: entity::Model| RecordedAnswer {
        answer: TermsAnswer {
            asked: Acceptance { document: row.document, version: row.version },
            is_accepted: row.is_accepted,
        },
        answered_at: clock::from_millis(row.answered_at),
        address: row.address,
    };
    Ok(rows.into_iter().map(read).collect())
}
