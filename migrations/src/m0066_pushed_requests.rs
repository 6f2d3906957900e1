//! Authorization requests that clients pushed, RFC 9126.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0066_pushed_requests", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE pushed_request (
        hash BYTES NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL,
        request TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        used_at BIGINT,
        used_by TEXT
    ) BY_KEY",
    "CREATE INDEX pushed_request_by_time ON pushed_request (expires_at)",
];
