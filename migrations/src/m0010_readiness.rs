//! A row that is written to check whether the database can be written to, and an index to find
//! sessions by the end of their idle time.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0010_readiness", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE readiness (id INTEGER PRIMARY KEY, written_at BIGINT NOT NULL)",
    "INSERT INTO readiness (id, written_at) VALUES (1, 0)",
    "CREATE INDEX session_idle_ends_at ON session (idle_ends_at)",
];
