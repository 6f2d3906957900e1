//! `sealed_key`: random keys of this installation, sealed under the master key.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "sealed_key")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub sealed: Vec<u8>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const WRITING: &str = "writing the table sealed_key";

/// The sealed key with this name.
pub async fn find(reader: &impl Reader, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let row = Entity::find_by_id(name).one(reader.connection()).await;
    Ok(row.map_err(while_doing("reading the table sealed_key"))?.map(|row| row.sealed))
}

/// Writes a key, unless there is already one with this name.
pub async fn insert(tx: &Tx, name: &str, sealed: Vec<u8>) -> Result<(), Fault> {
    let row = ActiveModel { name: Set(name.to_owned()), sealed: Set(sealed) };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Replaces a sealed key after the master key changed.
pub async fn reseal(tx: &Tx, name: &str, sealed: Vec<u8>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::Sealed, Expr::value(sealed))
        .filter(Column::Name.eq(name))
        .exec(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing(WRITING))
}
