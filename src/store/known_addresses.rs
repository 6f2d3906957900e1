//! `known_address`: the places from which a person signed in before: networks of addresses, and
//! apps.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, QueryResult, QuerySelect, QueryTrait};

use super::cause::while_doing;
use super::column::millis;
use super::entity::entity;
use super::housekeeping::housekeep_by;
use super::reader::Reader;
use super::tx::Tx;
use super::users;
use super::users::entity::{Column as AccountColumn, Entity as AccountTable};
use crate::domain::clock;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;

entity! {
    #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
    mod entity {
        #[sea_orm(table_name = "known_address")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub address: String,
            pub seen_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const READING: &str = "reading the tables account and known_address";

/// The account that a sign-in names.
#[derive(Clone, Copy, Debug)]
pub struct AddressOwner<'a> {
    /// The canonical key of a user name.
    pub username_key: &'a str,
    /// The canonical key of an e-mail address.
    pub email_key: Option<&'a str>,
    /// The id of an account that is already known. Then the typed names are ignored.
    pub id: Option<&'a UserId>,
}

/// The user with this name, and when they last signed in from this place (accurate to a day). It is
/// always one statement, so the response time does not reveal what was found.
pub async fn find(
    reader: &impl Reader,
    whom: AddressOwner<'_>,
    place: &str,
) -> Result<Option<(User, Option<DateTime<Utc>>)>, Fault> {
    let seen_at = Query::select()
        .column((Entity, Column::SeenAt))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::UserId)).equals((AccountTable, AccountColumn::Id)))
        .and_where(Expr::col((Entity, Column::Address)).eq(place))
        .take();
    let statement = match whom.id {
        Some(id) => AccountTable::find_by_id(id.as_str()),
        None => users::of_name(whom.username_key, whom.email_key),
    };
    let statement = statement.expr_as(Expr::SubQuery(None, Box::new(seen_at.into())), "seen_at");
    let rows = reader.connection().query_all(&statement.into_query()).await;
    let rows = rows.map_err(while_doing(READING))?;
    let read = |row: &QueryResult| -> Result<_, DbErr> {
        Ok((users::entity::Model::from_query_result(row, "")?, row.try_get("", "seen_at")?))
    };
    let mut found: Vec<(users::entity::Model, Option<i64>)> =
        rows.iter().map(read).collect::<Result<_, _>>().map_err(while_doing(READING))?;
    // A user name has priority over an e-mail address.
    found.sort_by_key(|(user, _)| user.username_key != whom.username_key);
    let first = found.into_iter().next();
    first.map(|(user, seen_at)| Ok((user.try_into()?, seen_at.map(clock::from_millis)))).transpose()
}

/// Records that the person signed in from this place.
pub async fn remember(tx: &Tx, user: &UserId, address: &str) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
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

/// Deletes places that were not used since this instant; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let unseen = ColumnTrait::lt(&Column::SeenAt, millis(before));
    housekeep_by(tx, Entity, &[Column::UserId, Column::Address], unseen, at_most).await
}
