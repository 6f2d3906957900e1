//! The succession of refresh tokens in the table `family`: many rows are read in one statement, and
//! many are moved in one.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement, Value};

use super::column::millis;
use super::{Reader, Store, families, sessions, users, while_doing};
use crate::domain::clock;
use crate::domain::family::FamilyId;
use crate::domain::refresh::Refreshable;
use crate::domain::session::AttachedSession;
use crate::domain::succession::{Place, Succession};
use crate::domain::verdict::Fault;

const READING: &str = "reading the successions of refresh tokens";
const WRITING: &str = "moving the successions of refresh tokens";

/// What was read at once.
#[derive(Debug, Default)]
pub struct Found {
    /// The families that have refresh tokens. A row that cannot be read is a fault of its own.
    pub rows: Vec<(FamilyId, Result<Refreshable, Fault>)>,
    /// What the clock of the database shows, where a row was found.
    pub database_now: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    family: families::entity::Model,
    disabled_at: Option<i64>,
    idle_ms: Option<i64>,
    session_idle_ends_at: Option<i64>,
    session_expires_at: Option<i64>,
}

impl Row {
    fn read(self) -> Result<Option<Refreshable>, Fault> {
        let Some(succession) = families::succession(&self.family)? else { return Ok(None) };
        Ok(Some(Refreshable {
            succession,
            family: Arc::new(self.family.try_into()?),
            user_enabled: self.disabled_at.is_none(),
            session: match (self.idle_ms, self.session_idle_ends_at, self.session_expires_at) {
                (Some(idle), Some(idle_ends_at), Some(expires_at)) => Some(AttachedSession {
                    idle: Duration::milliseconds(idle),
                    idle_ends_at: clock::from_millis(idle_ends_at),
                    expires_at: clock::from_millis(expires_at),
                }),
                _ => None,
            },
        }))
    }
}

/// The family of this name, if it has refresh tokens.
pub async fn find(reader: &impl Reader, id: &FamilyId) -> Result<Option<Refreshable>, Fault> {
    let found = find_all(reader, &[id]).await?;
    found.rows.into_iter().next().map(|(_, row)| row).transpose()
}

/// The families of these names, one statement for all.
pub async fn find_all(reader: &impl Reader, ids: &[&FamilyId]) -> Result<Found, Fault> {
    let connection = reader.connection();
    let backend = connection.get_database_backend();
    let rows = connection.query_all(&select(backend, ids)).await.map_err(while_doing(READING))?;
    let mut found = Found::default();
    for row in &rows {
        let id: String = row.try_get("", "id").map_err(while_doing(READING))?;
        if found.database_now.is_none() {
            let now: i64 = row.try_get("", "database_now").map_err(while_doing(READING))?;
            found.database_now = Some(clock::from_millis(now));
        }
        if let Some(row) = read(row).transpose() {
            found.rows.push((FamilyId(id), row));
        }
    }
    Ok(found)
}

fn read(row: &QueryResult) -> Result<Option<Refreshable>, Fault> {
    Row::from_query_result(row, "").map_err(while_doing(READING))?.read()
}

fn select(backend: DbBackend, ids: &[&FamilyId]) -> SelectStatement {
    use families::entity as family;
    use sessions::entity as session;
    use users::entity as account;

    let mut statement = Query::select();
    statement
        .columns(families::COLUMNS.map(|column| (family::Entity, column)))
        .column((account::Entity, account::Column::DisabledAt))
        .column((session::Entity, session::Column::IdleMs))
        .expr_as(Expr::col((session::Entity, session::Column::IdleEndsAt)), "session_idle_ends_at")
        .expr_as(Expr::col((session::Entity, session::Column::ExpiresAt)), "session_expires_at")
        .from(family::Entity)
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
            Expr::col((family::Entity, family::Column::Id)).is_in(ids.iter().map(|id| &*id.0)),
        );
    statement.expr_as(Expr::cust(now(backend)), "database_now");
    statement
}

/// The clock of the database in milliseconds, when a statement comes to it: behind every lock that
/// it had to wait for.
fn now(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "(extract(epoch from clock_timestamp()) * 1000)::bigint",
        _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    }
}

/// A succession that moves on.
#[derive(Clone, Debug)]
pub struct Move {
    /// Its family.
    pub family: FamilyId,
    /// The leaf that it must have.
    pub from: Place,
    /// What it becomes.
    pub to: Succession,
}

/// Moves successions, each if its leaf is still the one that it was and its family still stands;
/// says which were moved. One statement is the whole transaction: what it says is on the disk.
///
/// `until` is the last instant, by the clock of the database, at which anything may be moved: what
/// lay in a connection that stood still, or waited for a lock, moves nothing when it wakes up.
pub async fn advance(
    store: &Store,
    moves: &[Move],
    until: DateTime<Utc>,
) -> Result<Vec<FamilyId>, Fault> {
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    let backend = store.writer.get_database_backend();
    let statement = Statement::from_sql_and_values(
        backend,
        statement(backend, moves.len()),
        values(moves).chain([millis(until).into()]),
    );
    let rows = store.writer.query_all_raw(statement).await.map_err(while_doing(WRITING))?;
    rows.iter()
        .map(|row| row.try_get("", "id").map(FamilyId).map_err(while_doing(WRITING)))
        .collect()
}

fn values(moves: &[Move]) -> impl Iterator<Item = Value> {
    moves.iter().flat_map(|step| {
        let Place { generation, attempt } = step.to.leaf;
        [
            step.family.0.as_str().into(),
            i64::from(step.from.generation).into(),
            i64::from(step.from.attempt).into(),
            i64::from(generation).into(),
            i64::from(attempt).into(),
            i64::from(step.to.spent_attempt).into(),
            millis(step.to.handed_out_at).into(),
            step.to.handed_out_to.clone().into(),
            millis(step.to.idle_ends_at).into(),
        ]
    })
}

fn statement(backend: DbBackend, moves: usize) -> String {
    const NAMES: &str = "id, was_generation, was_attempt, generation, attempt, spent_attempt, \
                         handed_out_at, handed_out_to, idle_ends_at";
    const WIDTH: usize = 9;
    let tuple = |row: usize| {
        let values: Vec<_> = match backend {
            DbBackend::Postgres => (1..=WIDTH).map(|n| format!("${}", row * WIDTH + n)).collect(),
            _ => (0..WIDTH).map(|_| "?".to_owned()).collect(),
        };
        format!("({})", values.join(", "))
    };
    let tuples: Vec<_> = (0..moves).map(tuple).collect();
    let step = format!("WITH step ({NAMES}) AS (VALUES {})", tuples.join(", "));
    // Rows are locked in the order of their names, so that two batches never wait for each other
    // in a circle.
    let (locked, from, until) = match backend {
        DbBackend::Postgres => (
            ", locked AS (SELECT family.id FROM family JOIN step ON step.id = family.id \
             ORDER BY family.id FOR UPDATE OF family)",
            "step JOIN locked ON locked.id = step.id",
            format!("${}::bigint", moves * WIDTH + 1),
        ),
        _ => ("", "step", "?".to_owned()),
    };
    format!(
        "{step}{locked} UPDATE family SET generation = step.generation, attempt = step.attempt, \
         spent_attempt = step.spent_attempt, handed_out_at = step.handed_out_at, \
         handed_out_to = step.handed_out_to, idle_ends_at = step.idle_ends_at FROM {from} \
         WHERE family.id = step.id AND family.generation = step.was_generation \
         AND family.attempt = step.was_attempt AND family.revoked_at IS NULL \
         AND {} < {until} RETURNING family.id AS id",
        now(backend)
    )
}
