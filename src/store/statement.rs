//! The limits of a statement.

use std::time::Duration;

use super::pool::How;

/// The limits that a Postgres server enforces on its own, so that a lock is released even if its
/// client is gone. The server gives up a little before we do, so the connection stays usable. A
/// limit is never 0, which would mean no limit.
pub(super) fn limits(how: &How, within: Duration) -> [(&'static str, String); 3] {
    let ours = within * 9 / 10;
    let millis = |limit: Duration| limit.as_millis().max(1).to_string();
    [
        ("statement_timeout", millis(ours)),
        ("lock_timeout", millis(how.lock.min(ours))),
        ("idle_in_transaction_session_timeout", millis(how.idle)),
    ]
}

/// The number of cached prepared statements: room for every statement, and for the batched ones in
/// each of their sizes.
pub(super) const STATEMENT_CACHE: usize = 512;

/// The most rows that one statement writes. Both databases limit the values of a statement, so more
/// rows are written by several statements.
pub(super) const ROWS: usize = 500;
