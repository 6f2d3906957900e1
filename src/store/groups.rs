//! `people_group`: the groups of people.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{PaginatorTrait, QueryOrder, QuerySelect, SqlErr};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::group::{Group, GroupId, GroupName};
use crate::domain::verdict::Fault;

entity! {
    pub(super) mod entity {
        #[sea_orm(table_name = "people_group")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub name: String,
            pub created_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table people_group";
const WRITING: &str = "writing the table people_group";

impl TryFrom<Model> for Group {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            id: GroupId::from_stored(row.id),
            name: GroupName::parse(&row.name).map_err(|why| corrupt(TABLE, why.to_string()))?,
            created_at: clock::from_millis(row.created_at),
        })
    }
}

/// Writes a new group; `false` when its name is taken.
pub async fn insert(tx: &Tx, group: &Group) -> Result<bool, Fault> {
    let row = ActiveModel {
        id: Set(group.id.as_str().to_owned()),
        name: Set(group.name.as_str().to_owned()),
        created_at: Set(millis(group.created_at)),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(inserted == 1)
}

/// The group of this name.
pub async fn find(reader: &impl Reader, name: &GroupName) -> Result<Option<Group>, Fault> {
    let row = Entity::find().filter(Column::Name.eq(name.as_str())).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Group::try_from).transpose()
}

/// The group of this id.
pub async fn find_by_id(reader: &impl Reader, id: &GroupId) -> Result<Option<Group>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Group::try_from).transpose()
}

/// The group of this id, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &GroupId) -> Result<Option<Group>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Group::try_from).transpose()
}

/// Gives a group another name; `false` when the name is taken. The transaction must then be ended.
pub async fn rename(tx: &Tx, id: &GroupId, name: &GroupName) -> Result<bool, Fault> {
    let taken = Entity::find().filter(Column::Name.eq(name.as_str())).one(tx.connection()).await;
    if taken.map_err(while_doing(TABLE))?.is_some_and(|row| row.id != id.as_str()) {
        return Ok(false);
    }
    let renamed = Entity::update_many()
        .col_expr(Column::Name, Expr::value(name.as_str()))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await;
    match renamed {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(while_doing(WRITING)(error)),
    }
}

/// How many groups there are.
pub async fn count(reader: &impl Reader) -> Result<u64, Fault> {
    Entity::find().count(reader.connection()).await.map_err(while_doing(TABLE))
}

/// Groups in the order of their names: so many, after so many others.
pub async fn window(reader: &impl Reader, skip: u64, at_most: u64) -> Result<Vec<Group>, Fault> {
    let select = Entity::find().order_by_asc(Column::Name).offset(skip).limit(at_most);
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(Group::try_from).collect()
}

/// The group of this name, protected from changes until the transaction ends.
pub async fn hold(tx: &Tx, name: &GroupName) -> Result<Option<Group>, Fault> {
    let select = Entity::find().filter(Column::Name.eq(name.as_str())).lock_shared();
    let row = select.one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Group::try_from).transpose()
}

/// The group with this id.
pub async fn of_id(reader: &impl Reader, id: &GroupId) -> Result<Option<Group>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Group::try_from).transpose()
}

/// Groups whose name begins so, in the order of their names, after this one, at most so many.
pub async fn page(
    reader: &impl Reader,
    beginning: Option<&str>,
    behind: Option<&str>,
    at_most: u64,
) -> Result<Vec<Group>, Fault> {
    let mut select = Entity::find().order_by_asc(Column::Name).limit(at_most);
    if let Some(beginning) = beginning {
        // Both databases compare the bytes of names, so this is a range of the index.
        let end = format!("{beginning}\u{10ffff}");
        select = select.filter(Column::Name.gte(beginning)).filter(Column::Name.lt(end));
    }
    if let Some(behind) = behind {
        select = select.filter(Column::Name.gt(behind));
    }
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(Group::try_from).collect()
}

/// Deletes a group with what is left of its members; `false` when there is no such group any more.
pub async fn delete(tx: &Tx, id: &GroupId) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(id.as_str()).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}
