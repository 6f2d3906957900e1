//! The limits of requests. On Postgres the table is not in the write-ahead log: after a crash of the
//! server the counts begin again, and each of them is written with every request.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0039_rate_limits", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "POSTGRES CREATE UNLOGGED TABLE rate_limit (
        key BYTES NOT NULL PRIMARY KEY,
        empty_at BIGINT NOT NULL
    )",
    "SQLITE CREATE TABLE rate_limit (
        key BYTES NOT NULL PRIMARY KEY,
        empty_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX rate_limit_by_end ON rate_limit (empty_at)",
];
