//! `client_role`: the roles that clients have for people.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::client_role::{ClientRole, ClientRoleId, RoleName};
use crate::domain::clock;
use crate::domain::verdict::Fault;

entity! {
    pub(super) mod entity {
        #[sea_orm(table_name = "client_role")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub client_id: String,
            pub name: String,
            pub created_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table client_role";
const WRITING: &str = "writing the table client_role";

impl TryFrom<Model> for ClientRole {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            id: ClientRoleId::from_stored(row.id),
            client: ClientId::parse(&row.client_id)
                .ok_or_else(|| corrupt(TABLE, "a bad client id"))?,
            name: RoleName::parse(&row.name).map_err(|why| corrupt(TABLE, why.to_string()))?,
            created_at: clock::from_millis(row.created_at),
        })
    }
}

/// Writes a new role; `false` when its client has one of this name.
pub async fn insert(tx: &Tx, role: &ClientRole) -> Result<bool, Fault> {
    let row = ActiveModel {
        id: Set(role.id.as_str().to_owned()),
        client_id: Set(role.client.as_str().to_owned()),
        name: Set(role.name.as_str().to_owned()),
        created_at: Set(millis(role.created_at)),
    };
    let known = OnConflict::columns([Column::ClientId, Column::Name]).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

fn named(client: &ClientId, name: &RoleName) -> Select<Entity> {
    Entity::find()
        .filter(Column::ClientId.eq(client.as_str()))
        .filter(Column::Name.eq(name.as_str()))
}

/// The role of this name at a client.
pub async fn find(
    reader: &impl Reader,
    client: &ClientId,
    name: &RoleName,
) -> Result<Option<ClientRole>, Fault> {
    let row = named(client, name).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(ClientRole::try_from).transpose()
}

/// The role of this name at a client, protected from changes until the transaction ends.
pub async fn hold(
    tx: &Tx,
    client: &ClientId,
    name: &RoleName,
) -> Result<Option<ClientRole>, Fault> {
    let row = named(client, name).lock_shared().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(ClientRole::try_from).transpose()
}

/// The role of this name at a client, locked until the transaction ends.
pub async fn lock(
    tx: &Tx,
    client: &ClientId,
    name: &RoleName,
) -> Result<Option<ClientRole>, Fault> {
    let row = named(client, name).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(ClientRole::try_from).transpose()
}

/// Roles of all clients in the order of their clients and names, after this one, at most so many.
pub async fn page_of_all(
    reader: &impl Reader,
    behind: Option<&(ClientId, RoleName)>,
    at_most: u64,
) -> Result<Vec<ClientRole>, Fault> {
    let mut select =
        Entity::find().order_by_asc(Column::ClientId).order_by_asc(Column::Name).limit(at_most);
    if let Some((client, name)) = behind {
        let same = Condition::all()
            .add(Column::ClientId.eq(client.as_str()))
            .add(Column::Name.gt(name.as_str()));
        select =
            select.filter(Condition::any().add(Column::ClientId.gt(client.as_str())).add(same));
    }
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(ClientRole::try_from).collect()
}

/// Roles of a client in the order of their names, after this one, at most so many.
pub async fn page(
    reader: &impl Reader,
    client: &ClientId,
    behind: Option<&str>,
    at_most: u64,
) -> Result<Vec<ClientRole>, Fault> {
    let mut select = Entity::find()
        .filter(Column::ClientId.eq(client.as_str()))
        .order_by_asc(Column::Name)
        .limit(at_most);
    if let Some(behind) = behind {
        select = select.filter(Column::Name.gt(behind));
    }
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(ClientRole::try_from).collect()
}

/// Deletes a role with what is left of its holders; `false` when there is no such role any more.
pub async fn delete(tx: &Tx, id: &ClientRoleId) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(id.as_str()).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}
