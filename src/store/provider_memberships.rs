//! `provider_membership`: which memberships in groups came from a provider. A membership without a
//! row here was given by hand.

use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::group::GroupId;
use crate::domain::provider::Slug;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "provider_membership")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub group_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub provider: String,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table provider_membership";
const WRITING: &str = "writing the table provider_membership";

/// Remembers that a membership came from this provider.
pub async fn put(tx: &Tx, user: &UserId, group: &GroupId, provider: &Slug) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        group_id: Set(group.as_str().to_owned()),
        provider: Set(provider.as_str().to_owned()),
    };
    let key = [Column::UserId, Column::GroupId, Column::Provider];
    let known = OnConflict::columns(key).do_nothing().to_owned();
    let put = Entity::insert(row).on_conflict(known).exec_without_returning(tx.connection()).await;
    put.map(drop).map_err(while_doing(WRITING))
}

/// The memberships of a person that came from providers: the group and the provider.
pub async fn of_user(reader: &impl Reader, user: &UserId) -> Result<Vec<(GroupId, String)>, Fault> {
    let select = Entity::find().filter(Column::UserId.eq(user.as_str()));
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    Ok(rows.into_iter().map(|row| (GroupId::from_stored(row.group_id), row.provider)).collect())
}

/// Forgets that a membership came from this provider.
pub async fn delete(tx: &Tx, user: &UserId, group: &GroupId, provider: &Slug) -> Result<(), Fault> {
    let (user, group) = (user.as_str().to_owned(), group.as_str().to_owned());
    let key = (user, group, provider.as_str().to_owned());
    let deleted = Entity::delete_by_id(key).exec(tx.connection()).await;
    deleted.map(drop).map_err(while_doing(WRITING))
}

/// Forgets from whom a membership came: somebody has given it by hand.
pub async fn keep_by_hand(tx: &Tx, user: &UserId, group: &GroupId) -> Result<(), Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::GroupId.eq(group.as_str()))
        .exec(tx.connection())
        .await;
    deleted.map(drop).map_err(while_doing(WRITING))
}

/// Somebody who has memberships that came from this provider.
pub async fn somebody_of(reader: &impl Reader, provider: &Slug) -> Result<Option<UserId>, Fault> {
    let select = Entity::find().filter(Column::Provider.eq(provider.as_str())).limit(1);
    let row = select.one(reader.connection()).await.map_err(while_doing(TABLE))?;
    Ok(row.map(|row| UserId::from_stored(row.user_id)))
}
