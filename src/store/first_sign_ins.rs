//! `first_sign_in`: the accounts that were used in a browser. It is a table of its own, because a
//! sign-in holds the row of its account together with other sign-ins, and must not write it.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "first_sign_in")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            pub at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

/// Records a sign-in in a browser; `true` if it is the first one of this account. Of two at the
/// same time one is the first.
pub async fn is_first(tx: &Tx, user: &UserId) -> Result<bool, Fault> {
    let row = ActiveModel { user_id: Set(user.as_str().to_owned()), at: Set(millis(tx.now())) };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::UserId).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table first_sign_in"))?;
    Ok(inserted == 1)
}
