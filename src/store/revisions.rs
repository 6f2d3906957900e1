//! `revision`: numbers that change with each change of a table. Servers watch them to notice
//! changes by other servers and by commands.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
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
    /// The apps that have no part in what all clients say together. Each change of one is a change of the
    /// registered clients, too.
    Apps,
    /// The registered clients.
    Clients,
    /// The signing keys.
    Keys,
    /// The providers of social login.
    Providers,
    /// The revocations and the status lists.
    Revocations,
    /// How often indices of status lists were reserved.
    StatusIndices,
    /// The highest number of a status list.
    StatusLists,
    /// Who is told of audit events.
    Webhooks,
}

impl WatchedTable {
    fn name(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Clients => "clients",
            Self::Keys => "keys",
            Self::Providers => "providers",
            Self::Revocations => "revocations",
            Self::StatusIndices => "status_indices",
            Self::StatusLists => "status_lists",
            Self::Webhooks => "webhooks",
        }
    }
}

/// The revisions at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// The revision of the registered clients.
    pub clients: i64,
    /// The revision of the apps that have no part in what all clients say together.
    pub apps: i64,
    /// The revision of the signing keys.
    pub keys: i64,
    /// The revision of the providers of social login.
    pub providers: i64,
    /// The revision of the webhooks.
    pub webhooks: i64,
    /// What must never go back.
    pub epoch: Epoch,
    /// The revocations up to this one are not kept any more.
    pub forgotten: i64,
}

impl Revisions {
    /// Whether every change of the clients since then was one of an app that has no part in what all
    /// clients say together. A server of an earlier version says so of none.
    #[must_use]
    pub fn are_of_apps_since(self, before: Self) -> bool {
        let changes = self.clients - before.clients;
        changes > 0 && self.apps - before.apps == changes
    }
}

/// Numbers that only grow. A database in which one of them is smaller than it was is an older copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// The number of the last transaction that revoked something.
    pub revocations: i64,
    /// How often indices of status lists were reserved.
    pub indices: i64,
    /// The highest number of a status list.
    pub lists: i64,
}

impl Epoch {
    /// Whether this is an older state than that one.
    #[must_use]
    pub fn is_behind(self, that: Self) -> bool {
        self.revocations < that.revocations
            || self.indices < that.indices
            || self.lists < that.lists
    }

    /// The larger of each number.
    #[must_use]
    pub fn max(self, that: Self) -> Self {
        Self {
            revocations: Ord::max(self.revocations, that.revocations),
            indices: Ord::max(self.indices, that.indices),
            lists: Ord::max(self.lists, that.lists),
        }
    }
}

/// The name of the row that says which revocations are not kept any more.
const FORGOTTEN: &str = "revocations_forgotten";

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
        apps: of(WatchedTable::Apps),
        keys: of(WatchedTable::Keys),
        providers: of(WatchedTable::Providers),
        webhooks: of(WatchedTable::Webhooks),
        epoch: Epoch {
            revocations: of(WatchedTable::Revocations),
            indices: of(WatchedTable::StatusIndices),
            lists: of(WatchedTable::StatusLists),
        },
        forgotten: rows.get(FORGOTTEN).copied().unwrap_or_default(),
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

/// Records that a table changed, locks its number until the transaction ends, and returns it.
pub async fn take(tx: &Tx, watched: WatchedTable) -> Result<i64, Fault> {
    tx.changes_watched_table();
    let fault = while_doing("writing a revision");
    let update = Query::update()
        .table(entity::Entity)
        .value(entity::Column::Value, Expr::col(entity::Column::Value).add(1))
        .and_where(entity::Column::Name.eq(watched.name()))
        .returning_col(entity::Column::Value)
        .to_owned();
    let row = tx.connection().query_one(&update).await.map_err(&fault)?;
    let row = row.ok_or_else(|| Fault::internal("writing a revision", "there is no such row"))?;
    row.try_get("", "value").map_err(fault)
}

/// Raises every number of the epoch above those of an earlier state of the database, and forgets
/// the revocations up to then. Returns the new ones.
pub(super) async fn raise(tx: &impl Reader, above: Epoch) -> Result<Epoch, Fault> {
    let now = read(tx).await?.epoch.max(above);
    let next = Epoch { revocations: now.revocations + 1, indices: now.indices + 1, ..now };
    for (name, value) in [
        (WatchedTable::Revocations.name(), next.revocations),
        (WatchedTable::StatusIndices.name(), next.indices),
        (WatchedTable::StatusLists.name(), next.lists),
        (FORGOTTEN, next.revocations),
    ] {
        set(tx, name, value).await?;
    }
    Ok(next)
}

/// Records that the revocations up to this one are not kept any more.
pub(super) async fn forget_until(tx: &Tx, position: i64) -> Result<(), Fault> {
    tx.changes_watched_table();
    set(tx, FORGOTTEN, position).await
}

async fn set(tx: &impl Reader, name: &str, value: i64) -> Result<(), Fault> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Value, Expr::value(value))
        .filter(entity::Column::Name.eq(name))
        .exec(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing("writing a revision"))
}
