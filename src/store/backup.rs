//! The backup: a file of lines, the same for both databases.
//!
//! The first line says what is in it: the version of the format, which migrations were applied, the
//! tables with their columns. Then each table begins with a line that names it, followed by a line for
//! each row. The last line has the number of rows and a checksum of everything before it, so a file
//! that was cut off or changed is noticed before anything is written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::migrating;
use super::tables::{Cell, ColumnType, Row, Snapshot, Table};
use crate::domain::hex;
use crate::domain::verdict::{Error, Fault, OrRejected, Rejected, reject};

/// The version of the format.
const FORMAT: u32 = 1;
/// The longest line that is read. No row is near it.
const LONGEST: u64 = 256 * 1024 * 1024;
/// How many rows are on their way between the database and the file.
pub(super) const ON_THE_WAY: usize = 256;

const WRITING: &str = "writing the backup";

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    mapae_backup: u32,
    /// When the backup was made.
    pub made_at: DateTime<Utc>,
    /// The version of mapae that made it.
    pub made_by: String,
    /// The database from which it was made.
    pub database: String,
    /// The migrations that were applied there.
    pub migrations: Vec<String>,
    /// The tables, each after those that it refers to.
    pub tables: Vec<Table>,
}

#[derive(Serialize, Deserialize)]
struct TableLine {
    table: String,
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    rows: u64,
    sha256: String,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// How many rows of each table.
    pub tables: Vec<(String, u64)>,
    /// How many rows together.
    pub rows: u64,
    /// The checksum of everything before the last line.
    pub sha256: String,
}

struct Lines<W> {
    to: W,
    hash: Sha256,
}

impl<W: AsyncWrite + Unpin> Lines<W> {
    async fn write(&mut self, line: &impl Serialize) -> Result<(), Fault> {
        let fault = |error: std::io::Error| Fault::internal(WRITING, error);
        let mut line = serde_json::to_vec(line).map_err(|error| Fault::internal(WRITING, error))?;
        line.push(b'\n');
        self.hash.update(&line);
        self.to.write_all(&line).await.map_err(fault)
    }
}

/// Writes a snapshot as a backup. Only some rows are in memory at a time.
pub async fn write(
    mut snapshot: Snapshot,
    to: impl AsyncWrite + Unpin,
    now: DateTime<Utc>,
) -> Result<Written, Fault> {
    let header = Header {
        mapae_backup: FORMAT,
        made_at: now,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        database: snapshot.version().await?,
        migrations: snapshot.migrations.clone(),
        tables: snapshot.tables.clone(),
    };
    let mut lines = Lines { to, hash: Sha256::new() };
    lines.write(&header).await?;
    let (mut tables, mut all) = (Vec::new(), 0);
    for table in &header.tables {
        lines.write(&TableLine { table: table.name.clone() }).await?;
        let (sender, mut receiver) = mpsc::channel(ON_THE_WAY);
        let reading = async {
            let read = snapshot.rows(table, false, &sender).await;
            drop(sender);
            read
        };
        let writing = async {
            while let Some(row) = receiver.recv().await {
                lines.write(&written(&row)).await?;
            }
            Ok(())
        };
        let (rows, done): (_, Result<(), Fault>) = tokio::join!(reading, writing);
        done?;
        let rows = rows?;
        tables.push((table.name.clone(), rows));
        all += rows;
    }
    let sha256 = hex::lower(lines.hash.clone().finalize().as_ref());
    lines.write(&EndLine { rows: all, sha256: sha256.clone() }).await?;
    lines.to.flush().await.map_err(|error| Fault::internal(WRITING, error))?;
    Ok(Written { tables, rows: all, sha256 })
}

fn written(row: &Row) -> Vec<Value> {
    row.iter()
        .map(|cell| match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) => Value::from(*number),
            Cell::Bool(flag) => Value::from(*flag),
            Cell::Text(text) => Value::from(text.as_str()),
            Cell::Bytes(bytes) => Value::from(STANDARD.encode(bytes)),
        })
        .collect()
}

/// Reads a row; `None` if it does not fit its table.
fn read(table: &Table, line: &[u8]) -> Option<Row> {
    let values: Vec<Value> = serde_json::from_slice(line).ok()?;
    if values.len() != table.columns.len() {
        return None;
    }
    let cell = |(value, (_, of)): (Value, &(String, ColumnType))| match (value, of) {
        (Value::Null, _) => Some(Cell::Null),
        (Value::Number(number), ColumnType::Int) => number.as_i64().map(Cell::Int),
        (Value::Bool(flag), ColumnType::Bool) => Some(Cell::Bool(flag)),
        (Value::String(text), ColumnType::Text) => Some(Cell::Text(text)),
        (Value::String(text), ColumnType::Bytes) => STANDARD.decode(text).ok().map(Cell::Bytes),
        _ => None,
    };
    values.into_iter().zip(&table.columns).map(cell).collect()
}

/// Reads a backup line by line.
#[derive(Debug)]
pub struct BackupReader<R> {
    from: R,
    hash: Sha256,
    line: Vec<u8>,
    number: u64,
    /// What is in it.
    pub header: Header,
    at: Option<usize>,
    rows: u64,
}

impl<R: AsyncBufRead + Unpin> BackupReader<R> {
    /// Reads the first line. Refuses what is no backup, or one that a newer mapae made.
    pub async fn open(from: R) -> OrRejected<Self> {
        let header = Header {
            mapae_backup: 0,
            made_at: DateTime::UNIX_EPOCH,
            made_by: String::new(),
            database: String::new(),
            migrations: Vec::new(),
            tables: Vec::new(),
        };
        let (hash, line) = (Sha256::new(), Vec::new());
        let mut reader = Self { from, hash, line, number: 0, header, at: None, rows: 0 };
        reader.read_line().await?;
        let first: Option<Value> = serde_json::from_slice(&reader.line).ok();
        match first.as_ref().and_then(|first| first.get("mapae_backup")).and_then(Value::as_u64) {
            None => return reject("this is no backup of mapae"),
            Some(format) if format > u64::from(FORMAT) => {
                return reject(format!(
                    "a newer mapae made this backup: its format is {format}, this one reads {FORMAT}"
                ));
            }
            Some(_) => {}
        }
        reader.header = serde_json::from_slice(&reader.line).map_err(|_| reader.damaged())?;
        let unknown = migrating::unknown_among(&reader.header.migrations);
        if let Some(unknown) = unknown.first() {
            return reject(format!(
                "a newer mapae ({}) made this backup: it has {unknown}, which this one does not know",
                reader.header.made_by
            ));
        }
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|it| it.is_ascii_lowercase() || it == b'_' || it.is_ascii_digit())
        };
        // They become part of statements.
        let names = reader.header.tables.iter().flat_map(|table| {
            let columns = table.columns.iter().map(|(name, _)| name.as_str());
            columns.chain([table.name.as_str()]).chain(table.key.iter().map(String::as_str))
        });
        if !names.into_iter().all(is_name) {
            return Err(reader.damaged());
        }
        reader.hash.update(&reader.line);
        Ok(reader)
    }

    /// The next row and the place of its table in the header; `None` at the end, when the checksum was
    /// right.
    pub async fn next(&mut self) -> OrRejected<Option<(usize, Row)>> {
        loop {
            self.read_line().await?;
            if self.line.first() == Some(&b'[') {
                let table = self.at.and_then(|at| self.header.tables.get(at));
                let row = table.and_then(|table| read(table, &self.line));
                let (Some(row), Some(at)) = (row, self.at) else { return Err(self.damaged()) };
                self.hash.update(&self.line);
                self.rows += 1;
                return Ok(Some((at, row)));
            }
            if let Ok(TableLine { table }) = serde_json::from_slice(&self.line) {
                let next = self.at.map_or(0, |at| at + 1);
                if self.header.tables.get(next).is_none_or(|it| it.name != table) {
                    return Err(self.damaged());
                }
                self.at = Some(next);
                self.hash.update(&self.line);
                continue;
            }
            let Ok(end) = serde_json::from_slice::<EndLine>(&self.line) else {
                return Err(self.damaged());
            };
            let is_whole = self.at.map_or(0, |at| at + 1) == self.header.tables.len();
            let sha256 = hex::lower(self.hash.clone().finalize().as_ref());
            if !is_whole || end.rows != self.rows || end.sha256 != sha256 {
                return reject("the backup is damaged: its checksum is of another content");
            }
            if self.from.fill_buf().await.is_ok_and(|rest| !rest.is_empty()) {
                return reject("the backup is damaged: something stands behind its last line");
            }
            return Ok(None);
        }
    }

    async fn read_line(&mut self) -> OrRejected {
        self.line.clear();
        self.number += 1;
        let mut limited = (&mut self.from).take(LONGEST);
        let read = limited.read_until(b'\n', &mut self.line).await;
        read.map_err(|error| Rejected(format!("line {}: {error}", self.number)))?;
        if self.line.last() != Some(&b'\n') {
            if self.number == 1 {
                return reject("this is no backup of mapae");
            }
            return reject(format!(
                "the backup is cut off at line {}: its last line is missing",
                self.number
            ));
        }
        Ok(())
    }

    fn damaged(&self) -> Error<Rejected> {
        Error::Refused(Rejected(format!("the backup is damaged at line {}", self.number)))
    }
}

/// Reads a backup to its end and changes nothing: whether it is whole.
pub async fn verify(from: impl AsyncBufRead + Unpin) -> OrRejected<Header> {
    let mut reader = BackupReader::open(from).await?;
    while reader.next().await?.is_some() {}
    Ok(reader.header)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> Table {
        let of = |name: &str, of| (name.to_owned(), of);
        let columns = vec![
            of("a", ColumnType::Int),
            of("b", ColumnType::Bool),
            of("c", ColumnType::Text),
            of("d", ColumnType::Bytes),
        ];
        Table { name: "t".to_owned(), columns, key: Vec::new() }
    }

    fn cell<T: std::fmt::Debug + 'static>(
        value: impl Strategy<Value = T> + 'static,
        of: impl Fn(T) -> Cell + 'static,
    ) -> BoxedStrategy<Cell> {
        prop_oneof![Just(Cell::Null), value.prop_map(of)].boxed()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(row in (
            cell(any::<i64>(), Cell::Int),
            cell(any::<bool>(), Cell::Bool),
            cell(any::<String>(), Cell::Text),
            cell(any::<Vec<u8>>(), Cell::Bytes),
        )) {
            let row = vec![row.0, row.1, row.2, row.3];
            let line = serde_json::to_vec(&written(&row)).unwrap();
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(read(&table(), &line), Some(row));
        }
    }

    #[test]
    fn a_row_that_does_not_fit_is_not_read() {
        for line in ["[]", "[1,true,\"x\",\"%\"]", "[1.5,true,\"\",\"\"]", "[1,1,\"\",\"\"]", "{}"]
        {
            assert_eq!(read(&table(), line.as_bytes()), None, "{line}");
        }
    }
}
