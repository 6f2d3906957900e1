//! `revision`: numbers that change with each change of a table. Servers watch them to notice
//! changes by other servers and by commands.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QuerySelect};

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "revision")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub value: i64,
        }
    }
}

/// A table that is watched for changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchedTable {
    /// The registered clients.
    Clients,
    /// The signing keys.
    Keys,
    /// The providers of social login.
    Providers,
}

impl WatchedTable {
    fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Keys => "keys",
            Self::Providers => "providers",
        }
    }
}

/// The revisions at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// The revision of the registered clients.
    pub clients: i64,
    /// The revision of the signing keys.
    pub keys: i64,
    /// The revision of the providers of social login.
    pub providers: i64,
}

/// Reads all revisions.
pub async fn read(reader: &impl Reader) -> Result<Revisions, Fault> {
    let rows: Vec<(String, i64)> = entity::Entity::find()
        .select_only()
        .columns([entity::Column::Name, entity::Column::Value])
        .into_tuple()
        .all(reader.connection())
        .await
        .map_err(while_doing("reading the revisions"))?;
    let rows: HashMap<String, i64> = rows.into_iter().collect();
    let of = |watched: WatchedTable| rows.get(watched.name()).copied().unwrap_or_default();
    Ok(Revisions {
        clients: of(WatchedTable::Clients),
        keys: of(WatchedTable::Keys),
        providers: of(WatchedTable::Providers),
    })
}

/// Records that a table changed.
pub async fn bump(tx: &Tx, watched: WatchedTable) -> Result<(), Fault> {
    tx.changes_watched_table();
    entity::Entity::update_many()
        .col_expr(entity::Column::Value, Expr::col(entity::Column::Value).add(1))
        .filter(entity::Column::Name.eq(watched.name()))
        .exec(tx.connection())
        .await
        .map_err(while_doing("writing a revision"))?;
    Ok(())
}
