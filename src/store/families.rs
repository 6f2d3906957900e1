//! `family`: what one sign-in granted to one client.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::column::{corrupt, instant, list, millis, read_list};
use super::{Reader, Tx, while_doing};
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::family::{Family, FamilyId};
use crate::domain::scope::Scope;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "family")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub user_id: String,
        pub client_id: String,
        pub scope: String,
        pub resources: String,
        pub auth_time: i64,
        pub amr: String,
        pub expires_at: i64,
        pub revoked_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table family";
const WRITING: &str = "writing the table family";

impl TryFrom<Model> for Family {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let client =
            ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))?;
        let scope = Scope::parse(&row.scope).map_err(|error| corrupt(TABLE, error.to_string()))?;
        Ok(Self {
            id: FamilyId(row.id),
            user: UserId(row.user_id),
            client,
            scope,
            resources: read_list(TABLE, &row.resources)?,
            auth_time: clock::from_millis(row.auth_time),
            amr: read_list(TABLE, &row.amr)?,
            expires_at: clock::from_millis(row.expires_at),
            revoked_at: instant(row.revoked_at),
        })
    }
}

/// The family of this id.
pub async fn find(reader: &impl Reader, id: &FamilyId) -> Result<Option<Family>, Fault> {
    let row = Entity::find_by_id(id.0.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Family::try_from).transpose()
}

/// Writes a new family.
pub async fn insert(tx: &Tx, family: &Family) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(family.id.0.clone()),
        user_id: Set(family.user.0.clone()),
        client_id: Set(family.client.as_str().to_owned()),
        scope: Set(family.scope.to_string()),
        resources: Set(list(&family.resources)),
        auth_time: Set(millis(family.auth_time)),
        amr: Set(list(&family.amr)),
        expires_at: Set(millis(family.expires_at)),
        revoked_at: Set(family.revoked_at.map(millis)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Revokes a family; `false` when it is revoked already or unknown.
pub async fn revoke(tx: &Tx, id: &FamilyId) -> Result<bool, Fault> {
    revoke_where(tx, Column::Id.eq(id.0.as_str())).await.map(|revoked| revoked == 1)
}

/// Revokes every family of a user and says how many there were.
pub async fn revoke_of_user(tx: &Tx, user: &UserId) -> Result<u64, Fault> {
    revoke_where(tx, Column::UserId.eq(user.0.as_str())).await
}

async fn revoke_where(tx: &Tx, which: sea_orm::sea_query::SimpleExpr) -> Result<u64, Fault> {
    let revoked = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(millis(tx.now())))
        .filter(which)
        .filter(Column::RevokedAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(revoked.rows_affected)
}

/// Forgets families that ended before this instant, some at a time; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    super::housekeep(tx, Entity, Column::Id, Column::ExpiresAt.lt(millis(before)), at_most).await
}
