//! The succession of refresh tokens, stored in the table `family`. One statement reads many rows,
//! and one statement moves many.
//!
//! Parameters and results are JSON. So the text of each statement is always the same and is
//! prepared once. And the driver of SQLite hands rows from its thread to ours one by one, which
//! costs more than the reading, so the whole result is one row.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ConnectionTrait, DbBackend, EntityName, IdenStatic, Statement};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cause::while_doing;
use super::column::millis;
use super::database::Store;
use super::reader::Reader;
use super::tx::Tx;
use super::{families, sessions, users};
use crate::domain::clock;
use crate::domain::dpop::{Confirmation, Thumbprint};
use crate::domain::family::FamilyId;
use crate::domain::refresh::Refreshable;
use crate::domain::session::AttachedSession;
use crate::domain::status_list::StatusIndex;
use crate::domain::succession::{Succession, TokenPosition};
use crate::domain::verdict::Fault;

const READING: &str = "reading the successions of refresh tokens";
const WRITING: &str = "moving the successions of refresh tokens";

/// The result of one read.
#[derive(Debug)]
pub struct Found {
    /// The families that have refresh tokens. A row that cannot be read is a fault of its own.
    pub rows: Vec<(FamilyId, Result<Refreshable, Fault>)>,
    /// The time on the clock of the database.
    pub database_now: DateTime<Utc>,
}

/// The id of a family, and its row.
#[derive(Deserialize)]
struct Named<'a>(String, #[serde(borrow)] &'a RawValue);

/// The columns of the family, the time at which its person was disabled, and three columns of its
/// browser session: how long it may be unused, when it ends if it is not used, and when it ends in
/// any case.
#[derive(Deserialize)]
struct Row(families::entity::Model, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

impl Row {
    fn read(self) -> Result<Option<Refreshable>, Fault> {
        let Self(family, disabled_at, idle, idle_ends_at, expires_at) = self;
        let Some(succession) = families::succession(&family)? else { return Ok(None) };
        Ok(Some(Refreshable {
            succession,
            family: Arc::new(family.try_into()?),
            user_enabled: disabled_at.is_none(),
            session: match (idle, idle_ends_at, expires_at) {
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

/// The family with this id, if it has refresh tokens.
pub async fn find(reader: &impl Reader, id: &FamilyId) -> Result<Option<Refreshable>, Fault> {
    let found = find_all(reader.connection(), &[id]).await?;
    found.rows.into_iter().next().map(|(_, row)| row).transpose()
}

/// The families with these ids, read by one statement, in order to move them. It is read where it
/// will be written: the pages that SQLite's writer keeps in memory stay valid after its own commit,
/// while a reader has to read them again.
pub async fn find_to_move(store: &Store, ids: &[&FamilyId]) -> Result<Found, Fault> {
    find_all(store.writer(), ids).await
}

async fn find_all(connection: &impl ConnectionTrait, ids: &[&FamilyId]) -> Result<Found, Fault> {
    let backend = connection.get_database_backend();
    let ids: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
    let ids = serde_json::to_string(&ids).map_err(|error| Fault::internal(READING, error))?;
    let statement = Statement::from_sql_and_values(backend, &texts(backend).select, [ids.into()]);
    let answer = connection.query_one_raw(statement).await.map_err(while_doing(READING))?;
    let answer = answer.ok_or_else(|| Fault::internal(READING, "an aggregate without a row"))?;
    let text: String = answer.try_get("", "families").map_err(while_doing(READING))?;
    let now: i64 = answer.try_get("", "database_now").map_err(while_doing(READING))?;
    let named: Vec<Named<'_>> =
        serde_json::from_str(&text).map_err(|error| Fault::internal(READING, error))?;
    let rows = named.into_iter().filter_map(|Named(id, row)| {
        let row = read(row).transpose()?;
        Some((FamilyId::from_stored(id), row))
    });
    Ok(Found { rows: rows.collect(), database_now: clock::from_millis(now) })
}

fn read(row: &RawValue) -> Result<Option<Refreshable>, Fault> {
    let row: Row =
        serde_json::from_str(row.get()).map_err(|error| Fault::internal(READING, error))?;
    row.read()
}

/// The two statements for one database.
struct Texts {
    select: String,
    update: String,
}

fn texts(backend: DbBackend) -> &'static Texts {
    static SQLITE: LazyLock<Texts> = LazyLock::new(|| Texts::of(DbBackend::Sqlite));
    static POSTGRES: LazyLock<Texts> = LazyLock::new(|| Texts::of(DbBackend::Postgres));
    match backend {
        DbBackend::Postgres => &POSTGRES,
        _ => &SQLITE,
    }
}

impl Texts {
    fn of(backend: DbBackend) -> Self {
        Self { select: select(backend), update: update(backend) }
    }
}

fn select(backend: DbBackend) -> String {
    let (array, all, hex, wanted) = match backend {
        DbBackend::Postgres => (
            "json_build_array",
            "json_agg",
            "encode(family.salt, 'hex')",
            "= ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
        ),
        _ => (
            "json_array",
            "json_group_array",
            "nullif(hex(family.salt), '')",
            "IN (SELECT value FROM json_each(?))",
        ),
    };
    let columns = families::columns().map(|column| match column.as_str() {
        "salt" => hex.to_owned(),
        name => format!("family.{name}"),
    });
    let (columns, now) = (columns.collect::<Vec<_>>().join(", "), now(backend));
    let (account, session) =
        (users::entity::Entity.table_name(), sessions::entity::Entity.table_name());
    format!(
        "SELECT coalesce(CAST({all}({array}(family.id, {array}({array}({columns}), \
         coalesce(account.disabled_at, account.deletion_at), session.idle_ms, session.idle_ends_at, session.expires_at))) \
         AS text), '[]') AS families, {now} AS database_now FROM family \
         JOIN {account} AS account ON account.id = family.user_id \
         LEFT JOIN {session} AS session ON session.id = family.session_id \
         WHERE family.id {wanted}"
    )
}

/// The clock of the database in milliseconds, read when the statement is executed, after it has
/// waited for locks.
fn now(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "(extract(epoch from clock_timestamp()) * 1000)::bigint",
        _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    }
}

/// The change of a succession.
#[derive(Clone, Debug)]
pub struct Move {
    /// Its family.
    pub family: FamilyId,
    /// The leaf that the succession must still have.
    pub from: TokenPosition,
    /// The state after the change.
    pub to: Succession,
    /// The place in the status lists that the family must still have: its next token names it.
    pub status: Option<StatusIndex>,
    /// What the family must still be bound to.
    pub binding_was: Confirmation,
    /// What it is bound to after the change.
    pub binding: Confirmation,
}

/// Changes successions, each only if its leaf is still the expected one and its family is still
/// live. Returns which ones were changed. The one statement is the whole transaction, so the
/// changes that it returns are committed.
///
/// `until` is the last instant, by the clock of the database, at which anything may be changed. A
/// statement that was stuck in a slow connection, or waited for a lock, changes nothing after it.
pub async fn advance(
    store: &Store,
    moves: &[Move],
    until: DateTime<Utc>,
) -> Result<Vec<FamilyId>, Fault> {
    advance_by(store.writer(), moves, until).await
}

/// The same inside a transaction, which also has to commit.
pub async fn advance_in(
    tx: &Tx,
    moves: &[Move],
    until: DateTime<Utc>,
) -> Result<Vec<FamilyId>, Fault> {
    advance_by(tx.connection(), moves, until).await
}

async fn advance_by(
    connection: &impl ConnectionTrait,
    moves: &[Move],
    until: DateTime<Utc>,
) -> Result<Vec<FamilyId>, Fault> {
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    let backend = connection.get_database_backend();
    let steps: Vec<_> = moves.iter().map(Step::from).collect();
    let steps = serde_json::to_string(&steps).map_err(|error| Fault::internal(WRITING, error))?;
    let statement = Statement::from_sql_and_values(
        backend,
        &texts(backend).update,
        [steps.into(), millis(until).into()],
    );
    let rows = connection.query_all_raw(statement).await.map_err(while_doing(WRITING))?;
    rows.iter()
        .map(|row| row.try_get("", "id").map(FamilyId::from_stored).map_err(while_doing(WRITING)))
        .collect()
}

/// A change, as an array in the order of [`STEP`].
#[derive(Serialize)]
struct Step<'a>(
    &'a str,
    u32,
    u32,
    u32,
    u32,
    u32,
    i64,
    Option<&'a str>,
    i64,
    Option<i64>,
    Option<u32>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<u32>,
    Option<u32>,
);

const STEP: [(&str, &str); 17] = [
    ("id", "text"),
    ("was_generation", "bigint"),
    ("was_attempt", "bigint"),
    ("generation", "bigint"),
    ("attempt", "bigint"),
    ("spent_attempt", "bigint"),
    ("handed_out_at", "bigint"),
    ("handed_out_to", "text"),
    ("idle_ends_at", "bigint"),
    ("status_list", "bigint"),
    ("status_index", "bigint"),
    ("jkt_was", "text"),
    ("jkt", "text"),
    ("x5t_was", "text"),
    ("x5t", "text"),
    ("bound_after_generation", "bigint"),
    ("bound_after_attempt", "bigint"),
];

impl<'a> From<&'a Move> for Step<'a> {
    fn from(step: &'a Move) -> Self {
        let TokenPosition { generation, attempt } = step.to.leaf;
        Self(
            step.family.as_str(),
            step.from.generation,
            step.from.attempt,
            generation,
            attempt,
            step.to.spent_attempt,
            millis(step.to.handed_out_at),
            step.to.handed_out_to.as_deref(),
            millis(step.to.idle_ends_at),
            step.status.map(|status| status.list),
            step.status.map(|status| status.index),
            step.binding_was.jkt.as_ref().map(Thumbprint::as_str),
            step.binding.jkt.as_ref().map(Thumbprint::as_str),
            step.binding_was.x5t.as_ref().map(Thumbprint::as_str),
            step.binding.x5t.as_ref().map(Thumbprint::as_str),
            step.to.bound_after.map(|last| last.generation),
            step.to.bound_after.map(|last| last.attempt),
        )
    }
}

fn update(backend: DbBackend) -> String {
    let (steps, until) = match backend {
        DbBackend::Postgres => ("jsonb_array_elements($1::jsonb) AS step (value)", "$2::bigint"),
        _ => ("json_each(?)", "?"),
    };
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (at, (name, kind)) in STEP.into_iter().enumerate() {
        names.push(name);
        values.push(match backend {
            DbBackend::Postgres => format!("(value ->> {at})::{kind}"),
            _ => format!("value ->> {at}"),
        });
    }
    let (names, values) = (names.join(", "), values.join(", "));
    // Rows are locked in the order of their ids, so that two batches cannot deadlock. SQLite reads
    // the JSON once, not again for each row.
    let (how, locked, from) = match backend {
        DbBackend::Postgres => (
            "",
            ", locked AS (SELECT family.id FROM family JOIN step ON step.id = family.id \
             ORDER BY family.id FOR UPDATE OF family)",
            "step JOIN locked ON locked.id = step.id",
        ),
        _ => ("MATERIALIZED ", "", "step"),
    };
    format!(
        "WITH step ({names}) AS {how}(SELECT {values} FROM {steps}){locked} \
         UPDATE family SET generation = step.generation, attempt = step.attempt, \
         spent_attempt = step.spent_attempt, handed_out_at = step.handed_out_at, \
         handed_out_to = step.handed_out_to, idle_ends_at = step.idle_ends_at, \
         jkt = step.jkt, x5t = step.x5t, \
         bound_after_generation = step.bound_after_generation, \
         bound_after_attempt = step.bound_after_attempt FROM {from} \
         WHERE family.id = step.id AND family.generation = step.was_generation \
         AND family.attempt = step.was_attempt AND family.revoked_at IS NULL \
         AND family.status_list IS NOT DISTINCT FROM step.status_list \
         AND family.status_index IS NOT DISTINCT FROM step.status_index \
         AND family.jkt IS NOT DISTINCT FROM step.jkt_was \
         AND family.x5t IS NOT DISTINCT FROM step.x5t_was \
         AND {} < {until} RETURNING family.id AS id",
        now(backend)
    )
}
