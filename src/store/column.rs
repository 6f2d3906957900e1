//! How domain values stand in columns.

use chrono::{DateTime, Utc};

use crate::domain::clock;
use crate::domain::verdict::Fault;

/// Milliseconds since 1970.
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

/// A list read back.
pub(super) fn read_list(table: &'static str, text: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::internal(table, error))
}

/// A value that this table must not hold.
pub(super) fn corrupt(table: &'static str, what: impl Into<String>) -> Fault {
    Fault::internal(table, what.into())
}
