//! Comparing two databases row by row, in the order of the keys.

use serde::Serialize;
use tokio::sync::mpsc;

use super::backup::ON_THE_WAY;
use super::tables::{Snapshot, Table};
use crate::domain::verdict::{Fault, OrRejected, reject};

/// What was compared.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// How many rows of each table.
    pub tables: Vec<(String, u64)>,
    /// How many rows together.
    pub rows: u64,
}

/// Compares every row of every table. The first one that differs is refused; only some rows are in
/// memory at a time.
pub async fn compare(mut one: Snapshot, mut other: Snapshot) -> OrRejected<Compared> {
    if one.migrations != other.migrations || one.tables.len() != other.tables.len() {
        return reject("the two databases have different tables");
    }
    let (mut tables, mut rows) = (Vec::new(), 0);
    for table in one.tables.clone() {
        let Some(same) = other.tables.iter().find(|it| it.name == table.name).cloned() else {
            return reject(format!("the table {} is missing in one of the databases", table.name));
        };
        if same.columns != table.columns || same.key != table.key {
            return reject(format!("the table {} has other columns", table.name));
        }
        let count = compare_rows(&mut one, &mut other, &table).await?;
        rows += count;
        tables.push((table.name, count));
    }
    Ok(Compared { tables, rows })
}

async fn compare_rows(one: &mut Snapshot, other: &mut Snapshot, table: &Table) -> OrRejected<u64> {
    let (to_one, mut of_one) = mpsc::channel(ON_THE_WAY);
    let (to_other, mut of_other) = mpsc::channel(ON_THE_WAY);
    let reading_one = async {
        let read = one.rows(table, true, &to_one).await;
        drop(to_one);
        read
    };
    let reading_other = async {
        let read = other.rows(table, true, &to_other).await;
        drop(to_other);
        read
    };
    let comparing = async {
        let mut count = 0_u64;
        loop {
            let (row, same) = tokio::join!(of_one.recv(), of_other.recv());
            if row != same {
                // Whoever sends is not waited for any more.
                of_one.close();
                of_other.close();
                return Err(count);
            }
            if row.is_none() {
                return Ok(count);
            }
            count += 1;
        }
    };
    let (read_one, read_other, compared) = tokio::join!(reading_one, reading_other, comparing);
    let read: Result<(u64, u64), Fault> = read_one.and_then(|one| Ok((one, read_other?)));
    read?;
    match compared {
        Ok(count) => Ok(count),
        Err(at) => reject(format!("the row {} of the table {} differs", at + 1, table.name)),
    }
}
