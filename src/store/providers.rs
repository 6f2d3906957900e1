//! `provider`: the providers that were added by commands. Those of the settings file are not in
//! this table.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set, Unchanged};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revisions::{self, WatchedTable};
use super::revocation_log::Noted;
use super::revocations::everywhere;
use super::tx::Tx;
use crate::domain::provider::{ProviderMetadata, Slug};
use crate::domain::revocation::RevokedKind;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "provider")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub slug: String,
            pub registration: String,
            pub sealed_credential: Vec<u8>,
            pub disabled_at: Option<i64>,
            pub created_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table provider";
const WRITING: &str = "writing the table provider";

/// A provider as it is stored.
#[derive(Clone, Debug)]
pub struct StoredProvider {
    /// Its name on this server.
    pub slug: Slug,
    /// The column `registration`: the metadata in JSON.
    text: String,
    /// The credential, sealed.
    pub sealed_credential: Vec<u8>,
    /// Whether it is disabled.
    pub disabled: bool,
}

impl StoredProvider {
    /// A new provider to be stored. It is enabled.
    #[must_use]
    pub fn new(slug: Slug, metadata: &ProviderMetadata, sealed_credential: Vec<u8>) -> Self {
        let text = serde_json::Value::from(metadata.to_json()).to_string();
        Self { slug, text, sealed_credential, disabled: false }
    }

    /// Its metadata. A row that cannot be read is a fault of its own and does not affect other
    /// rows.
    pub fn metadata(&self) -> Result<ProviderMetadata, Fault> {
        let members = serde_json::from_str(&self.text).map_err(|error| error.to_string());
        let metadata = members.and_then(|members| {
            ProviderMetadata::from_json(members).map_err(|bad| bad.to_string())
        });
        metadata.map_err(|why| corrupt(TABLE, format!("{}: {why}", self.slug)))
    }
}

impl TryFrom<Model> for StoredProvider {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            slug: Slug::parse(&row.slug).ok_or_else(|| corrupt(TABLE, "a bad slug"))?,
            text: row.registration,
            sealed_credential: row.sealed_credential,
            disabled: row.disabled_at.is_some(),
        })
    }
}

/// Every provider, oldest first.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<StoredProvider>, Fault> {
    let select = Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Slug);
    let rows = select.all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(StoredProvider::try_from).collect()
}

/// The provider with this name, locked until the transaction ends.
pub async fn lock(tx: &Tx, slug: &Slug) -> Result<Option<StoredProvider>, Fault> {
    let row = Entity::find_by_id(slug.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(StoredProvider::try_from).transpose()
}

/// Writes a provider that was changed.
pub async fn update(tx: &Tx, changed: &StoredProvider) -> Result<(), Fault> {
    let row = ActiveModel {
        slug: Unchanged(changed.slug.as_str().to_owned()),
        registration: Set(changed.text.clone()),
        sealed_credential: Set(changed.sealed_credential.clone()),
        disabled_at: NotSet,
        created_at: NotSet,
    };
    Entity::update(row).exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Providers).await
}

/// Writes a new provider; `false` when its slug is taken.
pub async fn insert(tx: &Tx, new: &StoredProvider) -> Result<bool, Fault> {
    let row = ActiveModel {
        slug: Set(new.slug.as_str().to_owned()),
        registration: Set(new.text.clone()),
        sealed_credential: Set(new.sealed_credential.clone()),
        disabled_at: Set(None),
        created_at: Set(millis(tx.now())),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Slug).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Providers).await?;
    Ok(inserted == 1)
}

/// Disables or enables a provider; `false` when there is none with this name.
pub async fn set_disabled(
    tx: &Tx,
    slug: &Slug,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<bool, Fault> {
    if disabled_at.is_some() {
        tx.revokes([Noted::Event(everywhere(tx, RevokedKind::Provider, slug.as_str()))]);
    }
    set(tx, slug, Column::DisabledAt, Expr::value(disabled_at.map(millis))).await
}

/// Writes a credential that was sealed again.
pub async fn reseal(tx: &Tx, slug: &Slug, sealed: Vec<u8>) -> Result<bool, Fault> {
    set(tx, slug, Column::SealedCredential, Expr::value(sealed)).await
}

async fn set(
    tx: &Tx,
    slug: &Slug,
    column: Column,
    value: sea_orm::sea_query::SimpleExpr,
) -> Result<bool, Fault> {
    let changed = Entity::update_many()
        .col_expr(column, value)
        .filter(Column::Slug.eq(slug.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Providers).await?;
    Ok(changed.rows_affected == 1)
}

/// Deletes a provider; `false` when there is none with this name. The identities from it stay.
pub async fn delete(tx: &Tx, slug: &Slug) -> Result<bool, Fault> {
    tx.revokes([Noted::Event(everywhere(tx, RevokedKind::Provider, slug.as_str()))]);
    let deleted = Entity::delete_many()
        .filter(Column::Slug.eq(slug.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Providers).await?;
    Ok(deleted.rows_affected == 1)
}
