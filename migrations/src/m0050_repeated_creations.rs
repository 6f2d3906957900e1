//! Creations that were asked for with an `Idempotency-Key`, and their answers.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0050_repeated_creations", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE repeatable_creation (
        hash BYTES NOT NULL PRIMARY KEY,
        request BYTES NOT NULL,
        answer TEXT,
        user_id TEXT REFERENCES account (id) ON DELETE CASCADE,
        begun_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX repeatable_creation_by_user ON repeatable_creation (user_id)",
    "CREATE INDEX repeatable_creation_by_time ON repeatable_creation (expires_at)",
];
