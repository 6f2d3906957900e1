//! `family`: what one sign-in granted to one client.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect, Select};

use super::column::{corrupt, instant, list, millis, read_list};
use super::{Reader, Tx, while_doing};
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::family::{Family, FamilyId};
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::succession::{Place, Salt, Succession};
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
        pub session_id: Option<String>,
        pub claims: String,
        pub expires_at: i64,
        pub revoked_at: Option<i64>,
        pub salt: Option<Vec<u8>>,
        pub generation: i64,
        pub attempt: i64,
        pub spent_attempt: i64,
        pub handed_out_at: i64,
        pub handed_out_to: Option<String>,
        pub idle_ends_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

/// Every column, for statements that read a family with something else.
pub(super) const COLUMNS: [Column; 18] = [
    Column::Id,
    Column::UserId,
    Column::ClientId,
    Column::Scope,
    Column::Resources,
    Column::AuthTime,
    Column::Amr,
    Column::SessionId,
    Column::Claims,
    Column::ExpiresAt,
    Column::RevokedAt,
    Column::Salt,
    Column::Generation,
    Column::Attempt,
    Column::SpentAttempt,
    Column::HandedOutAt,
    Column::HandedOutTo,
    Column::IdleEndsAt,
];

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
            session: row.session_id.map(SessionId),
            claims: read_list(TABLE, &row.claims)?,
            expires_at: clock::from_millis(row.expires_at),
            revoked_at: instant(row.revoked_at),
        })
    }
}

/// How the refresh tokens of a family succeed one another; `None` where there are none.
pub(super) fn succession(row: &Model) -> Result<Option<Succession>, Fault> {
    let Some(salt) = &row.salt else { return Ok(None) };
    let salt = salt.as_slice().try_into().map_err(|_| corrupt(TABLE, "a salt"))?;
    let count = |value: i64| u32::try_from(value).map_err(|error| Fault::internal(TABLE, error));
    Ok(Some(Succession {
        salt: Salt(salt),
        leaf: Place { generation: count(row.generation)?, attempt: count(row.attempt)? },
        spent_attempt: count(row.spent_attempt)?,
        handed_out_at: clock::from_millis(row.handed_out_at),
        handed_out_to: row.handed_out_to.clone(),
        idle_ends_at: clock::from_millis(row.idle_ends_at),
    }))
}

/// The family of this id.
pub async fn find(reader: &impl Reader, id: &FamilyId) -> Result<Option<Family>, Fault> {
    let row = Entity::find_by_id(id.0.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Family::try_from).transpose()
}

/// Writes a new family; with a succession, if it has refresh tokens.
pub async fn insert(
    tx: &Tx,
    family: &Family,
    succession: Option<&Succession>,
) -> Result<(), Fault> {
    let place = succession.map(|succession| succession.leaf).unwrap_or_default();
    let row = ActiveModel {
        id: Set(family.id.0.clone()),
        user_id: Set(family.user.0.clone()),
        client_id: Set(family.client.as_str().to_owned()),
        scope: Set(family.scope.to_string()),
        resources: Set(list(&family.resources)),
        auth_time: Set(millis(family.auth_time)),
        amr: Set(list(&family.amr)),
        session_id: Set(family.session.as_ref().map(|session| session.0.clone())),
        claims: Set(list(&family.claims)),
        expires_at: Set(millis(family.expires_at)),
        revoked_at: Set(family.revoked_at.map(millis)),
        salt: Set(succession.map(|succession| succession.salt.0.to_vec())),
        generation: Set(place.generation.into()),
        attempt: Set(place.attempt.into()),
        spent_attempt: Set(succession.map_or(0, |succession| succession.spent_attempt.into())),
        handed_out_at: Set(millis(succession.map_or(tx.now(), |one| one.handed_out_at))),
        handed_out_to: Set(succession.and_then(|succession| succession.handed_out_to.clone())),
        idle_ends_at: Set(millis(succession.map_or(family.expires_at, |one| one.idle_ends_at))),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Revokes a family; `false` when it is revoked already or unknown.
pub async fn revoke(tx: &Tx, id: &FamilyId) -> Result<bool, Fault> {
    revoke_where(tx, Column::Id.eq(id.0.as_str())).await.map(|revoked| revoked == 1)
}

/// Which families.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    /// Of a person, at every client.
    User(&'a UserId),
    /// Of a person at one client.
    UserAt(&'a UserId, &'a ClientId),
    /// Of a browser session.
    Session(&'a SessionId),
}

impl Of<'_> {
    fn filter(self) -> sea_orm::sea_query::SimpleExpr {
        match self {
            Self::User(user) => Column::UserId.eq(user.0.as_str()),
            Self::UserAt(user, client) => {
                Column::UserId.eq(user.0.as_str()).and(Column::ClientId.eq(client.as_str()))
            }
            Self::Session(session) => Column::SessionId.eq(session.0.as_str()),
        }
    }
}

/// The live families, kept from everybody else until the transaction ends.
pub async fn lock_live(tx: &Tx, of: Of<'_>) -> Result<Vec<Family>, Fault> {
    let rows = live(of, tx.now()).lock_exclusive().all(tx.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Family::try_from).collect()
}

/// The live families.
pub async fn list_live(
    reader: &impl Reader,
    of: Of<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Family>, Fault> {
    let rows = live(of, now).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Family::try_from).collect()
}

fn live(of: Of<'_>, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(of.filter())
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(millis(now)))
        .order_by_asc(Column::Id)
}

/// Revokes these families.
pub async fn revoke_all(tx: &Tx, ids: &[&FamilyId]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    revoke_where(tx, Column::Id.is_in(ids.iter().map(|id| id.0.as_str()))).await.map(drop)
}

/// Takes families out of the session that they came from: it ended, and they did not.
pub async fn detach(tx: &Tx, session: &SessionId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SessionId, Expr::value(Option::<String>::None))
        .filter(Column::SessionId.eq(session.0.as_str()))
        .filter(Column::RevokedAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
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
    let over = Column::ExpiresAt.lt(millis(before));
    let revoked = Column::RevokedAt.lt(millis(before));
    Ok(super::housekeep(tx, Entity, Column::Id, over, at_most).await?
        + super::housekeep(tx, Entity, Column::Id, revoked, at_most).await?)
}
