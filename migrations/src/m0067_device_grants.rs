//! Sign-ins on devices without a browser, RFC 8628.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0067_device_grants", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE device_grant (
        hash BYTES NOT NULL PRIMARY KEY,
        user_code_hash BYTES NOT NULL,
        client_id TEXT NOT NULL,
        asked TEXT NOT NULL,
        pause_ms BIGINT NOT NULL,
        polled_at BIGINT,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        granted TEXT,
        granted_by TEXT,
        decided_at BIGINT,
        spent_at BIGINT
    ) BY_KEY",
    "CREATE UNIQUE INDEX device_grant_by_user_code ON device_grant (user_code_hash)",
    "CREATE INDEX device_grant_by_time ON device_grant (expires_at)",
];
