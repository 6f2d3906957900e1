//! `account_key`: every name by which an account can sign in.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, SelectStatement};

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "account_key")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub key: String,
            pub user_id: String,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table account_key";

/// Writes the names of an account and removes its other ones; `false` when another account has one
/// of these names.
pub(super) async fn put(tx: &Tx, user: &UserId, keys: &[String]) -> Result<bool, Fault> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::Key.is_not_in(keys))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    let mut free = true;
    for key in keys {
        let row = ActiveModel { key: Set(key.clone()), user_id: Set(user.as_str().to_owned()) };
        let own = Expr::col((Entity, Column::UserId)).eq(user.as_str());
        let over = OnConflict::column(Column::Key)
            .update_column(Column::UserId)
            .action_and_where(own)
            .to_owned();
        let put = Entity::insert(row).on_conflict(over);
        let put =
            put.exec_without_returning(tx.connection()).await.map_err(while_doing(WRITING))?;
        free &= put == 1;
    }
    Ok(free)
}

/// Writes names of new accounts; `false` when one of them is taken.
pub(super) async fn insert_many(tx: &Tx, named: Vec<(String, &UserId)>) -> Result<bool, Fault> {
    let number = named.len();
    let rows = named
        .into_iter()
        .map(|(key, user)| ActiveModel { key: Set(key), user_id: Set(user.as_str().to_owned()) });
    let inserted = Entity::insert_many(rows)
        .on_conflict(OnConflict::column(Column::Key).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(usize::try_from(inserted).is_ok_and(|inserted| inserted == number))
}

/// The accounts that have these names.
pub(super) async fn owners(
    reader: &impl Reader,
    keys: &[String],
) -> Result<HashMap<String, UserId>, Fault> {
    let rows = Entity::find().filter(Column::Key.is_in(keys)).all(reader.connection()).await;
    let rows = rows.map_err(while_doing("reading the table account_key"))?;
    Ok(rows.into_iter().map(|row| (row.key, UserId::from_stored(row.user_id))).collect())
}

/// Removes these names from the accounts that this statement selects.
pub(super) async fn free(tx: &Tx, keys: &[String], accounts: SelectStatement) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::Key.is_in(keys))
        .filter(Column::UserId.in_subquery(accounts))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// The account that has this name.
pub(super) async fn owner(reader: &impl Reader, key: &str) -> Result<Option<UserId>, Fault> {
    let row = Entity::find_by_id(key).one(reader.connection()).await;
    let row = row.map_err(while_doing("reading the table account_key"))?;
    Ok(row.map(|row| UserId::from_stored(row.user_id)))
}
