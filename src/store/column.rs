//! How domain values are stored in columns.

use chrono::{DateTime, Utc};

use crate::domain::clock;
use crate::domain::verdict::Fault;

/// An instant in milliseconds since 1970.
pub(super) fn millis(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_millis()
}

/// The instant of a column that may be empty.
pub(super) fn instant(millis: Option<i64>) -> Option<DateTime<Utc>> {
    millis.map(clock::from_millis)
}

/// A list as a JSON array.
pub(super) fn list(items: &[String]) -> String {
    serde_json::Value::from(items).to_string()
}

/// Reads a list from its JSON array.
pub(super) fn read_list(table: &'static str, text: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::internal(table, error))
}

/// The fault for a value that must not be in this table.
pub(super) fn corrupt(table: &'static str, what: impl Into<String>) -> Fault {
    Fault::internal(table, what.into())
}
