//! `known_address`: where a person signed in before.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::column::millis;
use super::{Reader, Tx, while_doing};
use crate::domain::clock;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

#[expect(unreachable_pub, reason = "the entity macros write `pub`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "known_address")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub address: String,
        pub seen_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity};

/// When the person last signed in from this neighbourhood; good to a day.
pub async fn seen_at(
    reader: &impl Reader,
    user: &UserId,
    address: &str,
) -> Result<Option<DateTime<Utc>>, Fault> {
    let row = Entity::find_by_id((user.0.clone(), address.to_owned()))
        .one(reader.connection())
        .await
        .map_err(while_doing("reading the table known_address"))?;
    Ok(row.map(|row| clock::from_millis(row.seen_at)))
}

/// Remembers that the person signed in from this neighbourhood.
pub async fn remember(tx: &Tx, user: &UserId, address: &str) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: Set(user.0.clone()),
        address: Set(address.to_owned()),
        seen_at: Set(millis(tx.now())),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::UserId, Column::Address])
                .update_column(Column::SeenAt)
                .to_owned(),
        )
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table known_address"))?;
    Ok(())
}

/// Forgets neighbourhoods not seen since this instant; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let unseen = ColumnTrait::lt(&Column::SeenAt, millis(before));
    super::housekeep_by(tx, Entity, &[Column::UserId, Column::Address], unseen, at_most).await
}
