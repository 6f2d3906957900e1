//! `scim_person`: what is kept of people for SCIM connectors alone: the identifier that a connector
//! gave, and how it described the address.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use super::cause::while_doing;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::scim::person::{EmailForm, ForConnector};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "scim_person")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub user_id: String,
            pub external_id: Option<String>,
            pub email_type: Option<String>,
            pub email_primary: Option<bool>,
            pub has_email_form: bool,
        }
    }
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table scim_person";
const WRITING: &str = "writing the table scim_person";

impl From<entity::Model> for ForConnector {
    fn from(row: entity::Model) -> Self {
        let form = EmailForm { kind: row.email_type, is_primary: row.email_primary };
        Self { external_id: row.external_id, email: row.has_email_form.then_some(form) }
    }
}

/// What is kept of these people, by their ids. The caller limits their number.
pub async fn of_each(
    reader: &impl Reader,
    users: &[&UserId],
) -> Result<HashMap<String, ForConnector>, Fault> {
    let ids = users.iter().map(|id| id.as_str());
    let rows = Entity::find().filter(Column::UserId.is_in(ids)).all(reader.connection()).await;
    let rows = rows.map_err(while_doing(TABLE))?;
    Ok(rows.into_iter().map(|row| (row.user_id.clone(), row.into())).collect())
}

/// The people with this identifier, at most so many.
pub async fn with(
    reader: &impl Reader,
    external_id: &str,
    at_most: u64,
) -> Result<Vec<UserId>, Fault> {
    let select = Entity::find().filter(Column::ExternalId.eq(external_id)).limit(at_most);
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    Ok(rows.into_iter().map(|row| UserId::from_stored(row.user_id)).collect())
}

/// Writes what is kept of a person, or that it is nothing.
pub async fn put(tx: &Tx, user: &UserId, kept: &ForConnector) -> Result<(), Fault> {
    if *kept == ForConnector::default() {
        let deleted = Entity::delete_by_id(user.as_str()).exec(tx.connection()).await;
        return deleted.map(drop).map_err(while_doing(WRITING));
    }
    let form = kept.email.clone().unwrap_or_default();
    let row = ActiveModel {
        user_id: Set(user.as_str().to_owned()),
        external_id: Set(kept.external_id.clone()),
        email_type: Set(form.kind),
        email_primary: Set(form.is_primary),
        has_email_form: Set(kept.email.is_some()),
    };
    let known = OnConflict::column(Column::UserId)
        .update_columns([
            Column::ExternalId,
            Column::EmailType,
            Column::EmailPrimary,
            Column::HasEmailForm,
        ])
        .to_owned();
    let written =
        Entity::insert(row).on_conflict(known).exec_without_returning(tx.connection()).await;
    written.map(drop).map_err(while_doing(WRITING))
}
