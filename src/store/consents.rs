//! `consent`: the consents that people gave to apps.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{IntoColumnRef, OnConflict, Query, SelectStatement, SimpleExpr};

use super::cause::while_doing;
use super::column::{corrupt, list, millis, read_list};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::consent::Consent;
use crate::domain::scope::Scope;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "consent")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub client_id: String,
            pub scope: String,
            pub claims: String,
            pub given_at: i64,
            pub resources: String,
            /// What the person saw of an app for which no operator vouches, as a hash.
            pub seen: Option<String>,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table consent";
const WRITING: &str = "writing the table consent";

impl TryFrom<&entity::Model> for Consent {
    type Error = Fault;

    fn try_from(row: &entity::Model) -> Result<Self, Fault> {
        let scope = Scope::parse(&row.scope).map_err(|error| corrupt(TABLE, error.to_string()))?;
        let claims = read_list(TABLE, &row.claims)?;
        Ok(Self {
            scope,
            claims,
            resources: read_list(TABLE, &row.resources)?,
            seen: row.seen.clone(),
        })
    }
}

/// Selects the clients that a person allowed.
pub(super) fn clients_of(user: &UserId) -> SelectStatement {
    Query::select()
        .column(Column::ClientId)
        .from(Entity)
        .and_where(Column::UserId.eq(user.as_str()))
        .to_owned()
}

/// Whether anybody but this person allowed the client.
pub(super) fn is_of_others(client: impl IntoColumnRef, user: &UserId) -> SimpleExpr {
    let others = Query::select()
        .expr(Expr::value(1))
        .from(Entity)
        .and_where(sea_orm::ExprTrait::equals(Expr::col((Entity, Column::ClientId)), client))
        .and_where(ColumnTrait::ne(&Column::UserId, user.as_str()))
        .to_owned();
    Expr::exists(others)
}

/// The consent of a person for an app.
pub async fn find(
    reader: &impl Reader,
    user: &UserId,
    client: &ClientId,
) -> Result<Option<Consent>, Fault> {
    Ok(given(reader, user, client).await?.map(|(consent, _)| consent))
}

/// The consent of a person for an app, and when they gave it.
pub async fn given(
    reader: &impl Reader,
    user: &UserId,
    client: &ClientId,
) -> Result<Option<(Consent, DateTime<Utc>)>, Fault> {
    let key = (user.as_str().to_owned(), client.as_str().to_owned());
    let row = Entity::find_by_id(key).one(reader.connection()).await.map_err(while_doing(TABLE))?;
    row.map(|row| Ok((Consent::try_from(&row)?, clock::from_millis(row.given_at)))).transpose()
}

/// Writes the consent of a person for an app.
pub async fn put(
    tx: &Tx,
    user: &UserId,
    client: &ClientId,
    consent: &Consent,
) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        client_id: Set(client.as_str().to_owned()),
        scope: Set(consent.scope.to_string()),
        claims: Set(list(&consent.claims)),
        given_at: Set(millis(tx.now())),
        resources: Set(list(&consent.resources)),
        seen: Set(consent.seen.clone()),
    };
    let over = OnConflict::columns([Column::UserId, Column::ClientId])
        .update_columns([
            Column::Scope,
            Column::Claims,
            Column::GivenAt,
            Column::Resources,
            Column::Seen,
        ])
        .to_owned();
    let put = Entity::insert(row).on_conflict(over).exec_without_returning(tx.connection()).await;
    put.map(drop).map_err(while_doing(WRITING))
}

/// Deletes the consent of a person for an app; `false` when there was none.
pub async fn delete(tx: &Tx, user: &UserId, client: &ClientId) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id((user.as_str().to_owned(), client.as_str().to_owned()));
    let deleted = deleted.exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected == 1)
}

/// Deletes consents that people gave to an app, at most this many; returns how many.
pub async fn delete_some(tx: &Tx, client: &ClientId, at_most: u64) -> Result<u64, Fault> {
    let some = Query::select()
        .column(Column::UserId)
        .from(Entity)
        .and_where(Column::ClientId.eq(client.as_str()))
        .limit(at_most)
        .to_owned();
    let deleted = Entity::delete_many()
        .filter(Column::ClientId.eq(client.as_str()))
        .filter(Column::UserId.in_subquery(some))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected)
}
