//! `refresh_token`: one row for each token that was issued, by hash. Everything here works on sets:
//! a batch of rotations is one statement to read, one to spend and one to insert.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{JoinType, LockType, Query};

use super::column::{corrupt, instant, millis};
use super::{Reader, Tx, families, sessions, users, while_doing};
use crate::domain::clock;
use crate::domain::family::{Family, FamilyId};
use crate::domain::secret::{Hashed, RefreshToken};
use crate::domain::verdict::Fault;

#[expect(unreachable_pub, reason = "the entity macros write `pub`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "refresh_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: Vec<u8>,
        pub family_id: String,
        pub generation: i64,
        pub expires_at: i64,
        pub spent_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity};

const TABLE: &str = "reading the table refresh_token";
const WRITING: &str = "writing the table refresh_token";

/// A refresh token that was issued, with what it stands for.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its hash.
    pub hash: Hashed<RefreshToken>,
    /// Its place in the succession, from 0.
    pub generation: i64,
    /// The end of its idle life.
    pub expires_at: DateTime<Utc>,
    /// When it was spent.
    pub spent_at: Option<DateTime<Utc>>,
    /// The family it belongs to.
    pub family: Arc<Family>,
    /// Whether the person may use the account.
    pub user_enabled: bool,
    /// The life of the browser session that the family came from, while there is one.
    pub session: Option<Attached>,
}

/// The life of a browser session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// How long it may idle.
    pub idle: Duration,
    /// When it ends unless it is used.
    pub idle_ends_at: DateTime<Utc>,
    /// The absolute end.
    pub expires_at: DateTime<Utc>,
}

impl Attached {
    /// Whether the session is good at this instant.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.idle_ends_at.min(self.expires_at)
    }
}

#[derive(FromQueryResult)]
struct Row {
    hash: Vec<u8>,
    generation: i64,
    token_expires_at: i64,
    spent_at: Option<i64>,
    #[sea_orm(nested)]
    family: families::entity::Model,
    disabled_at: Option<i64>,
    idle_ms: Option<i64>,
    idle_ends_at: Option<i64>,
    session_expires_at: Option<i64>,
}

impl TryFrom<Row> for Issued {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let hash = Hashed::from_stored(&row.hash).ok_or_else(|| corrupt(TABLE, "a hash"))?;
        Ok(Self {
            hash,
            generation: row.generation,
            expires_at: clock::from_millis(row.token_expires_at),
            spent_at: instant(row.spent_at),
            family: Arc::new(row.family.try_into()?),
            user_enabled: row.disabled_at.is_none(),
            session: match (row.idle_ms, row.idle_ends_at, row.session_expires_at) {
                (Some(idle), Some(idle_ends_at), Some(expires_at)) => Some(Attached {
                    idle: Duration::milliseconds(idle),
                    idle_ends_at: clock::from_millis(idle_ends_at),
                    expires_at: clock::from_millis(expires_at),
                }),
                _ => None,
            },
        })
    }
}

/// The tokens of these hashes; those that are unknown are missing in the answer.
pub async fn find(
    reader: &impl Reader,
    hashes: &[Hashed<RefreshToken>],
) -> Result<Vec<Issued>, Fault> {
    read(reader, &select(hashes)).await
}

/// The tokens of these hashes, kept from any other writer until the transaction ends. They are
/// locked in the order of their hashes, so two batches cannot wait for each other.
pub async fn lock(tx: &Tx, hashes: &[Hashed<RefreshToken>]) -> Result<Vec<Issued>, Fault> {
    let mut statement = select(hashes);
    statement
        .order_by((Entity, Column::Hash), sea_orm::Order::Asc)
        .lock_with_tables(LockType::Update, [Entity]);
    read(tx, &statement).await
}

fn select(hashes: &[Hashed<RefreshToken>]) -> sea_orm::sea_query::SelectStatement {
    use families::entity as family;
    use sea_orm::ExprTrait;
    use sessions::entity as session;
    use users::entity as account;

    let mut statement = Query::select();
    statement
        .columns([(Entity, Column::Hash), (Entity, Column::Generation), (Entity, Column::SpentAt)])
        .expr_as(Expr::col((Entity, Column::ExpiresAt)), "token_expires_at")
        .columns([
            (family::Entity, family::Column::Id),
            (family::Entity, family::Column::UserId),
            (family::Entity, family::Column::ClientId),
            (family::Entity, family::Column::Scope),
            (family::Entity, family::Column::Resources),
            (family::Entity, family::Column::AuthTime),
            (family::Entity, family::Column::Amr),
            (family::Entity, family::Column::SessionId),
            (family::Entity, family::Column::Claims),
            (family::Entity, family::Column::ExpiresAt),
            (family::Entity, family::Column::RevokedAt),
        ])
        .column((account::Entity, account::Column::DisabledAt))
        .columns([
            (session::Entity, session::Column::IdleMs),
            (session::Entity, session::Column::IdleEndsAt),
        ])
        .expr_as(Expr::col((session::Entity, session::Column::ExpiresAt)), "session_expires_at")
        .from(Entity)
        .join(
            JoinType::InnerJoin,
            family::Entity,
            Expr::col((Entity, Column::FamilyId)).equals((family::Entity, family::Column::Id)),
        )
        .join(
            JoinType::InnerJoin,
            account::Entity,
            Expr::col((family::Entity, family::Column::UserId))
                .equals((account::Entity, account::Column::Id)),
        )
        .join(
            JoinType::LeftJoin,
            session::Entity,
            Expr::col((family::Entity, family::Column::SessionId))
                .equals((session::Entity, session::Column::Id)),
        )
        .and_where(
            Expr::col((Entity, Column::Hash)).is_in(hashes.iter().map(|hash| hash.to_stored())),
        );
    statement
}

async fn read(
    reader: &impl Reader,
    statement: &sea_orm::sea_query::SelectStatement,
) -> Result<Vec<Issued>, Fault> {
    let rows = reader.connection().query_all(statement).await.map_err(while_doing(TABLE))?;
    rows.iter()
        .map(|row| Row::from_query_result(row, "").map_err(while_doing(TABLE))?.try_into())
        .collect()
}

/// A token to write.
#[derive(Clone, Debug)]
pub struct New {
    /// Its hash.
    pub hash: Hashed<RefreshToken>,
    /// The family it belongs to.
    pub family: FamilyId,
    /// Its place in the succession, from 0.
    pub generation: i64,
    /// The end of its idle life.
    pub expires_at: DateTime<Utc>,
}

/// Writes tokens.
pub async fn insert(tx: &Tx, tokens: &[New]) -> Result<(), Fault> {
    if tokens.is_empty() {
        return Ok(());
    }
    let rows = tokens.iter().map(|token| ActiveModel {
        hash: Set(token.hash.to_stored()),
        family_id: Set(token.family.0.clone()),
        generation: Set(token.generation),
        expires_at: Set(millis(token.expires_at)),
        spent_at: Set(None),
    });
    let inserted = Entity::insert_many(rows).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Spends tokens. All of them must be unspent, or nothing of the transaction may stay.
pub async fn spend(tx: &Tx, hashes: &[Hashed<RefreshToken>]) -> Result<(), Fault> {
    if hashes.is_empty() {
        return Ok(());
    }
    let spent = Entity::update_many()
        .col_expr(Column::SpentAt, Expr::value(millis(tx.now())))
        .filter(Column::Hash.is_in(hashes.iter().map(|hash| hash.to_stored())))
        .filter(Column::SpentAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    if spent.rows_affected == hashes.len() as u64 {
        return Ok(());
    }
    Err(Fault::internal("spending refresh tokens", "a token was spent twice in one batch"))
}

/// Moves the idle end of a token that is never spent.
pub async fn extend(
    tx: &Tx,
    hash: Hashed<RefreshToken>,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(millis(expires_at)))
        .filter(Column::Hash.eq(hash.to_stored()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Forgets tokens whose idle life ended before this instant, some at a time; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    super::housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
