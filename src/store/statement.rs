//! What bounds a statement.

use std::time::Duration;

use super::pool::How;

/// What a Postgres server limits by itself, so that no lock outlives who asked for it: it gives up
/// a little before we do, and so the connection can be used on. Never by nothing, which would be no
/// limit.
pub(super) fn limits(how: &How, within: Duration) -> [(&'static str, String); 3] {
    let ours = within * 9 / 10;
    let millis = |limit: Duration| limit.as_millis().max(1).to_string();
    [
        ("statement_timeout", millis(ours)),
        ("lock_timeout", millis(how.lock.min(ours))),
        ("idle_in_transaction_session_timeout", millis(how.idle)),
    ]
}

/// Room for every statement and for the batched ones in each of their sizes.
pub(super) const STATEMENT_CACHE: usize = 512;

/// Rows that one statement writes: a statement of both databases has room for so many values, and
/// whatever has more rows is written by several.
pub(super) const ROWS: usize = 500;
