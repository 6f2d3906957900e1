//! What bounds a statement.

use std::time::Duration;

/// What a Postgres server limits by itself, so that no lock outlives who asked for it: it gives up
/// a little before we do, and so the connection can be used on.
pub(super) fn limits(within: Duration) -> [(&'static str, String); 3] {
    let millis = within.as_millis();
    [
        ("statement_timeout", (millis * 9 / 10).to_string()),
        ("lock_timeout", (millis * 9 / 10).to_string()),
        ("idle_in_transaction_session_timeout", (millis * 2).to_string()),
    ]
}

/// Room for every statement and for the batched ones in each of their sizes.
pub(super) const STATEMENT_CACHE: usize = 512;

/// Rows that one statement writes: a statement of both databases has room for so many values, and
/// whatever has more rows is written by several.
pub(super) const ROWS: usize = 500;
