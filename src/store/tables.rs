//! The tables of a database as rows of plain values, whatever is in them. Backups, restores and
//! copies use it, so a table that a later migration makes needs no code here.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc;

use super::cause::{self, while_doing};
use super::file;
use super::options::Options;
use super::place::{self, DatabasePlace};
use super::pool::{Raw, Target};
use super::server;
use crate::domain::verdict::{Fault, OrRejected};

/// The tables that say nothing about people, clients or keys: which migrations ran, which server
/// leads a job at this moment.
const LEFT_OUT: &[&str] = &["seaql_migrations", "leader"];

const READING: &str = "reading the tables";

/// The type of a column. The schema has no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// `true` or `false`.
    Bool(bool),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A row, in the order of the columns of its table.
pub type Row = Vec<Cell>;

/// A table: its name, its columns and which of them are its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The names and types of its columns, in the order of their names.
    pub columns: Vec<(String, ColumnType)>,
    /// The columns of its primary key.
    pub key: Vec<String>,
}

impl Table {
    /// Selects every row. `in_order` sorts them by the key, byte for byte on both databases.
    fn select(&self, is_postgres: bool, in_order: bool) -> String {
        let column = |(name, of): &(String, ColumnType)| match of {
            ColumnType::Int if is_postgres => format!("\"{name}\"::bigint"),
            _ => format!("\"{name}\""),
        };
        let columns: Vec<_> = self.columns.iter().map(column).collect();
        let mut sql = format!("SELECT {} FROM \"{}\"", columns.join(", "), self.name);
        if in_order && !self.key.is_empty() {
            let is_text = |key: &&String| {
                self.columns.iter().any(|(name, of)| name == *key && *of == ColumnType::Text)
            };
            let by = |key: &String| {
                let how = if is_postgres && is_text(&key) { " COLLATE \"C\"" } else { "" };
                format!("\"{key}\"{how}")
            };
            let key: Vec<_> = self.key.iter().map(by).collect();
            sql.push_str(" ORDER BY ");
            sql.push_str(&key.join(", "));
        }
        sql
    }
}

/// One consistent state of a database, whatever others write meanwhile.
///
/// On SQLite it is a read transaction on the log (WAL): the writer goes on beside it. On Postgres it
/// is a transaction of the level `REPEATABLE READ`, read only. Both see what was committed when it
/// began, and nothing later.
#[derive(Debug)]
pub struct Snapshot {
    raw: Raw,
    /// The migrations that were applied, oldest first.
    pub migrations: Vec<String>,
    /// The tables, each after those that it refers to.
    pub tables: Vec<Table>,
}

impl Snapshot {
    /// Takes a snapshot of an existing database. Refuses one that a newer version changed.
    pub async fn take(url: &str, options: &Options) -> OrRejected<Self> {
        let fault = |error: DbErr| while_doing("beginning a snapshot")(error);
        let target = match place::read(url)? {
            DatabasePlace::Sqlite(given) => {
                let path = given.get_filename().to_path_buf();
                Target::Sqlite(Box::new(file::options(&given, options.lock_timeout)), path)
            }
            DatabasePlace::Postgres(place) => server::target(&place, options),
        };
        let raw = target.connect(options.pool_wait).await;
        let mut raw = raw.map_err(|refused| fault(refused.into()))?;
        let begin = match &raw {
            // The first statement that reads takes the snapshot.
            Raw::Sqlite(_) => "BEGIN; SELECT count(*) FROM sqlite_master",
            Raw::Postgres(_) => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
                 SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0; SELECT 1"
            }
        };
        raw.run(begin).await.map_err(|error| cause::fault("beginning a snapshot", &error))?;
        let tables = tables(&mut raw).await?;
        let migrations = migrations(&mut raw).await?;
        let tables = tables.into_iter().filter(|table| !is_left_out(&table.name)).collect();
        Ok(Self { raw, migrations, tables })
    }

    /// The migrations that were not applied yet.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        super::migrating::not_among(&self.migrations)
    }

    /// The name and version of the database.
    pub async fn version(&mut self) -> Result<String, Fault> {
        let (name, sql) = match &self.raw {
            Raw::Postgres(_) => ("Postgres", "SELECT current_setting('server_version')"),
            Raw::Sqlite(_) => ("SQLite", "SELECT sqlite_version()"),
        };
        let version = texts(&mut self.raw, sql).await?;
        Ok(format!("{name} {}", version.first().map(String::as_str).unwrap_or_default()))
    }

    /// Sends every row of a table. It waits for whoever takes them, so they never pile up.
    pub async fn rows(
        &mut self,
        table: &Table,
        in_order: bool,
        to: &mpsc::Sender<Row>,
    ) -> Result<u64, Fault> {
        send_rows(&mut self.raw, table, in_order, to).await
    }
}

fn is_left_out(name: &str) -> bool {
    LEFT_OUT.contains(&name)
}

async fn send_rows(
    raw: &mut Raw,
    table: &Table,
    in_order: bool,
    to: &mpsc::Sender<Row>,
) -> Result<u64, Fault> {
    let fault = |error: sqlx::Error| cause::fault(READING, &error);
    let sql = AssertSqlSafe(table.select(matches!(raw, Raw::Postgres(_)), in_order));
    let mut count = 0;
    match raw {
        Raw::Sqlite(raw) => {
            let mut rows = sqlx::query(sql).fetch(raw);
            while let Some(row) = rows.try_next().await.map_err(fault)? {
                let row = of_sqlite(table, &row).map_err(fault)?;
                count += 1;
                if to.send(row).await.is_err() {
                    break;
                }
            }
        }
        Raw::Postgres(raw) => {
            let mut rows = sqlx::query(sql).persistent(false).fetch(raw);
            while let Some(row) = rows.try_next().await.map_err(fault)? {
                let row = of_postgres(table, &row).map_err(fault)?;
                count += 1;
                if to.send(row).await.is_err() {
                    break;
                }
            }
        }
    }
    Ok(count)
}

macro_rules! read_row {
    ($name:ident, $row:ty) => {
        fn $name(table: &Table, row: &$row) -> Result<Row, sqlx::Error> {
            let cell = |(at, (_, of)): (usize, &(String, ColumnType))| {
                Ok(match of {
                    ColumnType::Int => row.try_get::<Option<i64>, _>(at)?.map(Cell::Int),
                    ColumnType::Bool => row.try_get::<Option<bool>, _>(at)?.map(Cell::Bool),
                    ColumnType::Text => row.try_get::<Option<String>, _>(at)?.map(Cell::Text),
                    ColumnType::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map(Cell::Bytes),
                }
                .unwrap_or(Cell::Null))
            };
            table.columns.iter().enumerate().map(cell).collect()
        }
    };
}

read_row!(of_sqlite, SqliteRow);
read_row!(of_postgres, PgRow);

/// The first column of every row, as text.
async fn texts(raw: &mut Raw, sql: &str) -> Result<Vec<String>, Fault> {
    let rows = texts_of(raw, sql, 1).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next()).collect())
}

/// The first columns of every row, as text.
async fn texts_of(raw: &mut Raw, sql: &str, columns: usize) -> Result<Vec<Vec<String>>, Fault> {
    let fault = |error: sqlx::Error| cause::fault(READING, &error);
    let sql = AssertSqlSafe(sql.to_owned());
    let rows: Result<Vec<Vec<String>>, sqlx::Error> = match raw {
        Raw::Sqlite(raw) => {
            let rows = sqlx::query(sql).fetch_all(raw).await.map_err(fault)?;
            rows.iter().map(|row| (0..columns).map(|at| row.try_get(at)).collect()).collect()
        }
        Raw::Postgres(raw) => {
            let rows = sqlx::query(sql).persistent(false).fetch_all(raw).await.map_err(fault)?;
            rows.iter().map(|row| (0..columns).map(|at| row.try_get(at)).collect()).collect()
        }
    };
    rows.map_err(fault)
}

/// The migrations that were applied, in their order; none if the database is empty.
async fn migrations(raw: &mut Raw) -> OrRejected<Vec<String>> {
    let table = match raw {
        Raw::Sqlite(_) => "SELECT name FROM sqlite_master WHERE name = 'seaql_migrations'",
        Raw::Postgres(_) => {
            "SELECT table_name::text FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'seaql_migrations'"
        }
    };
    if texts(raw, table).await?.is_empty() {
        return Ok(Vec::new());
    }
    let applied = texts(raw, "SELECT version FROM seaql_migrations ORDER BY version").await?;
    super::migrating::refuse_newer(&applied)?;
    Ok(super::migrating::in_order(&applied))
}

/// Every table with its columns, each after those that it refers to.
async fn tables(raw: &mut Raw) -> Result<Vec<Table>, Fault> {
    let names = match raw {
        Raw::Sqlite(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             ORDER BY name"
        }
        Raw::Postgres(_) => {
            "SELECT table_name::text FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' \
             ORDER BY table_name"
        }
    };
    let mut every = Vec::new();
    for name in texts(raw, names).await? {
        let (columns, key, refers) = match raw {
            Raw::Sqlite(_) => (
                format!("SELECT name, type FROM pragma_table_info('{name}') ORDER BY name"),
                format!("SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk"),
                format!("SELECT \"table\" FROM pragma_foreign_key_list('{name}')"),
            ),
            Raw::Postgres(_) => (
                format!(
                    "SELECT column_name::text, data_type::text FROM information_schema.columns \
                     WHERE table_schema = current_schema() AND table_name = '{name}' \
                     ORDER BY column_name COLLATE \"C\""
                ),
                format!(
                    "SELECT a.attname::text FROM pg_index i \
                     CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) \
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                     WHERE i.indrelid = '\"{name}\"'::regclass AND i.indisprimary ORDER BY k.place"
                ),
                format!(
                    "SELECT confrelid::regclass::text FROM pg_constraint \
                     WHERE conrelid = '\"{name}\"'::regclass AND contype = 'f'"
                ),
            ),
        };
        let mut typed = Vec::new();
        for column in texts_of(raw, &columns, 2).await? {
            if let [column, of] = column.as_slice() {
                typed.push((column.clone(), column_type(&name, column, of)?));
            }
        }
        let key = texts(raw, &key).await?;
        let refers: BTreeSet<_> = texts(raw, &refers).await?.into_iter().collect();
        every.push((Table { name, columns: typed, key }, refers));
    }
    Ok(after_their_references(every))
}

fn column_type(table: &str, column: &str, of: &str) -> Result<ColumnType, Fault> {
    match of.to_ascii_lowercase().as_str() {
        "bigint" | "integer" => Ok(ColumnType::Int),
        "boolean" => Ok(ColumnType::Bool),
        // The migrations' own table has `varchar`.
        "text" | "varchar" | "character varying" => Ok(ColumnType::Text),
        "blob" | "bytea" => Ok(ColumnType::Bytes),
        _ => Err(Fault::internal(READING, format!("{table}.{column} has an unknown type, {of}"))),
    }
}

/// Each table after those that it refers to, otherwise in the order of their names.
fn after_their_references(mut left: Vec<(Table, BTreeSet<String>)>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let is_there = |name: &String| ordered.iter().any(|table| table.name == *name);
        let known: Vec<bool> = left
            .iter()
            .map(|(table, refers)| refers.iter().all(|name| *name == table.name || is_there(name)))
            .collect();
        // Tables that refer to each other in a circle would be taken as they come.
        let takes_all = !known.contains(&true);
        let mut takes = known.into_iter();
        let (taken, rest): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|_| takes_all || takes.next().unwrap_or(true));
        ordered.extend(taken.into_iter().map(|(table, _)| table));
        left = rest;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table {
        Table { name: name.to_owned(), columns: Vec::new(), key: Vec::new() }
    }

    #[test]
    fn a_table_comes_after_those_that_it_refers_to() {
        let of = |name: &str, refers: &[&str]| {
            (table(name), refers.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<_>>())
        };
        let ordered = after_their_references(vec![
            of("consent", &["client", "account"]),
            of("account", &[]),
            of("client", &[]),
            of("passkey", &["account"]),
        ]);
        let names: Vec<_> = ordered.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["account", "client", "consent", "passkey"]);
        let circle = after_their_references(vec![of("a", &["b"]), of("b", &["a"])]);
        assert_eq!(circle.len(), 2);
    }

    #[test]
    fn a_type_that_nobody_knows_is_a_fault() {
        assert!(column_type("t", "c", "real").is_err());
        assert_eq!(column_type("t", "c", "BYTEA").unwrap(), ColumnType::Bytes);
    }
}
