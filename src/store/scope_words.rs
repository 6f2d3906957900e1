//! `scope_words`: the words of scopes, for the consent page.

use sea_orm::ActiveValue::{NotSet, Set, Unchanged};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::scope_words::ScopeWords;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "scope_words")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub name: String,
            pub texts: String,
            pub created_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table scope_words";
const WRITING: &str = "writing the table scope_words";

impl TryFrom<Model> for ScopeWords {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            name: row.name,
            texts: serde_json::from_str(&row.texts)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            created_at: clock::from_millis(row.created_at),
        })
    }
}

/// Writes the words of a scope; `false` when it has words.
pub async fn insert(tx: &Tx, words: &ScopeWords) -> Result<bool, Fault> {
    let row = ActiveModel {
        name: Set(words.name.clone()),
        texts: Set(serde_json::json!(words.texts).to_string()),
        created_at: Set(millis(words.created_at)),
    };
    let known = OnConflict::column(Column::Name).do_nothing().to_owned();
    let inserted = Entity::insert(row).on_conflict(known);
    let inserted = inserted.exec_without_returning(tx.connection()).await;
    Ok(inserted.map_err(while_doing(WRITING))? == 1)
}

/// The words of these scopes, of those that have some. The caller limits their number.
pub async fn of(reader: &impl Reader, names: &[&str]) -> Result<Vec<ScopeWords>, Fault> {
    let select = Entity::find().filter(Column::Name.is_in(names.iter().copied()));
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(ScopeWords::try_from).collect()
}

/// The words of this scope, locked until the transaction ends.
pub async fn lock(tx: &Tx, name: &str) -> Result<Option<ScopeWords>, Fault> {
    let row = Entity::find_by_id(name).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(ScopeWords::try_from).transpose()
}

/// Writes other words of a scope.
pub async fn update(tx: &Tx, words: &ScopeWords) -> Result<(), Fault> {
    let row = ActiveModel {
        name: Unchanged(words.name.clone()),
        texts: Set(serde_json::json!(words.texts).to_string()),
        created_at: NotSet,
    };
    Entity::update(row).exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    Ok(())
}

/// Scopes with words in the order of their names, after this one, at most so many.
pub async fn page(
    reader: &impl Reader,
    behind: Option<&str>,
    at_most: u64,
) -> Result<Vec<ScopeWords>, Fault> {
    let mut select = Entity::find().order_by_asc(Column::Name).limit(at_most);
    if let Some(behind) = behind {
        select = select.filter(Column::Name.gt(behind));
    }
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(ScopeWords::try_from).collect()
}

/// Deletes the words of a scope; `false` when it has none.
pub async fn delete(tx: &Tx, name: &str) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(name).exec(tx.connection()).await;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}
